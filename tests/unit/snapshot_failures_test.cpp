// A snapshot is complete or absent, and one that cannot be written costs nothing but itself.
#include "tests/support/file_bench.hpp"

using namespace vivarium;
using namespace vivarium::test;

namespace {

using Strings = std::vector<std::string>;

/// A store with a snapshot, and some log behind it.
struct Store : FileBench {
  Store() {
    settings["prealloc"] = "0";
    settings["low_space"] = "0";
    open();
    take_snapshot(Zxid{0}, "zero");
    append(Zxid{1}, Zxid{5});
    settle();
  }
  /// The disk has room for so much more.
  void leave(std::uint64_t bytes) {
    constexpr std::uint64_t kMuch = std::uint64_t{1} << 40;
    disk->files().set_capacity(kMuch);
    disk->files().set_capacity(kMuch - *files().free_bytes("/data") + bytes);
  }
};

}  // namespace

TEST_CASE("a full disk fails the snapshot that is being written, leaves nothing of it, and no more",
          "[file][fault]") {
  Store bench;
  bench.leave(1'000'000);
  auto sink = bench.begin_snapshot(Zxid{5});
  bool drained = false;
  for (int piece = 0; piece < 20; ++piece) sink->write(SharedBytes(std::string(100'000, 'x')));
  // The writer is not left waiting for room in the queue.
  sink->on_drained([&] { drained = true; });
  REQUIRE(bench.doors.run_until([&] { return drained; }));
  CHECK(sink->queued_bytes() == 0);
  sink->write(SharedBytes::copy_of("more"));
  const auto committed = bench.commit(*sink);
  REQUIRE(fails_with(committed, Errc::no_space));
  CHECK_THAT(committed.error().what, Catch::Contains("snapshot.5"));
  bench.settle();
  CHECK(bench.names(FileBench::kData) == Strings{"log.1", "snapshot.0"});
  CHECK_FALSE(bench.events.failure);

  bench.append(Zxid{6}, Zxid{7});
  CHECK(bench.snapshot_body() == "zero");
  CHECK(fails_with(bench.store->begin_snapshot(Zxid{7}), Errc::in_use) == false);
  sink.reset();
  bench.leave(10'000'000);
  bench.take_snapshot(Zxid{7}, "seven");
  const OpenedLog opened = bench.reopen();
  CHECK(opened.last_durable == Zxid{7});
  CHECK(opened.snapshot->zxid == Zxid{7});
}

TEST_CASE("room that runs out at the end of a snapshot fails it as well", "[file][fault]") {
  Store bench;
  auto sink = bench.begin_snapshot(Zxid{5});
  sink->write(SharedBytes(std::string(1000, 'x')));
  bench.settle();
  // For the body there was room, for the seal there is not.
  bench.leave(60);
  CHECK(fails_with(bench.commit(*sink, 1), Errc::no_space));
  bench.settle();
  CHECK(bench.names(FileBench::kData) == Strings{"log.1", "snapshot.0"});
}

TEST_CASE("a full disk fails an install before anything was changed", "[file][fault]") {
  Store bench;
  bench.leave(100'000);
  auto sink = bench.install_snapshot(Zxid{50});
  sink->write(SharedBytes(std::string(200'000, 'x')));
  CHECK(fails_with(bench.commit(*sink), Errc::no_space));
  CHECK(bench.zxids(Zxid{0}) == range(1, 5));
  bench.append(Zxid{6}, Zxid{6});
  CHECK(bench.reopen().last_durable == Zxid{6});
}

TEST_CASE("whatever fails of a snapshot's writing, it is the snapshot; a failed sync is the store",
          "[file][fault]") {
  int snapshots_failed = 0, stores_failed = 0;
  for (std::uint64_t operation = 1;; ++operation) {
    CAPTURE(operation);
    Store bench;
    const auto sink = bench.begin_snapshot(Zxid{5});
    bench.settle();  // The log has begun a new file.
    bench.disk->files().fail_at(bench.disk->files().operations() + operation);
    sink->write(SharedBytes::copy_of("five"));
    std::optional<Result<SnapshotInfo>> committed;
    sink->commit(1, [&](Result<SnapshotInfo> info) { committed.emplace(info); });
    bench.doors.run_until([&] { return committed || bench.events.failure; });
    bench.disk->files().fail_at(0);
    if (committed && committed->has_value()) break;
    if (bench.events.failure) {
      ++stores_failed;
      CHECK_THAT(bench.events.failure->what, Catch::Contains("syncing"));
    } else {
      ++snapshots_failed;
      bench.append(Zxid{6}, Zxid{6});
    }
    bench.store.reset();
    bench.disk->files().crash(CrashLoss::everything);
    bench.disk->files().restart();
    const OpenedLog opened = bench.open();
    CHECK(opened.damage.empty());
    CHECK(opened.snapshot->zxid <= Zxid{5});
    CHECK(bench.snapshot_body() == (opened.snapshot->zxid == Zxid{5} ? "five" : "zero"));
  }
  CHECK(snapshots_failed >= 4);  // open, two writes, rename
  CHECK(stores_failed >= 2);     // the file, the directory behind the rename
}

TEST_CASE("a crash at any moment of a snapshot beside writes leaves all of it or nothing",
          "[file][crash]") {
  const auto method = GENERATE(as<std::string>(), "", "gz", "snappy");
  for (const auto loss : {CrashLoss::everything, CrashLoss::something, CrashLoss::nothing}) {
    bool whole = false;
    for (std::uint64_t operation = 1; !whole; ++operation) {
      CAPTURE(method, operation, static_cast<int>(loss));
      FileBench bench;
      bench.server_settings["snapshot.compression.method"] = method;
      bench.open();
      bench.take_snapshot(Zxid{0}, "zero");
      bench.append(Zxid{1}, Zxid{5});
      SimulatedFileSystem& files = bench.disk->files();
      files.crash_at(files.operations() + operation, loss);
      std::string body;
      bool committed = false;
      {
        const auto sink = bench.begin_snapshot(Zxid{5});
        for (std::int64_t zxid = 6; zxid < 16 && !files.down(); ++zxid) {
          const std::string piece(40'000, static_cast<char>('a' + zxid));
          body += piece;
          sink->write(SharedBytes::copy_of(piece));
          bench.append({entry(Zxid{zxid})});
          bench.doors.run_until(
              [&] { return files.down() || bench.events.last_durable == Zxid{zxid}; });
        }
        if (!files.down()) {
          sink->commit(7, [&](Result<SnapshotInfo> info) { committed = info.has_value(); });
          bench.doors.run_until([&] { return files.down() || committed; });
        }
        whole = !files.down();
        bench.store.reset();
      }
      if (whole) files.crash(loss);
      files.restart();
      const Zxid durable = bench.events.last_durable;
      const OpenedLog opened = bench.open();
      CHECK(opened.last_durable >= durable);
      CHECK(opened.damage.size() <= 1);  // The torn end of the log.
      const bool there = opened.snapshot->zxid == Zxid{5};
      if (committed) CHECK(there);
      CHECK(bench.snapshot_body() == (there ? body : "zero"));
      for (const std::string& name : bench.names(FileBench::kData))
        CHECK(name.find("unfinished") == name.npos);
    }
  }
}

// --- beside it: what the log writes
// ---------------------------------------------------------------

TEST_CASE("a log file ends when it has grown beyond its limit", "[file]") {
  FileBench bench;
  bench.server_settings["txnLogSizeLimitInKb"] = "2";
  bench.open();
  bench.append(Zxid{1}, Zxid{1}, 1900);  // 16 + 32 + 1900 + 13: below 2 KiB.
  bench.append(Zxid{2}, Zxid{2}, 100);
  bench.append(Zxid{3}, Zxid{4}, 3000);  // One group, one file.
  bench.append(Zxid{5}, Zxid{5});
  CHECK(bench.names(FileBench::kData) == Strings{"log.1", "log.3", "log.5"});
  // What was preallocated is given back.
  CHECK(bench.bytes_of(FileBench::kData + "log.3").size() == 16 + 2 * (3000 + 32 + 13));
  CHECK(bench.read(Zxid{0})->entries.size() == 5);
  CHECK(bench.reopen().last_durable == Zxid{5});
}

TEST_CASE("without a limit log files do not end by themselves", "[file]") {
  FileBench bench;
  bench.server_settings["txnLogSizeLimitInKb"] = GENERATE(as<std::string>(), "", "0", "-1");
  bench.open();
  for (std::int64_t zxid = 1; zxid < 10; ++zxid) bench.append(Zxid{zxid}, Zxid{zxid}, 100'000);
  CHECK(bench.names(FileBench::kData) == Strings{"log.1"});
}

TEST_CASE("a slow write of the log is told of, with how long it took", "[file]") {
  FileBench bench;
  bench.server_settings["fsync.warningthresholdms"] = "20";
  bench.open();
  bench.append(Zxid{1}, Zxid{1});
  CHECK(bench.host->fake_log.lines.empty());
  CHECK(bench.host->fake_metrics.value("fsync_threshold_exceed_count") == 0);
  // Somebody keeps the disk busy.
  for (int i = 0; i < 1000; ++i)
    bench.disk->submit(
        Lane::log, [](FileSystem&) {}, [] {});
  bench.append(Zxid{2}, Zxid{3});
  REQUIRE(bench.host->fake_log.lines.size() == 1);
  CHECK_THAT(bench.host->fake_log.lines[0].text,
             Catch::Matches("writing and syncing transactions 0x2 to 0x3 took [0-9]+ ms.*log.1.*"
                            "fsync.warningthresholdms=20.*"));
  CHECK(bench.host->fake_metrics.value("fsync_threshold_exceed_count") == 1);
}

// --- beginning with nothing
// -----------------------------------------------------------------------

TEST_CASE("db.autocreate=false keeps a server from beginning with nothing, unless it is told to",
          "[file]") {
  FileBench bench;
  bench.server_settings["db.autocreate"] = "false";
  const auto refused = bench.try_open();
  REQUIRE(fails_with(refused, Errc::not_found));
  CHECK_THAT(refused.error().what,
             Catch::Contains("/data/version-2") && Catch::Contains("/data/initialize"));
  bench.close();
  bench.put_file("/data/initialize", "");
  CHECK(bench.open().fresh);
  CHECK_FALSE(bench.disk->blocking().exists("/data/initialize"));
  bench.take_snapshot(Zxid{0}, "zero");
  // With data nobody is asked.
  CHECK_FALSE(bench.reopen().fresh);
}

TEST_CASE("the file `initialize` is used up where none is needed, as with ZooKeeper", "[file]") {
  FileBench bench;
  bench.server_settings["dataLogDir"] = "/logs";
  bench.put_file("/logs/initialize", "");
  CHECK(bench.open().fresh);
  CHECK_FALSE(bench.disk->blocking().exists("/logs/initialize"));
  bench.take_snapshot(Zxid{0}, "zero");
  bench.close();
  bench.put_file("/logs/initialize", "");
  CHECK_FALSE(bench.open().fresh);
  CHECK_FALSE(bench.disk->blocking().exists("/logs/initialize"));
}
