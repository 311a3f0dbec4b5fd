#pragma once
// ZooKeeper's own commands as rows of tables: the value that each yields, with the field names of
// ZooKeeper's admin pages, and how that value reads as the answer to a four-letter word.
// Source: sections H.1 and H.3.

#include "kernel/core/inspection.hpp"

#include <vivarium/commands.hpp>

#include <cstdint>
#include <span>
#include <string>

namespace vivarium {

/// When a command can run.
enum class Available : std::uint8_t { always, while_serving };

struct CommandRow {
  const char* name;
  const char* word;  ///< nullptr: none, and then no text.
  CommandPermission permission;
  Available available;
  const char* help;
  Value (*run)(const Inspection& server);
  std::string (*text)(const Value& value);
  const char* alias = nullptr;  ///< A further name for admin pages.
};

/// What tells of the server as a whole.
std::span<const CommandRow> server_commands();
/// What tells of the ensemble, and the rest that ZooKeeper has for its admin pages alone.
std::span<const CommandRow> ensemble_commands();
/// What tells of connections, sessions and watches.
std::span<const CommandRow> client_commands();

enum class ConnectionDetail : std::uint8_t { brief, full };

/// The fields `connections` and `secure_connections`, which several commands have.
void append_connections(const Inspection& server, ConnectionDetail detail, Value::Fields& fields);
/// A line for each of them, and an empty one.
std::string connection_lines(const Value& value);

}  // namespace vivarium
