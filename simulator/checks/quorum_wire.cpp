#include "simulator/checks/quorum_wire.hpp"

#include <algorithm>

namespace vivarium::simulator {
namespace {

constexpr std::string_view kSnapshotEnd("\0\0\0\nBenWasHere", 14);
constexpr std::size_t kHeadBytes = 16;  // type, zxid, length of the data

std::int64_t number(std::string_view bytes, std::size_t at, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i)
    value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return size == 4 ? static_cast<std::int32_t>(value) : static_cast<std::int64_t>(value);
}

}  // namespace

std::string_view name_of(PacketType type) {
  constexpr std::string_view kNames[] = {
      "",          "REQUEST",   "PROPOSAL",     "ACK",      "COMMIT", "PING", "REVALIDATE",
      "SYNC",      "INFORM",    "COMMITANDACTIVATE", "NEWLEADER", "FOLLOWERINFO", "UPTODATE", "DIFF",
      "TRUNC",     "SNAP",      "OBSERVERINFO", "LEADERINFO", "ACKEPOCH", "INFORMANDACTIVATE"};
  return kNames[static_cast<std::size_t>(type)];
}

std::int64_t QuorumWire::packet_bytes() const {
  if (held_.size() < kHeadBytes + 4) return 0;
  const auto data = std::max<std::int64_t>(number(held_, 12, 4), 0);
  auto at = kHeadBytes + static_cast<std::size_t>(data);
  if (held_.size() < at + 4) return 0;
  const auto identities = number(held_, at, 4);
  at += 4;
  for (std::int64_t text = 0; text < 2 * identities; ++text) {
    if (held_.size() < at + 4) return 0;
    const auto length = number(held_, at, 4);
    if (length > (1 << 20)) return -1;
    at += 4 + static_cast<std::size_t>(std::max<std::int64_t>(length, 0));
    if (held_.size() < at) return 0;
  }
  return static_cast<std::int64_t>(at);
}

bool QuorumWire::feed(std::string_view bytes,
                      const std::function<void(const QuorumPacket&)>& packet) {
  if (broken_) return false;
  held_.append(bytes);
  for (;;) {
    if (in_snapshot_) {
      const auto end = held_.find(kSnapshotEnd);
      if (end == held_.npos) {
        if (held_.size() > kSnapshotEnd.size()) held_.erase(0, held_.size() - kSnapshotEnd.size());
        return true;
      }
      held_.erase(0, end + kSnapshotEnd.size());
      in_snapshot_ = false;
    }
    const auto size = packet_bytes();
    if (size == 0) return true;
    const auto type = number(held_, 0, 4);
    broken_ = size < 0 || type < 1 || type > 19;
    if (broken_) return false;
    const auto data = std::max<std::int64_t>(number(held_, 12, 4), 0);
    packet({static_cast<PacketType>(type), {number(held_, 4, 8)},
            std::string_view(held_).substr(kHeadBytes, static_cast<std::size_t>(data))});
    held_.erase(0, static_cast<std::size_t>(size));
    in_snapshot_ = static_cast<PacketType>(type) == PacketType::snap;
  }
}

}  // namespace vivarium::simulator
