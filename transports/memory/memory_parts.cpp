#include "memory_parts.hpp"

#include <utility>

#include "memory_stream.hpp"
#include "transports/stream/stream_channel.hpp"

namespace vivarium {

MemoryListening::MemoryListening(std::shared_ptr<MemoryNetwork> network,
                                 std::shared_ptr<StreamChannels> channels, Acceptor& acceptor,
                                 const ListenSpec& spec)
    : network_(std::move(network)), channels_(std::move(channels)), acceptor_(acceptor),
      spec_(spec) {}

bool MemoryListening::begin() {
  const auto port = network_->add(spec_.host, spec_.port, *this);
  listening_ = port != 0;
  if (listening_) spec_.port = port;
  return listening_;
}

void MemoryListening::stop() {
  if (std::exchange(listening_, false)) network_->remove(spec_.host, spec_.port);
}

void MemoryListening::accept(std::unique_ptr<ByteStream> stream, PeerIdentity peer) {
  auto& channel = channels_->add(std::move(stream), std::move(peer), spec_.framing);
  channel.begin(acceptor_.on_accept(channel));
}

MemoryAttempt::MemoryAttempt(std::shared_ptr<MemoryNetwork> network,
                             std::shared_ptr<StreamChannels> channels, Connector& connector,
                             const ConnectSpec& spec, std::string local_host)
    : network_(std::move(network)), channels_(std::move(channels)), connector_(&connector),
      spec_(spec), local_host_(std::move(local_host)) {}

void MemoryAttempt::begin() {
  channels_->loop().post([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->connect();
  });
}

void MemoryAttempt::stop() {
  fail(Error(Errc::closed, "the transport stops"));
}

void MemoryAttempt::connect() {
  if (!connector_) return;
  if (auto* listening = network_->find(spec_.host, spec_.port)) return meet(*listening);
  fail(Error(Errc::refused, "cannot connect to " + spec_.host + ":" + std::to_string(spec_.port) +
                                ": nobody listens there"));
}

void MemoryAttempt::meet(MemoryListening& listening) {
  auto [near, far] = MemoryStream::make_pair(channels_->loop());
  PeerIdentity here;
  here.local_host = local_host_;
  here.local_port = network_->free_port();
  here.remote_host = spec_.host;
  here.remote_port = spec_.port;
  PeerIdentity there;
  there.local_host = here.remote_host;
  there.local_port = here.remote_port;
  there.remote_host = here.local_host;
  there.remote_port = here.local_port;
  auto& connector = *std::exchange(connector_, nullptr);
  listening.accept(std::move(far), std::move(there));
  auto& channel = channels_->add(std::move(near), std::move(here), spec_.framing);
  channel.begin(connector.on_connected(channel));
}

void MemoryAttempt::fail(const Error& error) {
  if (auto* connector = std::exchange(connector_, nullptr)) connector->on_connect_failed(error);
}

}  // namespace vivarium
