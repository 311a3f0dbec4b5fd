// What one server does about each kind of damage to its storage. The rows are those of
// docs/storage-damage.md.
#include "kernel/core/recovery.hpp"
#include "storage/file/recovery.hpp"
#include "tests/support/file_bench.hpp"
#include "tests/support/forwarding_files.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

using namespace vivarium;
using namespace vivarium::test;

namespace {

using Bench = FileBench;
const std::string kData = Bench::kData;
const std::string kOwn = Bench::kOwn;
const std::string kRecords = Bench::kRecords;

/// Where an ensemble's server can go on.
const std::string kRefill = "be filled by the others";

enum class Outcome {
  refused,   ///< The server does not start.
  repaired,  ///< It starts with all that was acknowledged, and says what it found.
  silent,    ///< Likewise, and there is nothing to say.
  no_vote,   ///< It starts, and must not vote.
};

struct Row {
  const char* damage;
  std::function<void(Bench&)> inflict;
  Outcome outcome;
  std::vector<std::string> said;  ///< Each is part of the message.
};

/// Records 1 to 10, all acknowledged: log.1 (1 to 4), log.5 (5 to 8), log.9 (9 and 10, each in a
/// group of its own), over a snapshot of the beginning.
void live(Bench& bench) {
  bench.open();
  bench.take_snapshot(Zxid{0}, "zero");
  bench.append(Zxid{1}, Zxid{4});
  REQUIRE(bench.set_epoch(EpochKind::accepted, 6).has_value());
  REQUIRE(bench.set_epoch(EpochKind::current, 5).has_value());
  bench.reopen();
  bench.append(Zxid{5}, Zxid{8});
  bench.reopen();
  bench.append(Zxid{9}, Zxid{9});
  bench.append(Zxid{10}, Zxid{10});
  bench.close();
}

/// As a crash in the middle of a change of the history leaves it.
void put_change(Bench& bench, const std::string& text) {
  bench.put_file(kOwn + "change",
                 text + " " + std::to_string(file::adler(file::kAdlerBegin, text)) + "\n");
}

/// The same records, with snapshots at 4 and 8 beside.
void live_with_snapshots(Bench& bench) {
  bench.open();
  bench.take_snapshot(Zxid{0}, "zero");
  bench.append(Zxid{1}, Zxid{4});
  bench.take_snapshot(Zxid{4}, "four");
  bench.append(Zxid{5}, Zxid{8});
  bench.take_snapshot(Zxid{8}, "eight", 88);
  bench.append(Zxid{9}, Zxid{10});
  bench.close();
}

bool holds(const std::string& message, const std::vector<std::string>& parts) {
  return std::all_of(parts.begin(), parts.end(), [&](const std::string& part) {
    return message.find(part) != std::string::npos;
  });
}

std::string all_messages(const OpenedLog& opened) {
  std::string all;
  for (const Damage& damage : opened.damage) all += damage.message + "\n";
  return all;
}

void check_refused(const Result<OpenedLog>& opened, const Row& row) {
  REQUIRE(opened.has_error());
  CAPTURE(opened.error().what);
  CHECK(holds(opened.error().what, row.said));
}

void check_going_on(Bench& bench, const Result<OpenedLog>& opened, const Row& row) {
  if (opened.has_error()) FAIL(opened.error().what);
  for (const Damage& damage : opened->damage) CHECK(damage.harmless);
  CAPTURE(all_messages(*opened));
  CHECK(opened->damage.empty() == (row.outcome == Outcome::silent));
  CHECK(opened->may_vote == (row.outcome != Outcome::no_vote));
  CHECK(holds(all_messages(*opened), row.said));
  CHECK(opened->last_durable == Zxid{10});
  bench.events.last_durable = opened->last_durable;
  const Zxid base = opened->snapshot ? opened->snapshot->zxid : Zxid{};
  CHECK(bench.zxids(base) == range(base.value + 1, 10));
  // And goes on, with nothing left to say.
  bench.append(Zxid{11}, Zxid{12});
  const OpenedLog again = bench.reopen();
  CHECK(again.last_durable == Zxid{12});
  CHECK(again.damage.empty() == (row.outcome != Outcome::no_vote));
}

void check(const Row& row, void (*life)(Bench&)) {
  CAPTURE(row.damage);
  Bench bench;
  life(bench);
  row.inflict(bench);
  const auto opened = bench.try_open();
  row.outcome == Outcome::refused ? check_refused(opened, row)
                                  : check_going_on(bench, opened, row);
}

std::size_t at(std::int64_t zxid, std::int64_t first) { return Bench::offset_of(zxid, first); }
std::string offset(std::int64_t zxid, std::int64_t first) {
  return "offset " + std::to_string(at(zxid, first));
}
constexpr std::size_t kEnd = Bench::kRecordBytes - 1;

}  // namespace

TEST_CASE("damage to a log", "[damage]") {
  const Row rows[] = {
      {"a torn last record, which was not acknowledged",
       [](Bench& b) {
         b.overwrite(kData + "log.9", at(11, 9), Bench::record_of(entry(Zxid{11})).substr(0, 40));
       },
       Outcome::repaired,
       {"log.9", offset(11, 9), "behind transaction 0xa", "cut short", "is cut off"}},
      {"the last record, acknowledged, looking torn",
       [](Bench& b) { b.overwrite(kData + "log.9", at(10, 9) + 30, std::string(35, '\0')); },
       Outcome::refused,
       {"log.9", offset(10, 9), "behind transaction 0x9", "up to 0xa", "acknowledged", kRefill}},
      {"the last record, acknowledged, zeroed",
       [](Bench& b) { b.overwrite(kData + "log.9", at(10, 9), std::string(65, '\0')); },
       Outcome::refused,
       {"log.9", offset(10, 9), "up to 0xa", kRefill}},
      {"a log that was cut at the end of a record",
       [](Bench& b) { b.cut(kData + "log.9", at(10, 9)); },
       Outcome::refused,
       {"log.9", offset(10, 9), "up to 0xa", kRefill}},
      {"a log in the middle that was cut at the end of a record",
       [](Bench& b) { b.cut(kData + "log.5", at(8, 5)); },
       Outcome::refused,
       {"log.5", offset(8, 5), "up to 0x8", kRefill}},
      {"an emptied log",
       [](Bench& b) { b.cut(kData + "log.9", 0); },
       Outcome::refused,
       {"log.9", "offset 0", "no header", "up to 0xa", kRefill}},
      {"bit rot in the middle",
       [](Bench& b) { b.flip(kData + "log.5", at(6, 5) + 40); },
       Outcome::refused,
       {"log.5", offset(6, 5), "behind transaction 0x5", "acknowledged", kRefill}},
      {"bit rot in the last record",
       [](Bench& b) { b.flip(kData + "log.9", at(10, 9) + 40); },
       Outcome::refused,
       {"log.9", offset(10, 9), "behind transaction 0x9", kRefill}},
      {"a length of zero in the middle",
       [](Bench& b) { b.overwrite(kData + "log.5", at(6, 5) + 8, std::string(4, '\0')); },
       Outcome::refused,
       {"log.5", offset(6, 5), "behind transaction 0x5", kRefill}},
      {"a wrong end-of-record byte in the middle",
       [](Bench& b) { b.overwrite(kData + "log.5", at(6, 5) + kEnd, "C"); },
       Outcome::refused,
       {"log.5", offset(6, 5), "behind transaction 0x5", kRefill}},
      {"a zeroed end-of-record byte of the last record",
       [](Bench& b) { b.overwrite(kData + "log.9", at(10, 9) + kEnd, std::string(1, '\0')); },
       Outcome::refused,
       {"log.9", offset(10, 9), "behind transaction 0x9", kRefill}},
      {"a missing log in the middle",
       [](Bench& b) { b.remove(kData + "log.5"); },
       Outcome::refused,
       {"log.9", "offset 16", "behind transaction 0x4", "0x9, which is not the next", kRefill}},
      {"a missing last log",
       [](Bench& b) { b.remove(kData + "log.9"); },
       Outcome::refused,
       {"log.9 is missing", "up to 0xa", "no snapshot", kRefill, "on purpose", "acknowledged"}},
      {"no file left",
       [](Bench& b) {
         for (const std::string& name : b.names(kData)) b.remove(kData + name);
       },
       Outcome::refused,
       {"log.1 is missing", kRefill}},
      {"a stale block: a good record in its place, of an older time",
       [](Bench& b) {
         auto other = entry(Zxid{6});
         std::string payload(other.payload.view());
         payload.back() = '!';
         b.overwrite(kData + "log.5", at(6, 5),
                     Bench::record_of({Zxid{6}, SharedBytes(std::move(payload))}));
       },
       Outcome::refused,
       {"log.5", "offset " + std::to_string(at(9, 5)), "wrong place", kRefill}},
      {"a misdirected block: a good record in another's place",
       [](Bench& b) {
         b.overwrite(kData + "log.5", at(6, 5), Bench::record_of(entry(Zxid{8})));
       },
       Outcome::refused,
       {"log.5", offset(6, 5), "behind transaction 0x5", "0x8, which is not the next", kRefill}},
      {"one log in another's place",
       [](Bench& b) { b.put_file(kData + "log.9", b.bytes_of(kData + "log.5")); },
       Outcome::refused,
       {"log.9", "offset 16", "0x5, older than the file is by its name", kRefill}},
      {"two logs with the zxid of one",
       [](Bench& b) { b.put_file(kData + "log.05", b.bytes_of(kData + "log.5")); },
       Outcome::refused,
       {kData + "log.5 and ", kData + "log.05 are both named after", "0x5", "move the one away"}},
      {"a byte of the header that no reader looks at",
       [](Bench& b) { b.flip(kData + "log.5", 12); }, Outcome::silent, {}},
      {"a damaged record of what was acknowledged",
       [](Bench& b) { b.put_file(kRecords + "log.9", std::string(8192, 'x')); },
       Outcome::repaired,
       {"acknowledged/log.9", "damaged", "by the log alone"}},
      {"one slot of that record damaged, as by a torn write",
       [](Bench& b) { b.flip(kRecords + "log.9", 20); }, Outcome::silent, {}},
      {"a missing record of what was acknowledged",
       [](Bench& b) { b.remove(kRecords + "log.9"); }, Outcome::silent, {}},
  };
  for (const Row& row : rows) check(row, live);
}

TEST_CASE("damage to a snapshot", "[damage]") {
  const std::vector<std::string> fallback = {"snapshot.8", "older snapshot", "nothing is lost",
                                             "/data/version-2/corrupt.snapshot.8"};
  const Row rows[] = {
      {"a changed byte", [](Bench& b) { b.flip(kData + "snapshot.8", 18); }, Outcome::repaired,
       fallback},
      {"a changed seal",
       [](Bench& b) { b.flip(kData + "snapshot.8", b.bytes_of(kData + "snapshot.8").size() - 20); },
       Outcome::repaired, fallback},
      {"a snapshot that is not whole", [](Bench& b) { b.cut(kData + "snapshot.8", 30); },
       Outcome::repaired, fallback},
      {"an empty snapshot", [](Bench& b) { b.cut(kData + "snapshot.8", 0); }, Outcome::repaired,
       fallback},
      {"a damaged snapshot that the logs do not make up for",
       [](Bench& b) {
         b.flip(kData + "snapshot.8", 18);
         for (const std::string log : {"log.5", "log.9"}) {
           b.remove(kData + log);
           b.remove(kRecords + log);
         }
       },
       Outcome::refused,
       {"snapshot.8", "the log ends before it, at 0x4", "backup", kRefill, "checksum"}},
      {"a snapshot in progress when the server ended",
       [](Bench& b) { b.put_file(kData + "unfinished.snapshot.a", "half"); },
       Outcome::silent,
       {}},
      {"a missing snapshot, with the logs behind an older one",
       [](Bench& b) { b.remove(kData + "snapshot.8"); },
       Outcome::silent,
       {}},
      {"missing snapshots, with logs that do not begin at the beginning",
       [](Bench& b) {
         for (const std::string name : {"snapshot.0", "snapshot.4", "snapshot.8", "log.1"})
           b.remove(kData + name);
         b.remove(kRecords + "log.1");
       },
       Outcome::refused,
       {"log.5", "0x5", "no snapshot", "backup", kRefill}},
      {"damaged snapshots, with logs that do not begin at the beginning",
       [](Bench& b) {
         for (const std::string name : {"snapshot.0", "snapshot.4", "snapshot.8"})
           b.flip(kData + name, 18);
         b.remove(kData + "log.1");
         b.remove(kRecords + "log.1");
       },
       Outcome::refused,
       {"log.5", "0x5", "no snapshot", "backup", kRefill, "found: /data/version-2/snapshot.8",
        "checksum"}},
  };
  for (const Row& row : rows) check(row, live_with_snapshots);
}

TEST_CASE("a damaged snapshot is kept where neither server loads, counts or purges it",
          "[damage]") {
  Bench bench;
  live_with_snapshots(bench);
  bench.flip(kData + "snapshot.8", 18);
  const std::string bytes = bench.bytes_of(kData + "snapshot.8");
  bench.open();
  CHECK(bench.bytes_of(kData + "corrupt.snapshot.8") == bytes);
  // Java takes version-2/snapshot.<zxid>.<anything> for a snapshot.
  CHECK(bench.names(kData) ==
        std::vector<std::string>{"corrupt.snapshot.8", "log.1", "log.5", "log.9", "snapshot.0",
                                 "snapshot.4"});
  const auto sizes = bench.store->sizes();
  CHECK(sizes.snapshot_bytes_total == bench.bytes_of(kData + "snapshot.0").size() +
                                          bench.bytes_of(kData + "snapshot.4").size());
  bench.take_snapshot(Zxid{10}, "ten");
  CHECK(bench.reopen().damage.empty());
  CHECK(bench.bytes_of(kData + "corrupt.snapshot.8") == bytes);
}

namespace {

/// A version-2 that leads to another file system.
struct TwoFileSystems final : ForwardingFiles {
  using ForwardingFiles::ForwardingFiles;
  Result<void> rename(const std::string& from, const std::string& to) override {
    if (from.starts_with(kData) != to.starts_with(kData))
      return Error(Errc::io_failed, "renaming " + from + " failed: Invalid cross-device link");
    return ForwardingFiles::rename(from, to);
  }
};

}  // namespace

TEST_CASE("version-2 may be a file system of its own", "[damage]") {
  Bench bench;
  live_with_snapshots(bench);
  SECTION("where a damaged snapshot is moved out of the way") {
    bench.flip(kData + "snapshot.8", 18);
    TwoFileSystems files(bench.files());
    const auto found = file::recover(files, file::Directories("/data", ""));
    REQUIRE(found.has_value());
    CHECK(found->opened.last_durable == Zxid{10});
    CHECK(found->opened.snapshot->zxid == Zxid{4});
  }
  SECTION("of which the free space is looked at as well") {
    std::vector<std::string> done;
    bench.disk->files().on_operation([&](const std::string& what) { done.push_back(what); });
    bench.open();
    for (const std::string folder : {"/data/version-2", "/data/vivarium"})
      CHECK(std::count(done.begin(), done.end(), "asking for the free space of " + folder) > 0);
    bench.disk->files().on_operation(nullptr);
  }
}

TEST_CASE("an installed snapshot that is missing is not taken for an empty server", "[damage]") {
  Bench bench;
  live(bench);
  bench.open();
  bench.install(Zxid{50}, "fifty");
  CHECK(bench.reopen().damage.empty());
  bench.close();
  SECTION("without logs") {
    bench.remove(kData + "snapshot.32");
    const auto opened = bench.try_open();
    REQUIRE(opened.has_error());
    CHECK(holds(opened.error().what, {"snapshot.32 is missing", "0x32", kRefill}));
  }
  SECTION("with logs behind it") {
    bench.open();
    bench.append(Zxid{51}, Zxid{52});
    bench.close();
    bench.remove(kData + "snapshot.32");
    const auto opened = bench.try_open();
    REQUIRE(opened.has_error());
    CHECK(holds(opened.error().what, {"log.33", "no snapshot", kRefill}));
  }
  SECTION("damaged") {
    bench.flip(kData + "snapshot.32", 20);
    const auto opened = bench.try_open();
    REQUIRE(opened.has_error());
    CHECK(holds(opened.error().what, {"snapshot.32", kRefill}));
    CHECK(bench.files().exists(kData + "snapshot.32"));
  }
}

TEST_CASE("a transaction that cannot be decoded is refused with how to find it, and the cure",
          "[damage]") {
  std::string payload;
  append_jute(payload, std::int64_t{0x100}, std::int32_t{7}, std::int64_t{1},
              std::int64_t{1'600'000'000'000}, static_cast<std::int32_t>(Op::create));
  Bench bench;
  bench.put_file(kData + "log.1",
                 file::log_header() +
                     Bench::record_of({Zxid{1}, SharedBytes(payload + "no record of that type")}));
  bench.make();
  std::optional<Error> refusal;
  Recovery recovery(*bench.store, bench.host->loop(), bench.host->fake_log, {},
                    [&](const Result<Recovered>& outcome) { refusal = outcome.error(); });
  recovery.start(bench.events);
  REQUIRE(bench.doors.run_until([&] { return refusal.has_value(); }));
  CAPTURE(refusal->what);
  CHECK(holds(refusal->what, {"transaction 0x1 ", "vivarium log --json --from 0x1", "backup",
                              "in an ensemble", kRefill}));
}

TEST_CASE("an interrupted installation whose snapshot is missing removes nothing", "[damage]") {
  Bench bench;
  live_with_snapshots(bench);
  put_change(bench, "install 0x32");
  const auto before = bench.names(kData);
  const auto opened = bench.try_open();
  REQUIRE(opened.has_error());
  CHECK(holds(opened.error().what, {kOwn + "change", "unfinished.snapshot.32 is not there",
                                    "nothing was removed", "backup", kRefill}));
  CHECK(bench.names(kData) == before);
}

TEST_CASE("the end of an epoch that is missing is not taken for the epoch's end", "[damage]") {
  Bench bench;
  bench.open();
  bench.append(Zxid::of(Epoch{1}, 1), Zxid::of(Epoch{1}, 5));
  bench.reopen();
  bench.append(Zxid::of(Epoch{2}, 1), Zxid::of(Epoch{2}, 2));
  bench.close();
  const std::string log = kData + "log.100000001";
  SECTION("the last record zeroed") {
    bench.overwrite(log, at(5, 1), std::string(Bench::kRecordBytes, '\0'));
  }
  SECTION("the log cut") { bench.cut(log, at(3, 1)); }
  SECTION("its record torn") { bench.cut(log, at(5, 1) + 40); }
  const auto opened = bench.try_open();
  REQUIRE(opened.has_error());
  CHECK(holds(opened.error().what, {log, "up to 0x100000005", kRefill}));
}

TEST_CASE("damage to epochs", "[damage]") {
  const Row rows[] = {
      {"a missing currentEpoch", [](Bench& b) { b.remove(kData + "currentEpoch"); },
       Outcome::repaired, {"currentEpoch is missing", "copy", "5"}},
      {"a missing acceptedEpoch", [](Bench& b) { b.remove(kData + "acceptedEpoch"); },
       Outcome::repaired, {"acceptedEpoch is missing", "copy", "6"}},
      {"another number", [](Bench& b) { b.put_file(kData + "acceptedEpoch", "2"); },
       Outcome::repaired, {"acceptedEpoch says 2", "says 6"}},
      {"no number", [](Bench& b) { b.put_file(kData + "currentEpoch", "5x"); },
       Outcome::repaired, {"currentEpoch holds no epoch", "says 5"}},
      {"current above accepted", [](Bench& b) { b.put_file(kData + "currentEpoch", "9"); },
       Outcome::repaired, {"currentEpoch says 9", "says 5"}},
      {"a damaged copy", [](Bench& b) { b.flip(kOwn + "epochs", 30); }, Outcome::repaired,
       {"copy", "written again"}},
      {"a missing copy", [](Bench& b) { b.remove(kOwn + "epochs"); }, Outcome::repaired,
       {"copy", "written again"}},
      {"a currentEpoch.tmp that a crash left",
       [](Bench& b) { b.put_file(kData + "currentEpoch.tmp", "9"); }, Outcome::silent, {}},
      {"everything gone",
       [](Bench& b) {
         for (const std::string& path : {kData + "currentEpoch", kData + "acceptedEpoch",
                                         kOwn + "epochs"})
           b.remove(path);
       },
       Outcome::no_vote,
       {"must not vote", "established leader", "alone can go on"}},
  };
  for (const Row& row : rows) check(row, live);
}

TEST_CASE("directories of somebody else, or that are not there", "[damage]") {
  const Row rows[] = {
      {"the id of another server", [](Bench& b) { b.put_file("/data/myid", "2\n"); },
       Outcome::refused, {"identity", "server 1", "server 2", "swapped", "remove this file"}},
      {"a damaged identity", [](Bench& b) { b.flip(kOwn + "identity", 5); }, Outcome::repaired,
       {"identity was damaged"}},
      {"a missing identity", [](Bench& b) { b.remove(kOwn + "identity"); }, Outcome::silent, {}},
      {"no myid any more: the server stands alone",
       [](Bench& b) { b.remove("/data/myid"); }, Outcome::silent, {}},
      {"a damaged format", [](Bench& b) { b.flip(kOwn + "format", 5); }, Outcome::repaired,
       {"format was damaged"}},
  };
  for (const Row& row : rows)
    check(row, [](Bench& bench) {
      bench.put_file("/data/myid", "1\n");
      live(bench);
    });
}

TEST_CASE("a server that stood alone takes the id that it gets, and keeps it", "[damage]") {
  Bench bench;
  live(bench);
  CHECK_THAT(bench.bytes_of(kOwn + "identity"), Catch::Contains("server none\n"));
  bench.put_file("/data/myid", "3");
  CHECK(bench.open().damage.empty());
  bench.close();
  CHECK_THAT(bench.bytes_of(kOwn + "identity"), Catch::Contains("server 3\n"));
  bench.remove("/data/myid");
  bench.open();
  bench.close();
  CHECK_THAT(bench.bytes_of(kOwn + "identity"), Catch::Contains("server 3\n"));
}

TEST_CASE("a dataLogDir must be the one that belongs to the dataDir", "[damage]") {
  Bench bench;
  bench.server_settings["dataLogDir"] = "/logs";
  live(bench);
  CHECK(bench.names("/logs/vivarium/") ==
        std::vector<std::string>{"acknowledged", "identity", "lock", "reserve"});
  SECTION("its disk is not mounted") {
    bench.server_settings["dataLogDir"] = "/elsewhere";
    const auto opened = bench.try_open();
    REQUIRE(opened.has_error());
    CHECK(holds(opened.error().what, {"/elsewhere", "empty", "mounted", kRefill}));
  }
  SECTION("its disk is another server's") {
    Bench other;
    other.doors.loop = std::make_unique<SimulatedLoop>(2);
    other.disk = other.doors.disk();
    other.server_settings["dataLogDir"] = "/logs";
    live(other);
    bench.put_file("/logs/vivarium/identity", other.bytes_of("/logs/vivarium/identity"));
    const auto opened = bench.try_open();
    REQUIRE(opened.has_error());
    CHECK(holds(opened.error().what, {"/data", "/logs", "two servers", "on purpose"}));
  }
  SECTION("the logs were moved, without our files") {
    bench.server_settings["dataLogDir"] = "/new";
    for (const std::string name : {"log.1", "log.5", "log.9"})
      bench.put_file("/new/version-2/" + name, bench.bytes_of("/logs/version-2/" + name));
    CHECK(bench.open().last_durable == Zxid{10});
  }
}

TEST_CASE("files of a newer release are refused, and say which", "[damage]") {
  const std::string name = GENERATE(as<std::string>(), "format", "identity", "epochs");
  Bench bench;
  live(bench);
  std::string text = bench.bytes_of(kOwn + name);
  text = text.substr(0, text.rfind("crc32 "));
  const std::string version = name + " 1\n";
  text.replace(text.find(version), version.size(), name + " 2\n");
  // The checksum by its definition, bit by bit.
  std::uint32_t sum = ~0u;
  for (const char c : text) {
    sum ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) sum = (sum >> 1) ^ (sum & 1 ? 0xedb88320u : 0);
  }
  std::ostringstream line;
  line << "crc32 " << std::hex << ~sum << "\n";
  bench.put_file(kOwn + name, text + line.str());
  const auto opened = bench.try_open();
  REQUIRE(opened.has_error());
  CHECK(opened.error().is(Errc::unsupported));
  CHECK(holds(opened.error().what, {kOwn + name, "version 2", "up to version 1", "newer release"}));
}

// --- while the server runs -----------------------------------------------------------------------

TEST_CASE("a failure of any call of an append ends the server, with nothing acknowledged",
          "[damage]") {
  for (const bool new_file : {true, false})
    for (std::uint64_t call = 1;; ++call) {
      CAPTURE(new_file, call);
      Bench bench;
      live(bench);
      bench.open();
      if (!new_file) bench.append(Zxid{11}, Zxid{11});
      bench.settle();
      const Zxid next{new_file ? 11 : 12};
      auto& files = bench.disk->files();
      files.fail_at(files.operations() + call);
      bench.append({entry(next)});
      bench.doors.run_until(
          [&] { return bench.events.last_durable >= next || bench.events.failure; });
      const auto failure = bench.events.failure;
      files.fail_at(0);
      bench.store->stop();
      bench.store.reset();
      files.crash(CrashLoss::everything);
      files.restart();
      if (!failure) {
        CHECK(call > (new_file ? 6 : 3));
        CHECK(bench.open().last_durable >= next);
        break;
      }
      CHECK(failure->is(Errc::io_failed));
      CHECK(holds(failure->what, {"log.b", "offset ", file::text_of(next),
                                  "none of them was acknowledged", "start again"}));
      CHECK(bench.open().last_durable >= Zxid{next.value - 1});
    }
}

TEST_CASE("a failure of any call of a start is refused or made up for, and loses nothing",
          "[damage]") {
  for (std::uint64_t call = 1;; ++call) {
    CAPTURE(call);
    Bench bench;
    live_with_snapshots(bench);
    auto& files = bench.disk->files();
    const auto before = files.operations();
    files.fail_at(before + call);
    const auto opened = bench.try_open();
    const bool reached = files.operations() - before >= call;
    files.fail_at(0);
    bench.store.reset();
    if (opened.has_error()) {
      CHECK(opened.error().is(Errc::io_failed));
      CAPTURE(opened.error().what);
      CHECK(holds(opened.error().what, {" /", "Input/output error"}));  // A path, and why.
    }
    files.crash(CrashLoss::something);
    files.restart();
    CHECK(bench.open().last_durable == Zxid{10});
    if (!reached) break;
  }
}

TEST_CASE("a log that cannot be read at the start is refused with file, offset and cure",
          "[damage]") {
  bool seen = false;
  for (std::uint64_t call = 1; call < 60; ++call) {
    Bench bench;
    live(bench);
    auto& files = bench.disk->files();
    files.fail_at(files.operations() + call);
    const auto opened = bench.try_open();
    if (!opened.has_error()) continue;
    if (opened.error().what.find("reading " + kData + "log.5") == std::string::npos) continue;
    seen = true;
    CAPTURE(opened.error().what);
    CHECK(holds(opened.error().what, {kData + "log.5 cannot be read", "offset ",
                                      "behind transaction 0x", "Input/output error",
                                      "replace the disk", kRefill}));
  }
  CHECK(seen);
}

// --- what a Java server leaves in between --------------------------------------------------------

TEST_CASE("logs that a Java server added are taken, and acknowledged from then on",
          "[damage][java]") {
  Bench bench;
  live(bench);
  bench.put_file(kData + "log.b", Bench::log_of(Zxid{11}, Zxid{12}));
  const OpenedLog opened = bench.open();
  CHECK(opened.last_durable == Zxid{12});
  CHECK(opened.damage.empty());
  bench.close();
  bench.cut(kData + "log.b", at(12, 11));
  CHECK(bench.try_open().has_error());
}

TEST_CASE("a history that a Java server cut for its leader is taken", "[damage][java]") {
  Bench bench;
  live(bench);
  // The leader of epoch 7 had 1 to 6 only.
  bench.remove(kData + "log.9");
  bench.cut(kData + "log.5", at(7, 5));
  SECTION("when it has joined that leader") {
    bench.put_file(kData + "acceptedEpoch", "7");
    bench.put_file(kData + "currentEpoch", "7");
    const Zxid first = Zxid::of(Epoch{7}, 1);
    bench.put_file(kData + "log.700000001", Bench::log_of(first, first));
    const OpenedLog opened = bench.open();
    CHECK(opened.last_durable == first);
    CHECK(opened.epochs.current == Epoch{7});
    CHECK(opened.may_vote);
    CHECK(opened.damage.empty());
    CHECK(bench.reopen().damage.empty());
    CHECK(bench.read(Zxid{})->entries.size() == 7);
  }
  SECTION("and is damage otherwise") { CHECK(bench.try_open().has_error()); }
}

TEST_CASE("a currentEpoch that is not believed excuses nothing", "[damage][java]") {
  Bench bench;
  live(bench);
  bench.put_file(kData + "currentEpoch", "9");  // Above acceptedEpoch: no server writes that.
  SECTION("neither a missing log") {
    bench.remove(kData + "log.9");
    const auto opened = bench.try_open();
    REQUIRE(opened.has_error());
    CHECK(holds(opened.error().what, {"log.9 is missing", "up to 0xa", kRefill}));
  }
  SECTION("nor a shorter one") {
    bench.cut(kData + "log.9", at(10, 9));
    const auto opened = bench.try_open();
    REQUIRE(opened.has_error());
    CHECK(holds(opened.error().what, {"log.9", "up to 0xa", "acknowledged", kRefill}));
  }
  SECTION("nor a truncation that was not carried out") {
    put_change(bench, "truncate 0x6");
    CHECK(bench.open().last_durable == Zxid{6});
  }
}

namespace {

void put_snapshot(Bench& bench, Zxid zxid, std::size_t bytes = SIZE_MAX) {
  std::string whole = file::snapshot_header() + "body";
  file::append_seal(whole, file::adler(file::kAdlerBegin, whole));
  bench.put_file(kData + "snapshot." + file::text_of(zxid).substr(2), whole.substr(0, bytes));
}

}  // namespace

TEST_CASE("a snapshot ahead of its log that a Java server was writing when it was killed",
          "[damage][java]") {
  Bench bench;
  const Zxid first = Zxid::of(Epoch{1}, 1), last = Zxid::of(Epoch{1}, 5);
  put_snapshot(bench, Zxid{0});
  bench.put_file(kData + "log.100000001", Bench::log_of(first, last));
  put_snapshot(bench, Zxid::of(Epoch{1}, 9), 18);
  SECTION("is given up by a member of an ensemble, which does not vote before it is up to date") {
    bench.put_file(kData + "acceptedEpoch", "1");
    bench.put_file(kData + "currentEpoch", "1");
    const OpenedLog opened = bench.open();
    CHECK(opened.last_durable == last);
    CHECK_FALSE(opened.may_vote);
    CHECK(holds(all_messages(opened), {"snapshot.100000009", "the log, which ends before it",
                                       "0x100000005", "must not vote"}));
    CHECK_FALSE(bench.reopen().may_vote);
    REQUIRE(bench.set_epoch(EpochKind::accepted, 2).has_value());
    REQUIRE(bench.set_epoch(EpochKind::current, 2).has_value());
    CHECK(bench.reopen().may_vote);
  }
  SECTION("which a crash in the start does not forget") {
    bench.put_file(kData + "acceptedEpoch", "1");
    bench.put_file(kData + "currentEpoch", "1");
    auto& files = bench.disk->files();
    // All that one start does, and somewhat more.
    const auto operation = GENERATE(range<std::uint64_t>(1, 120));
    files.crash_at(files.operations() + operation, CrashLoss::nothing);
    bench.make();
    bool open = false;
    bench.store->open(bench.events, [&](Result<OpenedLog>) { open = true; });
    bench.doors.run_until([&] { return open || files.down(); });
    bench.store.reset();
    if (!files.down()) files.crash(CrashLoss::everything);
    files.restart();
    files.disarm();
    const OpenedLog opened = bench.open();
    CHECK(opened.last_durable == last);
    CHECK_FALSE(opened.may_vote);
  }
  SECTION("is loss where no server logs later than it applies") {
    const auto opened = bench.try_open();
    REQUIRE(opened.has_error());
    CHECK(holds(opened.error().what, {"snapshot.100000009", "0x100000005", kRefill}));
    CHECK(bench.files().exists(kData + "snapshot.100000009"));
  }
}

namespace {

/// Logs of another user, which may be read.
struct ReadOnlyLogs final : ForwardingFiles {
  using ForwardingFiles::ForwardingFiles;
  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    const bool denied = path.starts_with(kData + "log.") && mode != OpenMode::read;
    if (denied) return Error(Errc::io_failed, "opening " + path + " failed: Permission denied");
    return ForwardingFiles::open(path, mode);
  }
};

}  // namespace

TEST_CASE("logs that may only be read are taken, unless one has to be cut", "[damage][java]") {
  Bench bench;
  const file::Directories directories("/data", "");
  REQUIRE(directories.create(bench.files()).has_value());
  bench.put_file(kData + "log.1", Bench::log_of(Zxid{1}, Zxid{10}));
  ReadOnlyLogs files(bench.files());
  SECTION("whole") {
    const auto found = file::recover(files, directories);
    REQUIRE(found.has_value());
    CHECK(found->opened.last_durable == Zxid{10});
    CHECK(bench.names(kRecords) == std::vector<std::string>{"log.1"});
  }
  SECTION("with a torn end") {
    bench.cut(kData + "log.1", at(10, 1) + 40);
    const auto found = file::recover(files, directories);
    REQUIRE(found.has_error());
    CHECK(holds(found.error().what,
                {"log.1", offset(10, 1), "Permission denied", "make it writable"}));
  }
}

TEST_CASE("logs that a Java server purged are not missed", "[damage][java]") {
  Bench bench;
  live_with_snapshots(bench);
  for (const std::string name : {"snapshot.0", "snapshot.4", "log.1", "log.5"})
    bench.remove(kData + name);
  CHECK(bench.open().damage.empty());
  CHECK(bench.names(kRecords) == std::vector<std::string>{"log.9"});
}

TEST_CASE("a truncation that was interrupted is not carried out over what a Java server added",
          "[damage][java]") {
  Bench bench;
  live(bench);
  put_change(bench, "truncate 0x6");
  // Its first step was done; then a Java server joined the leader of epoch 7, and logged.
  bench.remove(kData + "log.9");
  bench.put_file(kData + "acceptedEpoch", "7");
  bench.put_file(kData + "currentEpoch", "7");
  const Zxid first = Zxid::of(Epoch{7}, 1);
  bench.put_file(kData + "log.700000001", Bench::log_of(first, first));
  const OpenedLog opened = bench.open();
  CHECK(opened.last_durable == first);
  CHECK(holds(all_messages(opened), {"interrupted", "Java"}));
  CHECK(bench.zxids(Zxid{8}) == std::vector<std::int64_t>{first.value});
  CHECK(bench.reopen().damage.empty());
}
