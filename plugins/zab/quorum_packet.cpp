#include "quorum_packet.hpp"

#include <vivarium/jute.hpp>

namespace vivarium::zab {
namespace {

Error malformed(std::string_view what) {
  return {Errc::corrupt, "a quorum packet has " + std::string(what)};
}

/// Walks over a packet whose end may not have arrived.
class Measure {
 public:
  explicit Measure(std::string_view in) : in_(in) {}

  void skip(std::size_t bytes) { at_ += bytes; }
  /// A length or count; nullopt when it has not arrived.
  std::optional<std::int32_t> number() {
    if (at_ + 4 > in_.size()) return std::nullopt;
    JuteReader in(in_.substr(at_));
    at_ += 4;
    return in.take<std::int32_t>();
  }
  bool whole() const { return at_ <= in_.size(); }
  std::size_t bytes() const { return at_; }

 private:
  std::string_view in_;
  std::size_t at_ = 0;
};

/// False: incomplete.
Result<bool> measure_text(Measure& measure) {
  const auto length = measure.number();
  if (!length) return false;
  if (*length < -1 || *length > static_cast<std::int32_t>(kPacketBytesMax))
    return malformed("an impossible length");
  measure.skip(static_cast<std::size_t>(std::max(*length, 0)));
  return measure.whole();
}

Result<std::size_t> measure_packet(std::string_view in) {
  Measure measure(in);
  measure.skip(12);
  auto there = measure_text(measure);
  if (!there) return there.error();
  if (!*there) return 0;
  const auto identities = measure.number();
  if (!identities) return 0;
  if (*identities > static_cast<std::int32_t>(kPacketBytesMax / 8))
    return malformed("an impossible count");
  for (auto left = 2 * std::max(*identities, 0); left > 0; --left) {
    there = measure_text(measure);
    if (!there) return there.error();
    if (!*there) return 0;
  }
  return measure.bytes();
}

}  // namespace

std::string_view name_of(PacketType type) {
  switch (type) {
    case PacketType::request: return "REQUEST";
    case PacketType::proposal: return "PROPOSAL";
    case PacketType::ack: return "ACK";
    case PacketType::commit: return "COMMIT";
    case PacketType::ping: return "PING";
    case PacketType::revalidate: return "REVALIDATE";
    case PacketType::sync: return "SYNC";
    case PacketType::inform: return "INFORM";
    case PacketType::commit_and_activate: return "COMMITANDACTIVATE";
    case PacketType::new_leader: return "NEWLEADER";
    case PacketType::follower_info: return "FOLLOWERINFO";
    case PacketType::up_to_date: return "UPTODATE";
    case PacketType::diff: return "DIFF";
    case PacketType::trunc: return "TRUNC";
    case PacketType::snap: return "SNAP";
    case PacketType::observer_info: return "OBSERVERINFO";
    case PacketType::leader_info: return "LEADERINFO";
    case PacketType::ack_epoch: return "ACKEPOCH";
    case PacketType::inform_and_activate: return "INFORMANDACTIVATE";
  }
  return "a packet of unknown type";
}

Result<std::size_t> take_packet(std::string_view in, QuorumPacket& packet) {
  if (in.size() > kPacketBytesMax) in = in.substr(0, kPacketBytesMax);
  const auto bytes = measure_packet(in);
  if (!bytes) return bytes;
  if (*bytes == 0)
    return in.size() < kPacketBytesMax ? bytes : Result<std::size_t>(malformed("no end"));
  JuteReader record(in.substr(0, *bytes));
  packet.type = static_cast<PacketType>(record.take<std::int32_t>());
  packet.zxid = record.take<std::int64_t>();
  packet.data = record.take_bytes();
  packet.identities.clear();
  for (auto left = record.take<std::int32_t>(); left > 0; --left) {
    Identity identity;
    identity.scheme = record.take_bytes().value_or("");
    identity.id = record.take_bytes().value_or("");
    packet.identities.push_back(std::move(identity));
  }
  return bytes;
}

void append_packet(std::string& out, PacketType type, std::int64_t zxid,
                   std::optional<std::string_view> data, std::span<const Identity> identities) {
  JuteWriter record(out);
  record.write(static_cast<std::int32_t>(type));
  record.write(zxid);
  record.write(data);
  if (identities.empty() && type != PacketType::request) return record.write(std::int32_t{-1});
  record.write(static_cast<std::int32_t>(identities.size()));
  for (const auto& identity : identities) {
    record.write(std::string_view(identity.scheme));
    record.write(std::string_view(identity.id));
  }
}

std::string LearnerInfo::encode() const {
  std::string out;
  append_jute(out, id.value, protocol_version, config_version);
  return out;
}

std::optional<LearnerInfo> LearnerInfo::decode(std::string_view data) {
  JuteIn record(data);
  LearnerInfo info;
  record(info.id.value, info.protocol_version, info.config_version);
  if (!record.ok()) return std::nullopt;
  return info;
}

}  // namespace vivarium::zab
