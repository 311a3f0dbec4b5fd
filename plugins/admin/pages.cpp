#include "pages.hpp"

#include "json.hpp"
#include "prometheus.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace vivarium::admin {
namespace {

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kHtml = "text/html; charset=utf-8";
constexpr auto kNotServing = "This ZooKeeper instance is not currently serving requests";

HttpResponse text(unsigned status, std::string body) {
  HttpResponse response;
  response.status = status;
  response.body = std::move(body) + "\n";
  return response;
}

HttpResponse no_such_page() { return text(status::kNotFound, "there is no such page"); }

/// As ZooKeeper: the fields, then the command's name, and an error or null.
HttpResponse json(unsigned status, Value::Fields fields, const std::string& command, Value error) {
  const auto own = std::find_if(fields.begin(), fields.end(),
                                [](const auto& field) { return field.first == "error"; });
  if (own != fields.end()) {
    error = std::move(own->second);
    fields.erase(own);
  }
  fields.emplace_back("command", command);
  fields.emplace_back("error", std::move(error));
  HttpResponse response;
  response.status = status;
  response.content_type = kJson;
  response.body = to_json(fields);
  return response;
}

HttpResponse refusal(unsigned status, const std::string& command, std::string why) {
  return json(status, {}, command, std::move(why));
}

Value::Fields arguments_of(const HttpRequest& request) {
  Value::Fields arguments;
  for (const auto& [name, value] : request.arguments) arguments.emplace_back(name, value);
  return arguments;
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

Pages::Pages(const ServerView& view, const Commands& commands, const Metrics& metrics,
             const Options& options, std::string command_url)
    : view_(view),
      commands_(commands),
      metrics_(metrics),
      options_(options),
      command_url_(std::move(command_url)) {}

HttpResponse Pages::answer(const HttpRequest& request) const {
  const std::string_view path = request.path;
  if (path == "/livez") return text(status::kOk, "ok");
  if (path == "/readyz") return ready();
  if (path == "/metrics") return metrics();
  if (path == command_url_ || path == command_url_ + "/") return command_list(request);
  if (!path.starts_with(command_url_ + "/")) return no_such_page();
  return run(std::string(path.substr(command_url_.size() + 1)), request);
}

HttpResponse Pages::answer_metrics(const HttpRequest& request) const {
  return request.path == "/metrics" ? metrics() : no_such_page();
}

HttpResponse Pages::ready() const {
  if (serves()) return text(status::kOk, "ok");
  return text(status::kUnavailable, "clients are not served: the state is read, or there is no leader");
}

HttpResponse Pages::metrics() const {
  HttpResponse response;
  response.content_type = kPrometheusType;
  response.body = to_prometheus(metrics_);
  return response;
}

/// Links, as ZooKeeper has them; whoever asks for JSON gets the names.
HttpResponse Pages::command_list(const HttpRequest& request) const {
  std::vector<std::string> names;
  for (const auto* command : commands_.all())
    if (listed(*command)) names.push_back(command->name);
  std::sort(names.begin(), names.end());
  HttpResponse response;
  if (request.accept.find(kJson) != std::string::npos) {
    response.content_type = kJson;
    response.body = to_json(Value::Fields{{"commands", Value::List(names.begin(), names.end())}});
    return response;
  }
  response.content_type = kHtml;
  for (const auto& name : names)
    response.body += "<a href=\"" + command_url_ + "/" + name + "\">" + name + "</a>\n<br/>\n";
  return response;
}

HttpResponse Pages::run(const std::string& name, const HttpRequest& request) const {
  const auto* command = commands_.find(name);
  if (!command) return refusal(status::kNotFound, name, "Unknown command: " + name);
  if (!listed(*command))
    return refusal(status::kForbidden, command->name,
                   "it is not run here; vivarium.service.admin.commands names those that are");
  if (!command->when_not_serving && !serves())
    return refusal(status::kOk, command->name, kNotServing);
  return json(status::kOk, fields_of(command->run(arguments_of(request))), command->name, Value());
}

bool Pages::listed(const CommandSpec& command) const {
  if (command.permission == CommandPermission::anyone) return true;
  const auto list = options_.text("commands");
  const auto among = [&](const std::string& name) { return lists(list, name); };
  if (command.permission == CommandPermission::operators && lists(list, "*")) return true;
  return among(command.name) || std::any_of(command.words.begin(), command.words.end(), among) ||
         std::any_of(command.aliases.begin(), command.aliases.end(), among);
}

}  // namespace vivarium::admin
