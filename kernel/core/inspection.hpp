#pragma once
// What commands and metrics may look at. All references are valid while the server lives.

#include "kernel/core/clients.hpp"
#include "kernel/core/database.hpp"
#include "kernel/core/server.hpp"
#include "kernel/core/session_tracker.hpp"
#include "kernel/core/slow_requests.hpp"
#include "kernel/core/stats.hpp"
#include "kernel/core/watches.hpp"

#include <functional>
#include <memory>
#include <vector>

namespace vivarium {

struct Inspection {
  const ServerSettings& settings;
  Loop& loop;
  LogStore& store;
  Broadcast& broadcast;
  ServerStats& stats;
  Clients& clients;
  const Watches& watches;
  const SessionTracker& sessions;
  const SlowRequests& slow_requests;
  std::function<const Database&()> database;
  std::function<ServingRole()> role;
  std::function<std::vector<std::pair<std::string, std::string>>()> addresses;
  MonoTime started{};
  std::function<std::size_t()> handshakes;  ///< Of clients, under way.
  Metrics* metrics = nullptr;  ///< What `mntr` shows.
  MonoTime leading_since{};          ///< While the server leads others.

  std::int64_t uptime_ms() const {
    return std::chrono::duration_cast<Millis>(loop.now() - started).count();
  }
  /// As ZooKeeper counts: it has the root twice, as "" and as "/".
  std::int64_t znode_count() const { return database().tree().node_count() + 1; }
};

/// Adds ZooKeeper's commands (section H.1, H.3) to the table, for as long as the handles live, which
/// borrow the inspection.
std::vector<std::unique_ptr<CommandHandle>> add_commands(Commands& commands,
                                                         const Inspection& inspection);
/// Adds ZooKeeper's metrics (section H.2) that are real here, likewise.
std::vector<std::unique_ptr<MetricHandle>> add_metrics(Metrics& metrics,
                                                       const Inspection& inspection);
/// Those of a leader.
std::vector<std::unique_ptr<MetricHandle>> add_leader_metrics(Metrics& metrics,
                                                              const Inspection& inspection);

}  // namespace vivarium
