#include "kernel/core/command_rows.hpp"
#include "kernel/core/inspection.hpp"

namespace vivarium {

std::vector<std::unique_ptr<CommandHandle>> add_commands(Commands& commands,
                                                         const Inspection& inspection) {
  std::vector<std::unique_ptr<CommandHandle>> handles;
  for (const auto rows : {server_commands(), client_commands()})
    for (const auto& row : rows)
      handles.push_back(commands.add(
          {row.name,
           {row.word},
           row.permission,
           row.available == Available::always,
           row.help,
           [&inspection, run = row.run](const Value::Fields&) { return run(inspection); },
           row.text}));
  return handles;
}

}  // namespace vivarium
