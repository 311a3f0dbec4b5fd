#include "transports/socket/socket_transport.hpp"

#include <utility>

#include "transports/socket/connect_attempt.hpp"
#include "transports/socket/listening.hpp"

namespace vivarium {
namespace {

/// Names are looked up here and now: listening happens before a server serves.
Result<std::vector<SocketAddress>> addresses_of(const ListenSpec& spec) {
  if (spec.host.empty() || spec.host == "0.0.0.0" || spec.host == "::")
    return SocketAddress::wildcards(spec.port);
  return look_up(spec.host, spec.port);
}

Error cannot_listen(const ListenSpec& spec, const Error& cause) {
  Error error = cause;
  error.what = "cannot listen on " + to_text(spec.host.empty() ? "*" : spec.host, spec.port) +
               ": " + cause.what;
  return error;
}

}  // namespace

SocketTransport::SocketTransport(PluginHost& host)
    : host_(host), channels_(std::make_shared<StreamChannels>(host.loop())) {}

SocketTransport::~SocketTransport() {
  SocketTransport::stop();
}

Result<std::unique_ptr<Listener>> SocketTransport::listen(const ListenSpec& spec,
                                                          Acceptor& acceptor) {
  if (stopped_) return Error(Errc::closed, "the transport has stopped");
  if (auto ready = can_listen(); !ready) return cannot_listen(spec, ready.error());
  const auto addresses = addresses_of(spec);
  if (!addresses) return cannot_listen(spec, addresses.error());
  auto socket = open_listening(*addresses, spec.backlog);
  if (!socket) return cannot_listen(spec, socket.error());
  auto listening = std::make_shared<Listening>(*this, acceptor, spec, std::move(*socket));
  parts_.add(listening);
  return std::make_unique<SocketListener>(std::move(listening));
}

std::unique_ptr<Connecting> SocketTransport::connect(const ConnectSpec& spec,
                                                     Connector& connector) {
  auto attempt = std::make_shared<ConnectAttempt>(*this, connector, spec);
  if (stopped_) {
    attempt->abandon();
  } else {
    parts_.add(attempt);
    attempt->begin();
  }
  return std::make_unique<SocketConnecting>(std::move(attempt));
}

void SocketTransport::stop() {
  if (std::exchange(stopped_, true)) return;
  parts_.stop_all();
  channels_->stop();
}

}  // namespace vivarium
