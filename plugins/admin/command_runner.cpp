#include "command_runner.hpp"

#include "http_message.hpp"

#include <algorithm>
#include <string_view>
#include <utility>
#include <variant>

namespace vivarium::admin {
namespace {

constexpr auto kNotServing = "This ZooKeeper instance is not currently serving requests";

/// As ZooKeeper: the fields, then the command's name, and an error or null.
CommandRunner::Outcome outcome(unsigned status, Value::Fields fields, const std::string& command,
                               Value error) {
  const auto own = std::find_if(fields.begin(), fields.end(),
                                [](const auto& field) { return field.first == "error"; });
  if (own != fields.end()) {
    error = std::move(own->second);
    fields.erase(own);
  }
  fields.emplace_back("command", command);
  fields.emplace_back("error", std::move(error));
  return {status, std::move(fields)};
}

Value::Fields fields_of(const Value& value) {
  if (const auto* fields = std::get_if<Value::Fields>(&value.content())) return *fields;
  return {{"value", value}};
}

/// Elements of a comma-separated list.
bool lists(std::string_view list, std::string_view wanted) {
  while (!list.empty()) {
    const auto comma = list.find(',');
    auto name = list.substr(0, comma);
    while (name.starts_with(' ')) name.remove_prefix(1);
    while (name.ends_with(' ')) name.remove_suffix(1);
    if (name == wanted) return true;
    list.remove_prefix(comma == list.npos ? list.size() : comma + 1);
  }
  return false;
}

}  // namespace

CommandRunner::Outcome CommandRunner::run(const std::string& name,
                                          const Value::Fields& arguments) const {
  const auto* command = commands_.find(name);
  if (!command) return outcome(status::kNotFound, {}, name, "Unknown command: " + name);
  if (!listed(*command))
    return outcome(status::kForbidden, {}, command->name,
                   "it is not run here; vivarium.service.admin.commands names those that are");
  if (!command->when_not_serving && !serves())
    return outcome(status::kOk, {}, command->name, kNotServing);
  return outcome(status::kOk, fields_of(command->run(arguments)), command->name, Value());
}

bool CommandRunner::listed(const CommandSpec& command) const {
  if (command.permission == CommandPermission::anyone) return true;
  const auto list = options_.text("commands");
  const auto among = [&](const std::string& name) { return lists(list, name); };
  if (command.permission == CommandPermission::operators && lists(list, "*")) return true;
  return among(command.name) || std::any_of(command.words.begin(), command.words.end(), among) ||
         std::any_of(command.aliases.begin(), command.aliases.end(), among);
}

}  // namespace vivarium::admin
