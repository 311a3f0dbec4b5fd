#include "kernel/core/command_rows.hpp"
#include "kernel/core/inspection.hpp"

namespace vivarium {
namespace {

std::vector<std::string> names(const char* name) {
  return name ? std::vector<std::string>{name} : std::vector<std::string>();
}

}  // namespace

std::vector<std::unique_ptr<CommandHandle>> add_commands(Commands& commands,
                                                         const Inspection& inspection) {
  std::vector<std::unique_ptr<CommandHandle>> handles;
  for (const auto rows : {server_commands(), client_commands(), ensemble_commands()})
    for (const auto& row : rows)
      handles.push_back(commands.add(
          {row.name,
           names(row.word),
           row.permission,
           row.available == Available::always,
           row.help,
           [&inspection, run = row.run](const Value::Fields&) { return run(inspection); },
           row.text,
           names(row.alias)}));
  return handles;
}

}  // namespace vivarium
