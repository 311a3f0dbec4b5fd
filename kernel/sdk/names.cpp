// Names of enumerators, as they stand in logs, scripts and replies.
#include <vivarium/acl_policy.hpp>
#include <vivarium/broadcast.hpp>
#include <vivarium/commands.hpp>

namespace vivarium {

std::string_view name_of(Operation operation) {
  switch (operation) {
    case Operation::create: return "create";
    case Operation::remove: return "delete";
    case Operation::get_data: return "get_data";
    case Operation::set_data: return "set_data";
    case Operation::exists: return "exists";
    case Operation::get_children: return "get_children";
    case Operation::get_acl: return "get_acl";
    case Operation::set_acl: return "set_acl";
    case Operation::check: return "check";
    case Operation::watch_event: return "watch_event";
    case Operation::count_children: return "count_children";
    case Operation::get_ephemerals: return "get_ephemerals";
    case Operation::add_watch: return "add_watch";
    case Operation::reconfig: return "reconfig";
    case Operation::sync: return "sync";
  }
  return "unknown";
}

std::string_view name_of(ServingRole role) {
  switch (role) {
    case ServingRole::none: return "looking";
    case ServingRole::standalone: return "standalone";
    case ServingRole::leader: return "leader";
    case ServingRole::follower: return "follower";
    case ServingRole::observer: return "observer";
    case ServingRole::read_only: return "read-only";
  }
  return "unknown";
}

const Value* Value::field(std::string_view name) const {
  const auto* fields = std::get_if<Fields>(&content_);
  if (!fields) return nullptr;
  for (const auto& [key, value] : *fields)
    if (key == name) return &value;
  return nullptr;
}

}  // namespace vivarium
