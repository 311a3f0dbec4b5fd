#include "simulator/topology.hpp"

#include <random>

#include <fmt/format.h>

namespace vivarium::simulator {

Topology make_topology(std::uint64_t seed, Broadcasting broadcasting) {
  std::mt19937_64 generator(seed);
  const auto below = [&](std::uint64_t bound) { return generator() % bound; };
  Topology topology;
  topology.broadcasting = broadcasting;
  if (broadcasting == Broadcasting::zab) {
    constexpr std::int64_t kVoters[] = {3, 3, 3, 5, 5, 4, 7};
    topology.voters = kVoters[below(std::size(kVoters))];
    if (below(3) == 0) topology.observers = 1 + static_cast<std::int64_t>(below(2));
    topology.observers = std::min(topology.observers, 7 - topology.voters);
  }
  topology.snapshot_entries = 20 + static_cast<std::int64_t>(below(300));
  topology.clients = 3 + below(4);
  auto& workload = topology.workload;
  workload.operations = static_cast<std::uint32_t>(900 / topology.clients + below(60));
  workload.pause_most = Micros(static_cast<std::int64_t>(20'000 + below(180'000)));
  workload.outstanding_most = static_cast<std::uint32_t>(1 + below(16));
  workload.paths = static_cast<std::uint32_t>(2 + below(8));
  workload.timeout_ms = static_cast<std::int32_t>(2'000 + below(6'000));
  workload.session_changes = static_cast<std::uint32_t>(below(30));
  workload.reads_percent = static_cast<std::uint32_t>(20 + below(60));
  workload.watches = below(4) != 0;
  topology.snapshots_at_start = below(4) == 0;
  if (below(8) == 0) topology.counter_max = static_cast<std::uint32_t>(20 + below(181));
  return topology;
}

std::string Topology::config() const {
  std::string text = fmt::format(
      "tickTime={}\ninitLimit={}\nsyncLimit={}\ndataDir=/data\nclientPort={}\nsnapCount={}\n"
      "preAllocSize={}\n"
      "autopurge.purgeInterval=5s\nautopurge.snapRetainCount=3\nmaxClientCnxns=0\n"
      "vivarium.transport.client=network\nvivarium.broadcast=observed\n",
      tick_ms, init_limit, sync_limit, kClientPort, snapshot_entries,
      kPreallocKib);
  if (snapshots_at_start) text += "vivarium.broadcast.observed.snapshots_at_start=true\n";
  if (broadcasting == Broadcasting::standalone)
    return text + "vivarium.broadcast.observed.inner=standalone\n" + more_config;
  text += "vivarium.broadcast.observed.inner=zab\nvivarium.election=zab\n"
          "vivarium.transport.election=network\nvivarium.transport.quorum=network\n";
  for (std::int64_t id = 1; id <= servers(); ++id)
    text += fmt::format("server.{}={}:{}:{}{}\n", id, address(id), kQuorumPort, kElectionPort,
                        id > voters ? ":observer" : "");
  if (counter_max) text += fmt::format("vivarium.broadcast.zab.counter_max={}\n", *counter_max);
  return text + more_config;
}

std::vector<client::ServerAddress> Topology::client_addresses() const {
  std::vector<client::ServerAddress> addresses;
  for (std::int64_t id = 1; id <= servers(); ++id) addresses.push_back({address(id), kClientPort});
  return addresses;
}

std::string Topology::text() const {
  return fmt::format("{} voters, {} observers, {} clients with {} operations each", voters, observers,
                     clients, workload.operations);
}

}  // namespace vivarium::simulator
