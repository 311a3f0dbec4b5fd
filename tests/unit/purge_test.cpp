// Old snapshots and logs are removed, and never one that is still needed.
#include "tests/support/file_bench.hpp"

#include <algorithm>

using namespace vivarium;
using namespace vivarium::test;

namespace {

using Strings = std::vector<std::string>;

/// A snapshot file with the one seal that it needs.
std::string snapshot_bytes(std::string_view body) {
  std::string bytes = file::snapshot_header() + std::string(body);
  file::append_seal(bytes, file::adler(file::kAdlerBegin, bytes));
  return bytes;
}

/// Snapshots at 0, 10, 20, ..., `snapshots` of them, each with ten transactions behind it.
struct LongLife : FileBench {
  explicit LongLife(int snapshots, const std::string& method = "") {
    server_settings["snapshot.compression.method"] = method;
    open();
    for (std::int64_t at = 0; at < 10 * snapshots; at += 10) {
      take_snapshot(Zxid{at}, body(at));
      append(Zxid{at + 1}, Zxid{at + 10});
    }
    settle();
  }
  static std::string body(std::int64_t zxid) { return "state at " + std::to_string(zxid); }

  Result<PurgeReport> purge(unsigned kept) {
    return await<PurgeReport>([&](Done<PurgeReport> done) { store->purge(kept, std::move(done)); });
  }
  Strings sorted_names() {
    auto names = this->names(kData);
    std::sort(names.begin(), names.end());
    return names;
  }
};

const Strings kAfterKeepingThreeOfFive = {"log.15",      "log.1f",      "log.29",     "log.b",
                                          "snapshot.14", "snapshot.1e", "snapshot.28"};

}  // namespace

TEST_CASE("the newest snapshots stay, and the log file that begins before the oldest of them",
          "[file][purge]") {
  LongLife bench(5);
  const auto before = bench.store->sizes();
  const auto report = bench.purge(3);
  REQUIRE(report.has_value());
  CHECK(report->snapshots == 2);
  CHECK(report->logs == 1);
  CHECK(report->bytes > 10 * (32 + 20 + 13));
  CHECK(bench.sorted_names() == kAfterKeepingThreeOfFive);
  CHECK(bench.store->first_contiguous() == Zxid{10});
  CHECK(bench.zxids(Zxid{10}) == range(11, 50));
  CHECK(fails_with(bench.read(Zxid{9}), Errc::out_of_range));
  const auto after = bench.store->sizes();
  CHECK(before.log_bytes_total + before.snapshot_bytes_total -
            (after.log_bytes_total + after.snapshot_bytes_total) ==
        report->bytes);
  CHECK(after.log_entries == before.log_entries);
}

TEST_CASE("after a purge a store opens as before, and lives on", "[file][purge]") {
  LongLife bench(5);
  REQUIRE(bench.purge(3).has_value());
  const OpenedLog opened = bench.reopen();
  CHECK(opened.last_durable == Zxid{50});
  CHECK(opened.snapshot->zxid == Zxid{40});
  CHECK(opened.damage.empty());
  bench.rest();
  CHECK(bench.store->first_contiguous() == Zxid{10});
  bench.append(Zxid{51}, Zxid{52});
  REQUIRE(bench.truncate(Zxid{25}).has_value());
  CHECK(bench.snapshot_body() == LongLife::body(20));
  CHECK(bench.zxids(Zxid{20}) == range(21, 25));
}

TEST_CASE("a purge that comes before all older logs were read leaves the rest of them to be read",
          "[file][purge]") {
  for (int turns = 0; turns < 8; ++turns) {
    LongLife bench(5);
    bench.reopen();
    CHECK(bench.store->first_contiguous() == Zxid{40});
    REQUIRE(bench.read(Zxid{50})->end);
    for (int turn = 0; turn < turns; ++turn) bench.settle();
    CHECK(bench.purge(3)->logs == 1);
    bench.rest();
    CHECK(bench.store->first_contiguous() == Zxid{10});
    CHECK(bench.zxids(Zxid{10}) == range(11, 50));
  }
}

TEST_CASE("a second purge finds nothing to remove, and reads no snapshot for it", "[file][purge]") {
  LongLife bench(5);
  REQUIRE(bench.purge(3).has_value());
  const auto operations = bench.disk->files().operations();
  const auto report = bench.purge(3);
  CHECK(report->snapshots + report->logs == 0);
  CHECK(bench.disk->files().operations() - operations ==
        2);  // The lists of the two kinds of files.
}

TEST_CASE("while there are fewer snapshots nothing goes", "[file][purge]") {
  LongLife bench(3);
  const auto before = bench.sorted_names();
  for (const unsigned kept : {3u, 4u, 100u}) CHECK(bench.purge(kept)->bytes == 0);
  CHECK(bench.sorted_names() == before);
}

TEST_CASE("a damaged snapshot does not count, and stays for whoever looks into it",
          "[file][purge]") {
  LongLife bench(5);
  SECTION("the newest") {
    bench.flip(FileBench::kData + "snapshot.28", 20);
    CHECK(bench.purge(3)->snapshots == 1);
    CHECK(bench.sorted_names() == Strings{"log.1", "log.15", "log.1f", "log.29", "log.b",
                                          "snapshot.14", "snapshot.1e", "snapshot.28",
                                          "snapshot.a"});
  }
  SECTION("so many that too few are left") {
    for (const std::string name : {"snapshot.28", "snapshot.1e", "snapshot.0"})
      bench.flip(FileBench::kData + name, 20);
    const auto before = bench.sorted_names();
    CHECK(bench.purge(3)->bytes == 0);
    CHECK(bench.sorted_names() == before);
  }
  SECTION("one that goes") {
    bench.flip(FileBench::kData + "snapshot.a", 20);
    CHECK(bench.purge(3)->snapshots == 2);
    CHECK(bench.sorted_names() == kAfterKeepingThreeOfFive);
  }
}

TEST_CASE("the same snapshot plain and compressed counts once", "[file][purge]") {
  LongLife bench(4);
  bench.server_settings["snapshot.compression.method"] = "gz";
  bench.reopen();
  bench.take_snapshot(Zxid{30}, "again");
  const auto before = bench.sorted_names();
  CHECK(bench.purge(4)->bytes == 0);
  CHECK(bench.sorted_names() == before);
  CHECK(bench.purge(3)->snapshots == 1);
  CHECK(bench.sorted_names() == Strings{"log.1", "log.15", "log.1f", "log.b", "snapshot.14",
                                        "snapshot.1e", "snapshot.1e.gz", "snapshot.a"});
}

TEST_CASE("compressed snapshots are verified and removed as others are", "[file][purge]") {
  const auto method = GENERATE(as<std::string>(), "gz", "snappy");
  LongLife bench(5, method);
  auto packed = bench.bytes_of(FileBench::kData + "snapshot.28." + method);
  bench.put_file(FileBench::kData + "snapshot.28." + method, packed.substr(0, packed.size() - 1));
  CHECK(bench.purge(3)->snapshots == 1);
  CHECK(bench.purge(2)->snapshots == 1);
}

TEST_CASE("a snapshot that is only in the system's cache is synced before older ones go",
          "[file][purge]") {
  LongLife bench(3);
  // As a Java server leaves it.
  auto file = bench.disk->blocking().open(FileBench::kData + "snapshot.1e", OpenMode::create_new);
  REQUIRE((*file)->write_at(0, snapshot_bytes("thirty")).has_value());
  file->reset();
  CHECK(bench.purge(1)->snapshots == 3);
  bench.disk->files().crash(CrashLoss::everything);
  bench.disk->files().restart();
  bench.store.reset();
  const OpenedLog opened = bench.open();
  REQUIRE(opened.snapshot);
  CHECK(opened.snapshot->zxid == Zxid{30});
  CHECK(bench.snapshot_body() == "thirty");
}

TEST_CASE("reads that were begun are served from logs that go", "[file][purge]") {
  LongLife bench(5);
  std::optional<Result<LogSlice>> slice;
  bool purged = false;
  // Long before the removal, and right before it.
  bench.store->read(Zxid{0}, 1 << 20, [&](Result<LogSlice> read) { slice.emplace(read); });
  bench.store->purge(1, [&](Result<PurgeReport> report) { purged = report.has_value(); });
  int served = 0;
  while (!purged) {
    if (slice) {
      if (slice->has_error()) break;  // It is known by now that they go.
      CHECK((*slice)->entries.size() == 50);
      ++served;
      slice.reset();
      bench.store->read(Zxid{0}, 1 << 20, [&](Result<LogSlice> read) { slice.emplace(read); });
    }
    bench.doors.run_until([&] { return slice || purged; });
  }
  CHECK(served > 0);
  REQUIRE(bench.doors.run_until([&] { return purged && slice; }));
  CHECK(fails_with(bench.read(Zxid{0}), Errc::out_of_range));
  CHECK_FALSE(bench.events.failure);
}

TEST_CASE("appends do not wait for a purge", "[file][purge]") {
  LongLife bench(5);
  bool purged = false;
  std::int64_t next = 51;
  bench.store->purge(1, [&](Result<PurgeReport> report) { purged = report.has_value(); });
  while (!purged) {
    bench.append({entry(Zxid{next})});
    bench.doors.run_until([&] { return purged || bench.events.last_durable >= Zxid{next}; });
    if (!purged) ++next;
  }
  CHECK(next > 52);
  bench.wait_durable(Zxid{next});
  CHECK(bench.reopen().last_durable == Zxid{next});
}

TEST_CASE("a truncation while snapshots are verified ends the purge with nothing removed",
          "[file][purge]") {
  LongLife bench(5);
  const auto before = bench.sorted_names();
  std::optional<Result<PurgeReport>> purged;
  bench.store->purge(3, [&](Result<PurgeReport> report) { purged.emplace(report); });
  REQUIRE(bench.truncate(Zxid{50}).has_value());
  REQUIRE(bench.doors.run_until([&] { return purged.has_value(); }));
  CHECK(fails_with(*purged, Errc::closed));
  CHECK(bench.sorted_names() == before);
  CHECK(bench.purge(3)->snapshots == 2);
}

TEST_CASE("a truncation or an install at any moment of a purge leaves a whole history",
          "[file][purge]") {
  const bool installs = GENERATE(false, true);
  for (int turns = 0; turns < 60; ++turns) {
    CAPTURE(installs, turns);
    LongLife bench(5);
    std::optional<Result<PurgeReport>> purged;
    bench.store->purge(2, [&](Result<PurgeReport> report) { purged.emplace(report); });
    int left = turns;
    bench.doors.run_until([&] { return left-- == 0; });
    if (installs) {
      bench.install(Zxid{70}, "installed");
    } else {
      REQUIRE(bench.truncate(Zxid{45}).has_value());
    }
    REQUIRE(bench.doors.run_until([&] { return purged.has_value(); }));
    CHECK((purged->has_value() || fails_with(*purged, Errc::closed)));
    CHECK_FALSE(bench.events.failure);
    const OpenedLog opened = bench.reopen();
    CHECK(opened.damage.empty());
    CHECK(opened.last_durable == (installs ? Zxid{70} : Zxid{45}));
    CHECK(bench.snapshot_body() == (installs ? "installed" : LongLife::body(40)));
  }
}

TEST_CASE("a file that cannot be removed is not the end of the store", "[file][purge][fault]") {
  LongLife bench(5);
  const auto files_before = bench.sorted_names();
  int refused = 0;
  for (std::uint64_t operation = 1; operation < 200 && bench.sorted_names() == files_before;
       ++operation) {
    bench.disk->files().fail_at(bench.disk->files().operations() + operation);
    std::optional<Result<PurgeReport>> purged;
    bench.store->purge(3, [&](Result<PurgeReport> report) { purged.emplace(report); });
    bench.doors.run_until([&] { return purged || bench.events.failure; });
    if (purged && purged->has_error()) ++refused;
    if (bench.events.failure) {
      // A sync failed, and what was not synced may not be counted on.
      CHECK_THAT(bench.events.failure->what, Catch::Contains("syncing"));
      bench.reopen();
    }
  }
  CHECK(refused > 0);
  CHECK(bench.reopen().last_durable == Zxid{50});
  CHECK(bench.snapshot_body() == LongLife::body(40));
}

TEST_CASE("a crash at any operation of a purge leaves what it keeps, and the next one ends it",
          "[file][purge][crash]") {
  const auto loss = GENERATE(CrashLoss::everything, CrashLoss::something, CrashLoss::nothing);
  std::uint64_t operation = 0;
  for (bool whole = false; !whole;) {
    ++operation;
    CAPTURE(operation, static_cast<int>(loss));
    LongLife bench(6);
    bench.disk->files().crash_at(bench.disk->files().operations() + operation, loss);
    bool purged = false;
    bench.store->purge(2, [&](Result<PurgeReport>) { purged = true; });
    bench.doors.run_until([&] { return purged || bench.disk->files().down(); });
    whole = !bench.disk->files().down();
    bench.store.reset();
    if (whole) bench.disk->files().crash(loss);
    bench.disk->files().restart();
    const OpenedLog opened = bench.open();
    CHECK(opened.damage.empty());
    CHECK(opened.last_durable == Zxid{60});
    CHECK(bench.snapshot_body() == LongLife::body(50));
    CHECK(bench.zxids(Zxid{50}) == range(51, 60));
    REQUIRE(bench.purge(2).has_value());
    CHECK(bench.sorted_names() ==
          Strings{"log.1f", "log.29", "log.33", "snapshot.28", "snapshot.32"});
    // The older one of those that were kept can take the newest one's place.
    bench.flip(FileBench::kData + "snapshot.32", 20);
    CHECK(bench.reopen().last_durable == Zxid{60});
    CHECK(bench.snapshot_body() == LongLife::body(40));
  }
  CHECK(operation > 20);
}
