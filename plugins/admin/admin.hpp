#pragma once
// ZooKeeper's AdminServer, its exporter to Prometheus, and probes: what an operator's programs ask of a
// server over HTTP; and a dashboard for himself. Source: sections H.2 and H.3.
//
// Thread: all on the core thread. The bytes come through a Transport, and Beast only parses them.

#include "http_port.hpp"
#include "pages.hpp"

#include <vivarium/service.hpp>

#include <optional>

namespace vivarium::admin {

inline constexpr OptionSpec kOptions[] = {
    {"commands", OptionType::text, "*", 0, -1, "",
     "commands that are run, separated by commas; * for all but those that need rights, which run where "
     "they are named", false, false, true},
    {"dashboard", OptionType::boolean, "true", 0, -1, "",
     "serve the dashboard at /", false, false, true},
    {"browse", OptionType::boolean, "", 0, -1, "",
     "show znodes on the dashboard, as far as their ACLs let the viewer; unset: on connections to a "
     "loopback address alone", false, false, true},
    {"connections", OptionType::integer, "64", 1, 10'000, "connections",
     "how many may be open at a time, on each port", false, false, true},
    {"header_bytes", OptionType::bytes, "8K", 256, 1 << 20, "bytes",
     "how long a request may be, with its header", false, false, true},
    {"request_deadline", OptionType::duration, "10s", 1, 3'600'000, "ms",
     "how long a request may take to arrive", false, false, true},
    {"send_deadline", OptionType::duration, "30s", 1, 3'600'000, "ms",
     "how long an answer may take to be read", false, false, true},
};

class Admin final : public Service {
 public:
  explicit Admin(PluginHost& host) : host_(host) {}

  Result<void> run(const ServerView& view, Transport& transport) override;
  void stop() override;

 private:
  Result<void> open(std::unique_ptr<HttpPort>& port, Transport& transport, const char* host_key,
                    const char* port_key, HttpPort::Answer answer);

  PluginHost& host_;
  std::optional<Pages> pages_;
  std::unique_ptr<HttpPort> pages_port_, metrics_port_;  ///< nullptr: not wanted.
};

}  // namespace vivarium::admin
