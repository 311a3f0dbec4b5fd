#pragma once
// One connection on the quorum port, at either end: packets in, packets out, and bytes that are no
// packets while a snapshot travels.
//
// A link outlives its user when that one is done first: it stays until its channel has closed.

#include "quorum_packet.hpp"

#include <vivarium/bytes.hpp>
#include <vivarium/transport.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace vivarium::zab {

class PacketLink;

class PacketLinkUser {
 public:
  /// Views into the packet last for the call.
  virtual void on_packet(const QuorumPacket& packet) = 0;
  /// All packets that had arrived together were handed over.
  virtual void on_batch_end() {}
  /// Bytes while the link is raw, until end_raw(); returns how many were taken.
  virtual std::size_t on_raw(std::string_view) { return 0; }
  /// What was queued has gone out, but for the mark given to await_drained().
  virtual void on_drained() {}
  /// The last event: closed by the other end or by the transport, or malformed.
  virtual void on_link_closed(std::string_view why) = 0;

 protected:
  ~PacketLinkUser() = default;
};

class PacketLink final : public ChannelHandler {
 public:
  /// The handler for a channel that has just opened. `user` is borrowed until close().
  static std::shared_ptr<PacketLink> open(Channel& channel, PacketLinkUser& user);

  static Framing framing();

  void send(PacketType type, std::int64_t zxid,
            std::optional<std::string_view> data = std::nullopt);
  /// Packets, or a snapshot's body, as they stand.
  void send(SharedBytes bytes);
  std::size_t queued_bytes() const { return channel_ ? channel_->queued_bytes() : 0; }
  /// on_drained comes once fewer bytes than that are queued.
  void await_drained(std::size_t bytes);

  /// Nothing more is handed over until resume().
  void pause();
  void resume();
  bool paused() const { return paused_; }
  /// What follows the packet at hand is no packet, until what was just taken.
  void begin_raw() { raw_ = true; }
  void end_raw() { raw_ = false; }

  /// No event comes any more.
  void close();
  bool open() const { return user_ != nullptr; }
  std::string peer() const;

  // ChannelHandler
  std::size_t on_frames(Channel&, std::span<const std::string_view> frames) override;
  void on_first_word(Channel&, std::uint32_t) override {}
  void on_low_water(Channel&) override;
  void on_closed(Channel&, CloseReason reason, std::string_view detail) override;

 private:
  PacketLink(Channel& channel, PacketLinkUser& user) : channel_(&channel), user_(&user) {}
  std::size_t take(std::string_view bytes);
  void fail(std::string_view why);

  Channel* channel_;
  PacketLinkUser* user_;
  bool raw_ = false, paused_ = false;
  std::size_t drained_mark_ = 0;
  QuorumPacket packet_;
  std::shared_ptr<PacketLink> self_;  ///< Until the channel has closed.
};

}  // namespace vivarium::zab
