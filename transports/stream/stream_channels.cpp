#include "transports/stream/stream_channels.hpp"

#include <utility>

#include <vivarium/assert.hpp>

#include "transports/stream/stream_channel.hpp"

namespace vivarium {

StreamChannels::StreamChannels(Loop& loop) : loop_(loop) {}

StreamChannels::~StreamChannels() = default;

StreamChannel& StreamChannels::add(std::unique_ptr<ByteStream> stream, PeerIdentity peer,
                                   const Framing& framing) {
  auto channel =
      std::make_unique<StreamChannel>(*this, std::move(stream), std::move(peer), framing);
  channel->index_ = channels_.size();
  channels_.push_back(std::move(channel));
  return *channels_.back();
}

void StreamChannels::schedule(StreamChannel& channel) {
  VIVARIUM_ASSERT(loop_.on_core_thread(), "channels are used on the core thread only");
  if (stopped_) return;
  scheduled_.push_back(&channel);
  if (scheduled_.size() == 1) loop_.post([self = shared_from_this()] { self->run_turn(); });
}

void StreamChannels::run_turn() {
  running_.swap(scheduled_);
  for (std::size_t i = 0; i < running_.size() && !stopped_; ++i)
    if (!running_[i]->on_turn()) remove(*running_[i]);
  running_.clear();
}

void StreamChannels::remove(StreamChannel& channel) {
  if (stopped_) return;
  const auto index = channel.index_;
  channels_.back()->index_ = index;
  std::swap(channels_[index], channels_.back());
  channels_.pop_back();
}

/// Channels whose events are on the stack may be among them, so all live on until the set goes.
void StreamChannels::stop() {
  if (std::exchange(stopped_, true)) return;
  for (std::size_t i = 0; i < channels_.size(); ++i) channels_[i]->stop();
}

}  // namespace vivarium
