#include "client/link.hpp"

#include <utility>

namespace vivarium::client {
namespace {

std::string_view text_of(CloseReason reason) {
  switch (reason) {
    case CloseReason::local: return "the connection was closed here";
    case CloseReason::peer: return "the server closed the connection";
    case CloseReason::frame_too_long: return "the server sent too long a frame";
    case CloseReason::deadline: return "the connection ran into its deadline";
    case CloseReason::handshake: return "the handshake failed";
    case CloseReason::failed: return "the connection failed";
    case CloseReason::stopped: return "the transport has stopped";
  }
  return "the connection ended";
}

}  // namespace

std::shared_ptr<Link> Link::open(Transport& transport, const ConnectSpec& spec, LinkOwner& owner) {
  auto link = std::make_shared<Link>(owner);
  link->connecting_ = transport.connect(spec, *link);
  return link;
}

void Link::send(std::string bytes) {
  if (channel_) channel_->send(SharedBytes(std::move(bytes)));
}

void Link::close() {
  owner_ = nullptr;
  connecting_.reset();
  if (channel_) channel_->close();
}

void Link::abort() {
  owner_ = nullptr;
  connecting_.reset();
  if (channel_) channel_->abort();
}

ChannelHandler* Link::on_connected(Channel& channel) {
  channel_ = &channel;
  self_ = shared_from_this();
  owner_->on_link_open();
  return this;
}

void Link::on_connect_failed(const Error& error) {
  lose(error.what);
}

std::size_t Link::on_frames(Channel&, std::span<const std::string_view> frames) {
  for (const auto frame : frames)
    if (owner_) owner_->on_link_frame(frame);
  return frames.size();
}

void Link::on_closed(Channel&, CloseReason reason, std::string_view detail) {
  channel_ = nullptr;
  std::string why(text_of(reason));
  if (!detail.empty()) why.append(": ").append(detail);
  const auto self = std::move(self_);
  lose(why);
}

void Link::lose(std::string_view why) {
  const auto self = shared_from_this();
  if (auto* owner = std::exchange(owner_, nullptr)) owner->on_link_lost(why);
}

}  // namespace vivarium::client
