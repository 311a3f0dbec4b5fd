#include "memory_transport.hpp"

#include <utility>

#include "memory_parts.hpp"
#include "transports/stream/stream_channel.hpp"

namespace vivarium {

MemoryTransport::MemoryTransport(PluginHost& host)
    : MemoryTransport(host.loop(), std::make_shared<MemoryNetwork>()) {}

MemoryTransport::MemoryTransport(Loop& loop, std::shared_ptr<MemoryNetwork> network,
                                 std::string host)
    : network_(std::move(network)), host_(std::move(host)),
      channels_(std::make_shared<StreamChannels>(loop)) {}

MemoryTransport::~MemoryTransport() {
  MemoryTransport::stop();
}

Result<std::unique_ptr<Listener>> MemoryTransport::listen(const ListenSpec& spec,
                                                          Acceptor& acceptor) {
  if (stopped_) return Error(Errc::closed, "the transport has stopped");
  auto mine = spec;
  mine.host = name_of(spec.host);
  auto listening = std::make_shared<MemoryListening>(network_, channels_, acceptor, mine);
  if (!listening->begin())
    return Error(Errc::in_use, "cannot listen on " + mine.host + ":" + std::to_string(spec.port) +
                                   ": the address is in use");
  parts_.add(listening);
  return std::make_unique<MemoryListener>(std::move(listening));
}

std::unique_ptr<Connecting> MemoryTransport::connect(const ConnectSpec& spec,
                                                     Connector& connector) {
  auto there = spec;
  there.host = name_of(spec.host);
  auto attempt = std::make_shared<MemoryAttempt>(network_, channels_, connector, there, host_);
  if (stopped_) {
    attempt->abandon();
  } else {
    parts_.add(attempt);
    attempt->begin();
  }
  return std::make_unique<MemoryConnecting>(std::move(attempt));
}

std::string MemoryTransport::name_of(const std::string& host) const {
  const bool own = host.empty() || host == "0.0.0.0" || host == "::" || host == "localhost" ||
                   host == "127.0.0.1" || host == "::1";
  return own ? host_ : host;
}

void MemoryTransport::stop() {
  if (std::exchange(stopped_, true)) return;
  parts_.stop_all();
  channels_->stop();
}

}  // namespace vivarium
