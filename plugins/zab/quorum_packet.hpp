#pragma once
// What learners and leader say to each other on the quorum port: packets without a frame length.
// Source: section F.1 of the reference.

#include <vivarium/identity.hpp>
#include <vivarium/ids.hpp>
#include <vivarium/result.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace vivarium::zab {

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
  std::int64_t zxid = 0;
  std::optional<std::string_view> data;  ///< A view into what was taken.
  std::vector<Identity> identities;      ///< Of a request's client; empty elsewhere.
};

/// Above any transaction's length: what one packet may hold.
inline constexpr std::uint32_t kPacketBytesMax = 128u << 20;

/// Reads the packet at the front of `in` and returns its length; 0 when it has not arrived as a whole.
Result<std::size_t> take_packet(std::string_view in, QuorumPacket& packet);

void append_packet(std::string& out, PacketType type, std::int64_t zxid,
                   std::optional<std::string_view> data = std::nullopt,
                   std::span<const Identity> identities = {});

/// Jute's text "BenWasHere", which stands behind a snapshot on the wire.
inline constexpr std::string_view kSnapshotSignature("\0\0\0\x0a" "BenWasHere", 14);

/// The only version of the protocol in use since 3.4.
inline constexpr std::int32_t kProtocolVersion = 0x10000;

/// The data of FOLLOWERINFO and OBSERVERINFO.
struct LearnerInfo {
  ServerId id;
  std::int32_t protocol_version = kProtocolVersion;
  std::int64_t config_version = 0;

  std::string encode() const;
  /// nullopt for the shorter forms of servers before 3.5.
  static std::optional<LearnerInfo> decode(std::string_view data);
};

}  // namespace vivarium::zab
