#pragma once
// The packets that servers exchange on the quorum port, cut from the bytes as they are sent (section F.1 of
// the reference). A stream of a snapshot is passed over, up to its end mark.

#include <vivarium/ids.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace vivarium::simulator {

enum class PacketType : std::int32_t {
  request = 1,
  proposal = 2,
  ack = 3,
  commit = 4,
  ping = 5,
  revalidate = 6,
  sync = 7,
  inform = 8,
  commit_and_activate = 9,
  new_leader = 10,
  follower_info = 11,
  up_to_date = 12,
  diff = 13,
  trunc = 14,
  snap = 15,
  observer_info = 16,
  leader_info = 17,
  ack_epoch = 18,
  inform_and_activate = 19,
};

std::string_view name_of(PacketType type);

struct QuorumPacket {
  PacketType type{};
  Zxid zxid;
  std::string_view data;  ///< Valid during the call.
};

class QuorumWire {
 public:
  /// Hands over the packets that are whole by now. Returns false when the bytes are no packets.
  bool feed(std::string_view bytes, const std::function<void(const QuorumPacket&)>& packet);

 private:
  /// Bytes of the packet at the front; 0: not all there yet; -1: no packet.
  std::int64_t packet_bytes() const;

  std::string held_;
  bool in_snapshot_ = false;
  bool broken_ = false;
};

}  // namespace vivarium::simulator
