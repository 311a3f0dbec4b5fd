// Snapshots of a server at work, on a disk of any speed.
#include "kernel/core/database.hpp"
#include "kernel/core/snapshotter.hpp"
#include "tests/contract/log_store_bench.hpp"

#include <catch2/catch.hpp>

using namespace vivarium;
using namespace vivarium::test;

namespace {

using Bench = StoreBench<SimulatedDoors, FileKind>;

/// `nodes` of a MiB each.
void fill(Database& database, int nodes) {
  const std::string data(1 << 20, 'd');
  NewZnode node;
  node.data = data;
  for (int i = 0; i < nodes; ++i) database.tree().add("/n" + std::to_string(i), node);
}

}  // namespace

TEST_CASE("a snapshot comes to its end on a disk that is slower than the walk over the tree") {
  Bench bench;
  bench.open();
  bench.disk->set_longest_operation(std::chrono::milliseconds(200));
  Database database(1);
  fill(database, 40);
  ServerStats stats;
  Snapshotter snapshotter(*bench.doors.loop, bench.host->fake_log, *bench.store, stats, {}, {});
  snapshotter.start(database.snapshot());
  REQUIRE(snapshotter.running());
  REQUIRE(bench.doors.run_until([&] { return !snapshotter.running(); }));
  CHECK(bench.host->fake_log.contains("wrote a snapshot"));
  CHECK(bench.store->sizes().snapshot_bytes > (40u << 20));
}
