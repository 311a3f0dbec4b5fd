#include "packet_link.hpp"

#include <utility>

namespace vivarium::zab {

std::shared_ptr<PacketLink> PacketLink::open(Channel& channel, PacketLinkUser& user) {
  const std::shared_ptr<PacketLink> link(new PacketLink(channel, user));
  link->self_ = link;
  return link;
}

Framing PacketLink::framing() {
  Framing framing;
  framing.kind = Framing::Kind::stream;
  framing.frame_bytes_max = kPacketBytesMax;
  return framing;
}

void PacketLink::send(PacketType type, std::int64_t zxid, std::optional<std::string_view> data) {
  std::string bytes;
  append_packet(bytes, type, zxid, data);
  send(SharedBytes(std::move(bytes)));
}

void PacketLink::send(SharedBytes bytes) {
  if (channel_ && user_ && !bytes.empty()) channel_->send(std::move(bytes));
}

void PacketLink::await_drained(std::size_t bytes) {
  drained_mark_ = bytes;
  if (channel_) channel_->set_low_water(bytes);
}

void PacketLink::pause() {
  if (std::exchange(paused_, true) || !channel_) return;
  channel_->pause_reading();
}

void PacketLink::resume() {
  if (!std::exchange(paused_, false) || !channel_) return;
  channel_->resume_reading();
}

void PacketLink::close() {
  user_ = nullptr;
  if (channel_) channel_->abort();
}

std::string PacketLink::peer() const {
  if (!channel_) return "a peer that is gone";
  return channel_->peer().remote_host + ":" + std::to_string(channel_->peer().remote_port);
}

std::size_t PacketLink::on_frames(Channel&, std::span<const std::string_view> frames) {
  const auto self = self_;  // A packet may end everything.
  std::size_t taken = 0;
  for (const auto bytes : frames) taken += take(bytes);
  if (user_) user_->on_batch_end();
  return taken;
}

std::size_t PacketLink::take(std::string_view bytes) {
  const auto whole = bytes.size();
  while (user_ && !paused_ && !bytes.empty()) {
    if (raw_) {
      bytes.remove_prefix(user_->on_raw(bytes));
      continue;
    }
    const auto size = take_packet(bytes, packet_);
    if (!size) {
      fail(size.error().what);
      break;
    }
    if (*size == 0) break;
    bytes.remove_prefix(*size);
    user_->on_packet(packet_);
  }
  return user_ ? whole - bytes.size() : whole;
}

void PacketLink::fail(std::string_view why) {
  auto* user = std::exchange(user_, nullptr);
  if (channel_) channel_->abort();
  if (user) user->on_link_closed(why);
}

void PacketLink::on_low_water(Channel&) {
  if (user_) user_->on_drained();
}

void PacketLink::on_closed(Channel&, CloseReason, std::string_view detail) {
  const auto self = std::exchange(self_, nullptr);
  channel_ = nullptr;
  if (auto* user = std::exchange(user_, nullptr)) user->on_link_closed(detail);
}

}  // namespace vivarium::zab
