#include "pages.hpp"

#include "json.hpp"
#include "prometheus.hpp"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

namespace vivarium::admin {
namespace {

constexpr std::string_view kHtml = "text/html; charset=utf-8";

HttpResponse no_such_page() { return text_response(status::kNotFound, "there is no such page"); }

/// A browser can be made to ask us by any page that it shows, and says then where that page is from.
bool asked_by_other_page(const HttpRequest& request) {
  return !request.fetch_site.empty() && request.fetch_site != "same-origin" &&
         request.fetch_site != "none";
}

HttpResponse refuse_other_page() {
  return text_response(status::kForbidden, "pages of other servers may not ask this one");
}

}  // namespace

Pages::Pages(const ServerView& view, const Commands& commands, const Metrics& metrics,
             const Options& options, Log& log, std::string command_url)
    : runner_(view, commands, options),
      metrics_(metrics),
      dashboard_(view, runner_, options, log),
      command_url_(std::move(command_url)) {}

HttpResponse Pages::answer(const HttpRequest& request, const PeerIdentity& peer) const {
  const std::string_view path = request.path;
  if (asked_by_other_page(request) && !Dashboard::may_be_linked_to(request))
    return refuse_other_page();
  if (path == "/livez") return text_response(status::kOk, "ok");
  if (path == "/readyz") return ready();
  if (path == "/metrics") return metrics();
  if (path == command_url_ || path == command_url_ + "/") return command_list(request);
  if (path.starts_with(command_url_ + "/"))
    return run(std::string(path.substr(command_url_.size() + 1)), request);
  if (auto page = dashboard_.answer(request, peer)) return std::move(*page);
  return no_such_page();
}

HttpResponse Pages::answer_metrics(const HttpRequest& request) const {
  if (asked_by_other_page(request)) return refuse_other_page();
  return request.path == "/metrics" ? metrics() : no_such_page();
}

HttpResponse Pages::ready() const {
  if (runner_.serves()) return text_response(status::kOk, "ok");
  return text_response(status::kUnavailable,
                       "clients are not served: the state is read, or there is no leader");
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
  for (const auto* command : runner_.commands().all())
    if (runner_.listed(*command)) names.push_back(command->name);
  std::sort(names.begin(), names.end());
  if (request.accept.find(kJsonType) != std::string::npos)
    return json_response(status::kOk,
                         Value::Fields{{"commands", Value::List(names.begin(), names.end())}});
  HttpResponse response;
  response.content_type = kHtml;
  for (const auto& name : names)
    response.body += "<a href=\"" + command_url_ + "/" + name + "\">" + name + "</a>\n<br/>\n";
  return response;
}

HttpResponse Pages::run(const std::string& name, const HttpRequest& request) const {
  Value::Fields arguments;
  for (const auto& [argument, value] : request.arguments) arguments.emplace_back(argument, value);
  auto outcome = runner_.run(name, arguments);
  return json_response(outcome.status, std::move(outcome.fields));
}

}  // namespace vivarium::admin
