#include "admin.hpp"

#include <algorithm>
#include <string>

namespace vivarium::admin {
namespace {

constexpr auto kOnlyHere = "127.0.0.1";
constexpr std::string_view kExporter =
    "org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider";

/// Java takes true in any letter case, and everything else for false.
bool is_true(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return text == "true";
}

/// With one slash before it and none behind.
std::string tidy_url(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return url.starts_with('/') ? url : "/" + url;
}

}  // namespace

Result<void> Admin::run(const ServerView& view, Transport& transport) {
  pages_.emplace(view, host_.commands(), host_.metrics(), host_.options(), host_.log(),
                 tidy_url(host_.server_setting("admin.commandURL")));
  if (is_true(host_.server_setting("admin.enableServer")))
    if (auto opened = open(pages_port_, transport, "admin.serverAddress", "admin.serverPort",
                           [this](const HttpRequest& request, const PeerIdentity& peer) {
                             return pages_->answer(request, peer);
                           });
        !opened)
      return opened;
  if (host_.server_setting("metricsProvider.className") != kExporter) return {};
  return open(metrics_port_, transport, "metricsProvider.httpHost", "metricsProvider.httpPort",
              [this](const HttpRequest& request, const PeerIdentity&) {
                return pages_->answer_metrics(request);
              });
}

Result<void> Admin::open(std::unique_ptr<HttpPort>& port, Transport& transport, const char* host_key,
                         const char* port_key, HttpPort::Answer answer) {
  const auto said = host_.server_setting(host_key);
  const auto number = static_cast<std::uint16_t>(std::stoi(host_.server_setting(port_key)));
  const Millis idle(std::stoi(host_.server_setting("admin.idleTimeout")));
  port = std::make_unique<HttpPort>(host_.loop(), host_.log(), host_.options(), idle,
                                    std::move(answer));
  if (const auto listens = port->listen(transport, said.empty() ? kOnlyHere : said, number); !listens) {
    Error error = listens.error();
    error.what = std::string(port_key) + ": " + error.what;
    return error;
  }
  host_.log().info("listening for HTTP on " + port->address() + " (" + port_key + ")");
  return {};
}

void Admin::stop() {
  for (const auto& port : {pages_port_.get(), metrics_port_.get()})
    if (port) port->stop();
}

}  // namespace vivarium::admin
