#include "transports/socket/opening.hpp"

#include <utility>

namespace vivarium {

Opening::Opening(Owner& owner, std::uint64_t id, std::unique_ptr<SocketStream> stream,
                 PeerIdentity peer)
    : owner_(owner), id_(id), stream_(std::move(stream)), peer_(std::move(peer)) {
  stream_->set_events(*this);
}

void Opening::expire(Loop& loop, Millis after) {
  timer_ = loop.timer([this] { owner_.on_not_opened(*this, "the handshake took too long"); });
  timer_->arm(after);
}

void Opening::step() {
  switch (stream_->handshake()) {
    case StreamStatus::ok: stream_->describe(peer_); return owner_.on_opened(*this);
    case StreamStatus::wants_readable: return stream_->want(true, false);
    case StreamStatus::wants_writable: return stream_->want(false, true);
    case StreamStatus::ended:
      return owner_.on_not_opened(*this, "the peer closed during the handshake");
    case StreamStatus::lost:
    case StreamStatus::failed: return owner_.on_not_opened(*this, stream_->failure());
  }
}

PeerIdentity identity_of(const SocketAddress& remote, const SocketAddress& local) {
  PeerIdentity identity;
  identity.remote_host = remote.host();
  identity.remote_port = remote.port();
  identity.local_host = local.host();
  identity.local_port = local.port();
  return identity;
}

}  // namespace vivarium
