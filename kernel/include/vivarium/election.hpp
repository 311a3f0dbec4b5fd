#pragma once
// Advises who should lead. Safety never rests on it: a wrong advice costs time, no data.
//
// Threads: all on the core thread.
// Source: section E of the ZooKeeper reference.

#include <vivarium/ids.hpp>
#include <vivarium/plugin.hpp>

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace vivarium {

enum class Role : std::uint8_t { looking, following, leading, observing };

/// What a server goes into an election with. Only what is durable counts (invariant S-7).
struct Candidacy {
  Zxid last_durable;
  Epoch current_epoch;
  /// False for observers and for a damaged or wiped server: it looks on and casts no vote.
  bool votes = true;
  std::string committed_config;  ///< Text, with its version line.
  std::string last_seen_config;
};

class ElectionEvents {
 public:
  virtual ~ElectionEvents() = default;
  /// This server should lead (leader == self), or follow or observe `leader`.
  virtual void on_advice(ServerId leader) = 0;
};

class Election : public Plugin {
 public:
  static constexpr InterfaceKind kKind = InterfaceKind::election;
  static constexpr std::uint32_t kRevision = 1;

  /// Starts looking; on_advice follows, from the loop, each time the opinion changes, until settle().
  virtual void look(const Candidacy& candidacy, ElectionEvents& events) = 0;
  /// The server has taken a role under `leader` in `epoch`; peers that look are answered with that.
  virtual void settle(Role role, ServerId leader, Epoch epoch) = 0;
};

}  // namespace vivarium
