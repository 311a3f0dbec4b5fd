#pragma once
// What travels on the election port: one handshake by whoever dials, then notifications in frames
// of a length and so many bytes.
//
// The forms of old ZooKeepers are read as well as today's; ours are today's. Bytes of others are
// checked before they are believed, and nothing here parses the config text that a notification
// carries.
// Source: sections E.1 and E.2 of the reference.

#include <vivarium/ids.hpp>
#include <vivarium/result.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ensemble.hpp"

namespace vivarium::zab {

enum class PeerState : std::int32_t { looking = 0, following = 1, leading = 2, observing = 3 };

struct Notification {
  static constexpr std::int32_t kVersion = 2;       ///< Of the form that is written here.
  static constexpr std::uint32_t kBytesMax = 524288;  ///< ZooKeeper's limit on a message.

  PeerState state = PeerState::looking;
  ServerId leader;  ///< Proposed, or elected.
  Zxid zxid;        ///< Of the last transaction that the proposed leader has logged.
  std::int64_t round = 0;  ///< ZooKeeper's "logical clock": how often the sender has looked.
  Epoch peer_epoch;        ///< The current epoch of the proposed leader.
  std::int32_t version = kVersion;  ///< 0: of a server too old to say.
  std::string config = {};          ///< The committed ensemble, as the sender knows it.

  bool operator==(const Notification&) const = default;
};

/// Without the length of the frame.
std::string encode(const Notification& notification);
/// Fails for what a server would never send; the sentence says why.
Result<Notification> decode_notification(std::string_view message);

/// Who dials, and where it can be dialled.
struct Handshake {
  static constexpr std::int64_t kOneAddress = -65536, kSeveralAddresses = -65535;
  static constexpr std::int32_t kAddressBytesMax = 2048;

  /// INT64_MAX: an observer that has no id of its own.
  ServerId sid;
  /// Those that can be dialled: addresses that mean "every interface" are left out.
  std::vector<Address> addresses = {};
};

/// One run of bytes, because Java reads it with one call; with one address, or as Java's.
std::string encode(const Handshake& handshake);

/// A handshake, and how many bytes it took.
struct ReadHandshake {
  Handshake handshake;
  std::size_t bytes = 0;
};
/// nullopt until all of it has arrived.
Result<std::optional<ReadHandshake>> read_handshake(std::string_view arrived);

}  // namespace vivarium::zab
