#pragma once
// Who is in an ensemble, and what their configs say: a function of the seed.

#include "client/settings.hpp"
#include "simulator/clients.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace vivarium::simulator {

/// Which broadcast the servers use.
enum class Broadcasting : std::uint8_t { standalone, zab };

struct Topology {
  std::int64_t voters = 1;
  std::int64_t observers = 0;
  Broadcasting broadcasting = Broadcasting::standalone;
  std::int32_t tick_ms = 500;
  std::int32_t init_limit = 10;
  std::int32_t sync_limit = 5;
  std::int64_t snapshot_entries = 100;
  bool snapshots_at_start = false;  ///< Of all that is in the log, committed or not: as Java servers do.
  std::optional<std::uint32_t> counter_max;  ///< Where a leader's counter ends, when that is to be met.
  std::size_t clients = 3;
  WorkloadSpec workload;
  std::string more_config;  ///< Further lines.

  std::int64_t servers() const { return voters + observers; }
  std::string address(std::int64_t id) const { return "10.0.0." + std::to_string(id); }
  /// The text of one member's zoo.cfg.
  std::string config() const;
  std::vector<client::ServerAddress> client_addresses() const;
  std::string text() const;
};

Topology make_topology(std::uint64_t seed, Broadcasting broadcasting);

/// Small, so that log files grow often, and are read fast.
inline constexpr std::int64_t kPreallocKib = 256;
inline constexpr std::uint16_t kClientPort = 2181;
inline constexpr std::uint16_t kQuorumPort = 2888;
inline constexpr std::uint16_t kElectionPort = 3888;

}  // namespace vivarium::simulator
