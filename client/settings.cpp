#include "client/settings.hpp"

#include <charconv>

namespace vivarium::client {
namespace {

Error malformed(std::string_view text, const char* what) {
  return Error(Errc::invalid_argument, "\"" + std::string(text) + "\" names no server: " + what);
}

/// What follows a host: nothing, or a colon and the port.
Result<std::uint16_t> parse_port(std::string_view text, std::string_view whole) {
  if (text.empty()) return ServerAddress().port;
  std::uint16_t port = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + 1, end, port);
  if (text.front() != ':' || error != std::errc() || stop != end || port == 0)
    return malformed(whole, "want host:port with a port from 1 to 65535");
  return port;
}

Result<ServerAddress> parse_server(std::string_view text) {
  const bool bracketed = text.starts_with('[');
  const auto close = text.find(']');
  if (bracketed && close == text.npos) return malformed(text, "the bracket is not closed");
  const auto end = bracketed ? close + 1 : std::min(text.find(':'), text.size());
  const auto host = bracketed ? text.substr(1, close - 1) : text.substr(0, end);
  if (host.empty()) return malformed(text, "the host is missing");
  if (!bracketed && text.find(':', end + 1) != text.npos)
    return malformed(text, "an IPv6 address stands in brackets");
  const auto port = parse_port(text.substr(end), text);
  if (!port) return port.error();
  return ServerAddress{std::string(host), *port};
}

}  // namespace

Result<std::vector<ServerAddress>> parse_servers(std::string_view text) {
  std::vector<ServerAddress> servers;
  while (true) {
    const auto comma = std::min(text.find(','), text.size());
    auto server = parse_server(text.substr(0, comma));
    if (!server) return server.error();
    servers.push_back(std::move(*server));
    if (comma == text.size()) return servers;
    text.remove_prefix(comma + 1);
  }
}

std::string to_text(const ServerAddress& server) {
  const bool is_ipv6 = server.host.find(':') != std::string::npos;
  const auto host = is_ipv6 ? "[" + server.host + "]" : server.host;
  return host + ":" + std::to_string(server.port);
}

}  // namespace vivarium::client
