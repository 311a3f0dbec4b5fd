// The file storage: its bytes, what it makes of damage, and that a crash at any point loses nothing
// that was reported durable.
#include "tests/contract/log_store_bench.hpp"

#include "storage/file/format.hpp"
#include "storage/file/log_tail.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>

using namespace vivarium;
using namespace vivarium::test;

namespace {

using Bench = StoreBench<SimulatedDoors, FileKind>;

const std::string kLogs = "/data/version-2/";

std::string bytes_of(Bench& bench, const std::string& path) {
  auto file = bench.disk->blocking().open(path, OpenMode::read);
  if (file.has_error()) FAIL(file.error().what);
  std::string content(static_cast<std::size_t>(*(*file)->size()), '?');
  REQUIRE(*(*file)->read_at(0, content.data(), content.size()) == content.size());
  return content;
}

/// Puts a file there, durably, as somebody else would have left it.
void put_file(Bench& bench, const std::string& path, std::string_view content) {
  FileSystem& files = bench.disk->blocking();
  const std::string folder = path.substr(0, path.rfind('/'));
  REQUIRE(files.create_directories(folder).has_value());
  auto file = files.open(path, OpenMode::create_empty);
  REQUIRE((*file)->write_at(0, content).has_value());
  REQUIRE((*file)->sync().has_value());
  REQUIRE(files.sync_directory(folder).has_value());
}

void overwrite(Bench& bench, const std::string& path, std::size_t offset, std::string_view bytes) {
  auto content = bytes_of(bench, path);
  content.replace(offset, bytes.size(), bytes);
  put_file(bench, path, content);
}

std::vector<std::string> names(Bench& bench, const std::string& folder = "/data/version-2") {
  std::vector<std::string> names;
  const auto entries = bench.disk->blocking().list(folder);
  for (const DirectoryEntry& one : *entries) names.push_back(one.name);
  return names;
}

std::string from_hex(std::string_view text) {
  std::string bytes;
  int nibbles = 0, value = 0;
  for (const char c : text) {
    if (c == ' ') continue;
    value = value * 16 + (c <= '9' ? c - '0' : c - 'a' + 10);
    if (++nibbles % 2 == 0) bytes.push_back(static_cast<char>(std::exchange(value, 0)));
  }
  return bytes;
}

/// Adler-32 by its definition.
std::uint32_t adler_by_definition(std::string_view bytes) {
  std::uint32_t a = 1, b = 0;
  for (const char c : bytes) {
    a = (a + static_cast<unsigned char>(c)) % 65521;
    b = (b + a) % 65521;
  }
  return b << 16 | a;
}

std::string big_endian(std::uint64_t value, std::size_t bytes) {
  std::string text;
  for (std::size_t i = bytes; i-- > 0;) text.push_back(static_cast<char>(value >> (8 * i)));
  return text;
}

std::string record(const LogEntry& one) {
  const auto payload = one.payload.view();
  return big_endian(adler_by_definition(payload), 8) + big_endian(payload.size(), 4) +
         std::string(payload) + "B";
}

std::string log_file(Zxid first, Zxid last) {
  std::string bytes = from_hex("5a4b4c47 00000002 0000000000000000");
  for (Zxid zxid = first; zxid <= last; zxid = zxid.next()) bytes += record(entry(zxid));
  return bytes;
}

std::string seal(std::string_view before) {
  return big_endian(adler_by_definition(before), 8) + from_hex("00000001 2f");
}

void put_snapshot(Bench& bench, Zxid zxid) {
  std::string bytes = from_hex("5a4b534e 00000002 ffffffffffffffff") + "body";
  bytes += seal(bytes);
  put_file(bench, kLogs + "snapshot." + file::text_of(zxid).substr(2), bytes);
}

constexpr std::size_t kRecordBytes = 32 + 20 + 13;

/// Opens what must be refused, and gives the sentence.
std::string refusal(Bench& bench, Errc code = Errc::corrupt) {
  const auto opened = bench.try_open();
  REQUIRE(opened.has_error());
  CHECK(opened.error().is(code));
  return opened.error().what;
}

}  // namespace

// --- bytes ---------------------------------------------------------------------------------------

TEST_CASE("a log holds ZooKeeper's header, records and preallocated zeros", "[file]") {
  Bench bench;
  bench.open();
  bench.append(Zxid{0x1a}, Zxid{0x1c});
  const auto bytes = bytes_of(bench, kLogs + "log.1a");
  const auto wanted = log_file(Zxid{0x1a}, Zxid{0x1c});
  REQUIRE(bytes.size() == 64 * 1024);
  CHECK(bytes.substr(0, wanted.size()) == wanted);
  CHECK(bytes.find_first_not_of('\0', wanted.size()) == std::string::npos);
}

TEST_CASE("a log without preallocation ends with its last record", "[file]") {
  Bench bench;
  bench.settings["prealloc"] = "0";
  bench.open();
  bench.append(Zxid{1}, Zxid{2});
  CHECK(bytes_of(bench, kLogs + "log.1") == log_file(Zxid{1}, Zxid{2}));
}

TEST_CASE("a log grows by multiples of the preallocation, ahead of what is written", "[file]") {
  Bench bench;
  bench.open();
  bench.append(Zxid{1}, Zxid{1}, 64 * 1024 - 4096 - 200);
  CHECK(bytes_of(bench, kLogs + "log.1").size() == 64 * 1024);
  bench.append(Zxid{2}, Zxid{2}, 200);
  CHECK(bytes_of(bench, kLogs + "log.1").size() == 128 * 1024);
  bench.append(Zxid{3}, Zxid{3}, 200'000);
  CHECK(bytes_of(bench, kLogs + "log.1").size() % (64 * 1024) == 0);
}

TEST_CASE("a snapshot holds header, body, seal, digest and last zxid", "[file]") {
  Bench bench;
  bench.open();
  const std::string body = "sessions, acls, nodes";
  bench.take_snapshot(Zxid{0}, body, 0x1122334455667788);
  std::string wanted = from_hex("5a4b534e 00000002 ffffffffffffffff") + body;
  wanted += seal(wanted);
  wanted += from_hex("0000000000000000 00000002 1122334455667788");
  wanted += seal(wanted);
  wanted += from_hex("0000000000000000");
  wanted += seal(wanted);
  CHECK(bytes_of(bench, kLogs + "snapshot.0") == wanted);
}

TEST_CASE("a snapshot without a digest ends with the first seal", "[file]") {
  Bench bench;
  bench.open();
  bench.append(Zxid{0xabc}, Zxid{0xabc});
  bench.take_snapshot(Zxid{0xabc}, "body");
  std::string wanted = from_hex("5a4b534e 00000002 ffffffffffffffff") + "body";
  wanted += seal(wanted);
  CHECK(bytes_of(bench, kLogs + "snapshot.abc") == wanted);
}

TEST_CASE("epochs are decimal text without a newline", "[file]") {
  Bench bench;
  bench.open();
  REQUIRE(bench.set_epoch(EpochKind::accepted, 12).has_value());
  REQUIRE(bench.set_epoch(EpochKind::current, 7).has_value());
  CHECK(bytes_of(bench, kLogs + "acceptedEpoch") == "12");
  CHECK(bytes_of(bench, kLogs + "currentEpoch") == "7");
  CHECK(names(bench) == std::vector<std::string>{"acceptedEpoch", "currentEpoch"});
}

TEST_CASE("a snapshot begins a new log and gives the old one's spare space back", "[file]") {
  Bench bench;
  bench.open();
  bench.append(Zxid{1}, Zxid{3});
  bench.take_snapshot(Zxid{3}, "body");
  bench.append(Zxid{4}, Zxid{5});
  CHECK(bytes_of(bench, kLogs + "log.1") == log_file(Zxid{1}, Zxid{3}));
  CHECK(names(bench) == std::vector<std::string>{"log.1", "log.4", "snapshot.3"});
}

TEST_CASE("every start begins a new log", "[file]") {
  Bench bench;
  bench.open();
  bench.append(Zxid{1}, Zxid{3});
  bench.reopen();
  bench.append(Zxid{4}, Zxid{5});
  CHECK(names(bench) == std::vector<std::string>{"log.1", "log.4"});
  CHECK(bench.reopen().last_durable == Zxid{5});
}

TEST_CASE("logs lie in dataLogDir when it is set", "[file]") {
  Bench bench;
  bench.server_settings["dataLogDir"] = "/logs/";
  bench.open();
  bench.append(Zxid{1}, Zxid{2});
  bench.take_snapshot(Zxid{2}, "body");
  CHECK(names(bench, "/logs/version-2") == std::vector<std::string>{"log.1"});
  CHECK(names(bench, "/data/version-2") == std::vector<std::string>{"snapshot.2"});
  SECTION("and are found there again") { CHECK(bench.reopen().last_durable == Zxid{2}); }
  SECTION("and a log among the snapshots is refused, as ZooKeeper does") {
    bench.close();
    put_file(bench, kLogs + "log.1", log_file(Zxid{1}, Zxid{1}));
    CHECK_THAT(refusal(bench, Errc::invalid_argument),
               Catch::Contains("log.1") && Catch::Contains("dataLogDir"));
  }
}

TEST_CASE("preAllocSize and forceSync of the server are honoured", "[file]") {
  Bench bench;
  bench.settings.clear();
  bench.server_settings = {{"preAllocSize", "16"}, {"forceSync", "no"}};
  bench.open();
  bench.disk->files().set_syncs(SimulatedFileSystem::Syncs::fail);
  bench.append(Zxid{1}, Zxid{2});
  CHECK(bytes_of(bench, kLogs + "log.1").size() == 16 * 1024);
}

// --- Java's files --------------------------------------------------------------------------------

namespace {

std::string fixture(const std::string& name) {
  const std::string here = __FILE__;
  const std::string path = here.substr(0, here.rfind('/')) + "/java-3.8/version-2/" + name;
  std::ifstream in(path, std::ios::binary);
  REQUIRE(in.good());
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

TEST_CASE("a data directory of a Java server is read, and continued", "[file][java]") {
  Bench bench;
  for (const std::string name : {"snapshot.0", "log.1", "snapshot.a"})
    put_file(bench, kLogs + name, fixture(name));
  const OpenedLog opened = bench.open();
  CHECK(opened.last_durable == Zxid{0xa});
  REQUIRE(opened.snapshot);
  CHECK(opened.snapshot->zxid == Zxid{0xa});
  CHECK(opened.snapshot->digest == 0x39a3df420);
  CHECK(opened.damage.empty());
  bench.settle();
  CHECK(bench.store->first_contiguous() == Zxid{0});
  CHECK(bench.read(Zxid{0})->entries.size() == 10);
  const auto body = bench.snapshot_body();
  REQUIRE(body);
  CHECK(body->size() + 16 + 13 + 33 == fixture("snapshot.a").size());
  CHECK(body->ends_with(from_hex("00000001 2f")));
}

TEST_CASE("what Java wrote is written again byte for byte", "[file][java]") {
  Bench java, ours;
  ours.settings["prealloc"] = "0";
  for (const std::string name : {"snapshot.0", "log.1"})
    put_file(java, kLogs + name, fixture(name));
  CHECK(java.open().snapshot->zxid == Zxid{0});
  ours.open();
  const auto sink = ours.begin_snapshot(Zxid{0});
  sink->write(SharedBytes::copy_of(*java.snapshot_body()));
  REQUIRE(ours.commit(*sink).has_value());
  const auto history = java.read(Zxid{0});
  for (const LogEntry& one : history->entries) ours.append({one});
  ours.wait_durable(Zxid{0xa});
  auto log = fixture("log.1");
  log.resize(log.find_last_not_of('\0') + 1);
  CHECK(bytes_of(ours, kLogs + "log.1") == log);
  // Java's holds a digest that belongs to no transaction, which ours leaves out.
  CHECK(fixture("snapshot.0").starts_with(bytes_of(ours, kLogs + "snapshot.0")));
}

TEST_CASE("every layout of trailers is read", "[file]") {
  Bench bench;
  const std::string digest = from_hex("0000000000000005 00000002 00000000000000dd");
  const std::string last_zxid = from_hex("0000000000000005");
  std::string bytes = from_hex("5a4b534e 00000002 ffffffffffffffff") + "body";
  bytes += seal(bytes);
  std::optional<std::uint64_t> wanted;
  SECTION("the seal alone") {}
  SECTION("with the digest") {
    bytes += digest;
    bytes += seal(bytes);
    wanted = 0xdd;
  }
  SECTION("with the digest of a later transaction: the snapshot was fuzzy") {
    bytes += from_hex("0000000000000006 00000002 00000000000000dd");
    bytes += seal(bytes);
  }
  SECTION("with the last zxid, from a server that has digests disabled") {
    bytes += last_zxid;
    bytes += seal(bytes);
  }
  SECTION("with both") {
    bytes += digest;
    bytes += seal(bytes);
    bytes += last_zxid;
    bytes += seal(bytes);
    wanted = 0xdd;
  }
  put_file(bench, kLogs + "snapshot.5", bytes);
  const OpenedLog opened = bench.open();
  REQUIRE(opened.snapshot);
  CHECK(opened.last_durable == Zxid{5});
  CHECK(opened.snapshot->digest == wanted);
  CHECK(bench.snapshot_body() == "body");
}

TEST_CASE("a running Java server on the directory is noticed", "[file][java]") {
  Bench bench;
  using namespace std::string_literals;
  const auto process = [&](const std::string& argument) {
    put_file(bench, "/proc/77/cmdline",
             "java\0-cp\0zookeeper.jar\0org.apache.zookeeper.server.quorum.QuorumPeerMain\0"s +
                 argument + "\0"s);
  };
  put_file(bench, "/etc/zoo.cfg", "tickTime=2000\n dataDir = /data \n");
  SECTION("by its config") {
    process("/etc/zoo.cfg");
    CHECK_THAT(refusal(bench, Errc::in_use),
               Catch::Contains("/data") && Catch::Contains("process 77") &&
                   Catch::Contains("/etc/zoo.cfg") && Catch::Contains("stop that one"));
  }
  SECTION("by its arguments") {
    process("2181\0/data"s);
    CHECK_THAT(refusal(bench, Errc::in_use), Catch::Contains("process 77"));
  }
  SECTION("and one elsewhere is not in the way") {
    put_file(bench, "/etc/zoo.cfg", "dataDir=/other\n");
    put_file(bench, "/other/vivarium/lock", "another word");
    process("/etc/zoo.cfg");
    bench.open();
  }
}

// --- damage --------------------------------------------------------------------------------------

namespace {

/// How far the log was acknowledged is not known, as after a power failure: its looks decide.
void forget_acknowledged(Bench& bench) {
  for (const std::string& name : names(bench, "/data/vivarium/acknowledged"))
    REQUIRE(bench.disk->blocking().remove("/data/vivarium/acknowledged/" + name).has_value());
}

/// A directory with a log of the records 1 to 10 in log.1, closed.
struct DamagedBench : Bench {
  DamagedBench() {
    open();
    append(Zxid{1}, Zxid{10});
    close();
    forget_acknowledged(*this);
  }
  std::string log = kLogs + "log.1";
  static std::size_t offset(std::int64_t zxid) {
    return 16 + static_cast<std::size_t>(zxid - 1) * kRecordBytes;
  }
  /// Opens with a torn tail behind `last`, and goes on writing.
  void check_torn_behind(std::int64_t last) {
    const OpenedLog opened = open();
    CHECK(opened.last_durable == Zxid{last});
    REQUIRE(opened.damage.size() == 1);
    CHECK(opened.damage[0].harmless);
    CHECK(opened.damage[0].file == log);
    CHECK(opened.damage[0].offset == offset(last + 1));
    CHECK(opened.damage[0].zxid == Zxid{last});
    disk->files().crash(CrashLoss::everything);
    disk->files().restart();
    CHECK(bytes_of(*this, log).size() == offset(last + 1));
    CHECK(open().damage.empty());
    append(Zxid{last + 1}, Zxid{last + 3});
    const OpenedLog again = reopen();
    CHECK(again.last_durable == Zxid{last + 3});
    CHECK(again.damage.empty());
    CHECK(zxids(Zxid{0}) == range(1, last + 3));
  }
};

}  // namespace

TEST_CASE("a record whose end did not reach the disk is cut off", "[file][damage]") {
  DamagedBench bench;
  const auto cut = GENERATE(5u, 12u, 13u, 40u, kRecordBytes - 1);
  overwrite(bench, bench.log, bench.offset(10) + cut, std::string(kRecordBytes - cut, '\0'));
  bench.check_torn_behind(9);
}

TEST_CASE("a log that ends inside a record is cut off there", "[file][damage]") {
  DamagedBench bench;
  auto bytes = bytes_of(bench, bench.log);
  bytes.resize(bench.offset(10) + GENERATE(5u, 12u, 13u, 40u, kRecordBytes - 1));
  put_file(bench, bench.log, bytes);
  bench.check_torn_behind(9);
}

TEST_CASE(
    "a write of which whole sectors are missing is cut off, good records behind them included",
    "[file][damage]") {
  Bench bench;
  bench.open();
  bench.append(Zxid{1}, Zxid{60});
  bench.close();
  forget_acknowledged(bench);
  const std::string log = kLogs + "log.1";
  overwrite(bench, log, 1024, std::string(512, '\0'));
  const OpenedLog opened = bench.open();
  CHECK(opened.last_durable == Zxid{(1024 - 16) / kRecordBytes});
  REQUIRE(opened.damage.size() == 1);
  CHECK(opened.damage[0].harmless);
}

TEST_CASE("a changed byte of the log is damage, and the refusal tells where and what to do",
          "[file][damage]") {
  DamagedBench bench;
  const auto [zxid, at] = GENERATE(table<std::int64_t, std::size_t>({
      {5, 6},                 // checksum
      {5, 11},                // length
      {5, 8},                 // length, made impossible
      {5, 30},                // payload
      {5, kRecordBytes - 1},  // end mark
      {10, 30},               // payload of the last record
  }));
  const std::size_t offset = bench.offset(zxid) + at;
  const auto byte = static_cast<unsigned char>(bytes_of(bench, bench.log)[offset]);
  overwrite(bench, bench.log, offset, std::string(1, static_cast<char>(byte ^ 0x81)));
  CHECK_THAT(refusal(bench), Catch::Contains(bench.log) &&
                                 Catch::Contains("offset " + std::to_string(bench.offset(zxid))) &&
                                 Catch::Contains(file::text_of(Zxid{zxid - 1})) &&
                                 Catch::Contains("backup"));
}

TEST_CASE("a zeroed stretch with more data behind it than one write brings is damage",
          "[file][damage]") {
  Bench bench;
  bench.open();
  for (std::int64_t zxid = 1; zxid <= 20; ++zxid) bench.append(Zxid{zxid}, Zxid{zxid}, 1'000'000);
  bench.close();
  forget_acknowledged(bench);
  overwrite(bench, kLogs + "log.1", 2048, std::string(512, '\0'));
  CHECK_THAT(refusal(bench), Catch::Contains("log.1"));
}

TEST_CASE("a record longer than other writes is cut off when its end did not reach the disk",
          "[file][damage]") {
  Bench bench;
  const std::string whole = log_file(Zxid{1}, Zxid{3});
  const std::string last = record(entry(Zxid{4}, 20'000'000));
  const auto there = GENERATE(values<std::size_t>({16'900'000, 19'999'000}));
  put_file(bench, kLogs + "log.1", whole + last.substr(0, there) + std::string(100'000, '\0'));
  const OpenedLog opened = bench.open();
  CHECK(opened.last_durable == Zxid{3});
  REQUIRE(opened.damage.size() == 1);
  CHECK(opened.damage[0].harmless);
  CHECK(bytes_of(bench, kLogs + "log.1") == whole);
}

TEST_CASE("a record that says to be longer than it is is no cut one", "[file][damage]") {
  Bench bench;
  const std::string length = big_endian(100'000'000, 4);
  const auto bytes = GENERATE(values<std::size_t>({1'000, 1'000'000}));
  bench.open();
  bench.append(Zxid{1}, Zxid{20}, bytes);
  bench.close();
  forget_acknowledged(bench);
  overwrite(bench, kLogs + "log.1", 16 + 8, length);
  CHECK_THAT(refusal(bench), Catch::Contains("log.1 holds at offset 16"));
}

TEST_CASE("a gap between zxids is damage", "[file][damage]") {
  Bench bench;
  put_file(bench, kLogs + "log.1", log_file(Zxid{1}, Zxid{5}));
  SECTION("between two files") {
    put_file(bench, kLogs + "log.7", log_file(Zxid{7}, Zxid{9}));
    CHECK_THAT(refusal(bench), Catch::Contains("log.7") && Catch::Contains("offset 16") &&
                                   Catch::Contains("behind transaction 0x5") &&
                                   Catch::Contains("transaction 0x7"));
  }
  SECTION("inside a file") {
    put_file(bench, kLogs + "log.6", log_file(Zxid{6}, Zxid{6}) + record(entry(Zxid{8})));
    CHECK_THAT(refusal(bench), Catch::Contains("log.6") && Catch::Contains("transaction 0x8"));
  }
}

TEST_CASE("a new epoch begins at its first transaction, and not later", "[file][damage]") {
  Bench bench;
  put_file(bench, kLogs + "log.1", log_file(Zxid{1}, Zxid{5}));
  SECTION("whole") {
    put_file(bench, kLogs + "log.300000001",
             log_file(Zxid::of(Epoch{3}, 1), Zxid::of(Epoch{3}, 2)));
    CHECK(bench.open().last_durable == Zxid::of(Epoch{3}, 2));
    CHECK(bench.store->first_contiguous() == Zxid{0});
  }
  SECTION("with a gap") {
    put_file(bench, kLogs + "log.300000002",
             log_file(Zxid::of(Epoch{3}, 2), Zxid::of(Epoch{3}, 2)));
    CHECK_THAT(refusal(bench), Catch::Contains("log.300000002"));
  }
}

TEST_CASE("a log in which a counter has run over is one history", "[file]") {
  Bench bench;
  put_snapshot(bench, Zxid{0xFFFFFFFD});
  SECTION("in the middle of a file") {
    put_file(bench, kLogs + "log.fffffffe", log_file(Zxid{0xFFFFFFFE}, Zxid{0x100000002}));
  }
  SECTION("between two files") {
    put_file(bench, kLogs + "log.fffffffe", log_file(Zxid{0xFFFFFFFE}, Zxid{0xFFFFFFFF}));
    put_file(bench, kLogs + "log.100000000", log_file(Zxid{0x100000000}, Zxid{0x100000002}));
  }
  CHECK(bench.open().last_durable == Zxid{0x100000002});
  const std::vector<std::int64_t> all{0xFFFFFFFE, 0xFFFFFFFF, 0x100000000, 0x100000001, 0x100000002};
  CHECK(bench.zxids(Zxid{0xFFFFFFFD}) == all);
  REQUIRE(bench.truncate(Zxid{0x100000000}).has_value());
  CHECK(bench.reopen().last_durable == Zxid{0x100000000});
  bench.append(Zxid::of({2}, 1), Zxid::of({2}, 2));
  CHECK(bench.reopen().last_durable == Zxid::of({2}, 2));
}

TEST_CASE("where a counter has run over, epochs written before the first start count", "[file]") {
  Bench bench;
  put_snapshot(bench, Zxid{0xFFFFFFFD});
  put_file(bench, kLogs + "log.fffffffe", log_file(Zxid{0xFFFFFFFE}, Zxid{0x100000002}));
  const bool written = GENERATE(true, false);
  if (written)
    for (const auto* name : {"acceptedEpoch", "currentEpoch"}) put_file(bench, kLogs + name, "1");
  const auto opened = bench.open();
  CHECK(opened.may_vote == written);
  CHECK(opened.epochs.accepted == Epoch{1});
  CHECK(opened.epochs.current == Epoch{1});
}

TEST_CASE("entries that were logged twice count once", "[file]") {
  Bench bench;
  put_file(bench, kLogs + "log.1", log_file(Zxid{1}, Zxid{5}));
  put_file(bench, kLogs + "log.4", log_file(Zxid{4}, Zxid{8}));
  CHECK(bench.open().last_durable == Zxid{8});
  CHECK(bench.zxids(Zxid{0}) == range(1, 8));
}

TEST_CASE("entries that were logged again in a file with a later name count once", "[file]") {
  Bench bench;
  put_file(bench, kLogs + "log.1", log_file(Zxid{1}, Zxid{5}));
  const std::string again = record(entry(Zxid{4})) + record(entry(Zxid{5}));
  SECTION("behind those of that name") {
    put_file(bench, kLogs + "log.6",
             log_file(Zxid{6}, Zxid{7}) + again + record(entry(Zxid{8})));
    CHECK(bench.open().last_durable == Zxid{8});
    CHECK(bench.zxids(Zxid{0}) == range(1, 8));
    CHECK(bench.zxids(Zxid{4}) == range(5, 8));
    REQUIRE(bench.truncate(Zxid{6}).has_value());
    CHECK(bench.zxids(Zxid{0}) == range(1, 6));
  }
  SECTION("and are another file's at its beginning") {
    put_file(bench, kLogs + "log.6", log_file(Zxid{4}, Zxid{7}));
    CHECK_THAT(refusal(bench), Catch::Contains("log.6") && Catch::Contains("older than the file"));
  }
}

TEST_CASE("what a log leaves out at the end of an epoch is not taken from another one", "[file]") {
  // A Java server had logged to (1, 9) when it lost its leader; the next one had (1, 7).
  Bench bench;
  const auto zxid = [](std::int64_t epoch, std::uint32_t counter) {
    return Zxid::of(Epoch{epoch}, counter);
  };
  put_snapshot(bench, Zxid{0});
  put_file(bench, kLogs + "log.100000001", log_file(zxid(1, 1), zxid(1, 9)));
  put_file(bench, kLogs + "log.100000005", log_file(zxid(1, 5), zxid(1, 7)) +
                                               record(entry(zxid(2, 1))) +
                                               record(entry(zxid(2, 2))));
  SECTION("where that is to be loaded") {
    CHECK_THAT(refusal(bench), Catch::Contains("log.100000005 holds at offset ") &&
                                   Catch::Contains("0x200000001 behind 0x100000007") &&
                                   Catch::Contains("log.100000001 goes on to 0x100000009"));
  }
  SECTION("nor given to peers, where a snapshot holds it") {
    put_snapshot(bench, zxid(2, 1));
    CHECK(bench.open().last_durable == zxid(2, 2));
    bench.rest();
    CHECK(bench.store->first_contiguous() == zxid(1, 4));
    CHECK(bench.zxids(zxid(1, 4)) ==
          std::vector<std::int64_t>{zxid(1, 5).value, zxid(1, 6).value, zxid(1, 7).value,
                                    zxid(2, 1).value, zxid(2, 2).value});
  }
}

TEST_CASE("a truncation cuts every log that reaches behind its end", "[file]") {
  Bench bench;
  put_file(bench, kLogs + "log.1", log_file(Zxid{1}, Zxid{10}));
  std::int64_t end = 6;
  SECTION("when the newest of them ends before another") {
    put_file(bench, kLogs + "log.4", log_file(Zxid{4}, Zxid{8}));
  }
  SECTION("when the newest of them does not reach so far") {
    put_file(bench, kLogs + "log.4", log_file(Zxid{4}, Zxid{5}));
  }
  SECTION("when the newest of them holds nothing") {
    put_file(bench, kLogs + "log.4", log_file(Zxid{1}, Zxid{0}));
  }
  SECTION("when a snapshot lies behind where that begins") {
    put_snapshot(bench, Zxid{7});
    put_file(bench, kLogs + "log.8", log_file(Zxid{1}, Zxid{0}));
    end = 8;
  }
  CHECK(bench.open().last_durable == Zxid{10});
  REQUIRE(bench.truncate(Zxid{end}).has_value());
  const Zxid base = bench.store->first_contiguous();
  CHECK(bench.zxids(base) == range(base.value + 1, end));
  bench.append(Zxid{end + 1}, Zxid{end + 2});
  CHECK(bench.reopen().last_durable == Zxid{end + 2});
}

TEST_CASE("the torn end of a log is no matter when the next log continues before it", "[file]") {
  Bench bench;
  put_file(bench, kLogs + "log.1",
           log_file(Zxid{1}, Zxid{5}) + record(entry(Zxid{6})).substr(0, 30));
  put_file(bench, kLogs + "log.6", log_file(Zxid{6}, Zxid{8}));
  const OpenedLog opened = bench.open();
  CHECK(opened.last_durable == Zxid{8});
  CHECK(opened.damage.empty());
  CHECK(bench.zxids(Zxid{0}) == range(1, 8));
}

TEST_CASE("a last log without a whole header is removed", "[file][damage]") {
  Bench bench;
  put_file(bench, kLogs + "log.1", log_file(Zxid{1}, Zxid{5}));
  const std::string bytes =
      GENERATE(std::string(), std::string(4096, '\0'), log_file(Zxid{1}, Zxid{0}),
               log_file(Zxid{1}, Zxid{0}).substr(0, 7));
  put_file(bench, kLogs + "log.6", bytes);
  CHECK(bench.open().last_durable == Zxid{5});
  bench.disk->files().crash(CrashLoss::everything);
  bench.disk->files().restart();
  CHECK(names(bench) == std::vector<std::string>{"log.1"});
  CHECK(bench.open().last_durable == Zxid{5});
  bench.append(Zxid{6}, Zxid{6});
  CHECK(bench.reopen().last_durable == Zxid{6});
}

TEST_CASE("a file that is called a log and is none is refused", "[file][damage]") {
  Bench bench;
  put_file(bench, kLogs + "log.1", std::string(600, 'x'));
  CHECK_THAT(refusal(bench), Catch::Contains("log.1") && Catch::Contains("header"));
}

TEST_CASE("names that only look like logs and snapshots are left alone", "[file]") {
  Bench bench;
  for (const std::string name : {"log.1.bak", "log.", "log.xyz", "snapshot.tmp", "snapshot.5.zip",
                                 "log.11111111111111111", "unrelated"})
    put_file(bench, kLogs + name, "whatever");
  CHECK(bench.open().fresh);
  CHECK(names(bench).size() == 7);
}

namespace {

/// Snapshots at 0, 4 and 8, and a log of 1 to 10.
struct SnapshotBench : Bench {
  SnapshotBench() {
    open();
    take_snapshot(Zxid{0}, "zero");
    append(Zxid{1}, Zxid{4});
    take_snapshot(Zxid{4}, std::string(2'000'000, 'f'));
    append(Zxid{5}, Zxid{8});
    take_snapshot(Zxid{8}, std::string(2'000'000, 'e'), 88);
    append(Zxid{9}, Zxid{10});
    close();
  }
  void flip(const std::string& name, std::size_t offset) {
    const auto byte = static_cast<unsigned char>(bytes_of(*this, kLogs + name).at(offset));
    overwrite(*this, kLogs + name, offset, std::string(1, static_cast<char>(byte ^ 1)));
  }
};

}  // namespace

TEST_CASE("a snapshot with any byte changed is replaced by an older one and the log",
          "[file][damage]") {
  SnapshotBench bench;
  const std::size_t size = bytes_of(bench, kLogs + "snapshot.8").size();
  bench.flip("snapshot.8",
             GENERATE_COPY(values<std::size_t>({0, 20, 1'500'000, size - 1, size - 12, size - 20,
                                                size - 30, size - 60, size - 67, size - 70})));
  const OpenedLog opened = bench.open();
  CHECK(opened.snapshot->zxid == Zxid{4});
  CHECK(opened.last_durable == Zxid{10});
  REQUIRE(opened.damage.size() == 1);
  CHECK(opened.damage[0].harmless);
  CHECK_THAT(opened.damage[0].message, Catch::Contains("snapshot.8"));
  CHECK(bench.zxids(Zxid{4}) == range(5, 10));
}

TEST_CASE("a snapshot that is cut short, by any length, is replaced by an older one",
          "[file][damage]") {
  SnapshotBench bench;
  auto bytes = bytes_of(bench, kLogs + "snapshot.8");
  bytes.resize(
      GENERATE_COPY(values<std::size_t>({0, 10, 28, 1000, bytes.size() - 22, bytes.size() - 1})));
  put_file(bench, kLogs + "snapshot.8", bytes);
  CHECK(bench.open().snapshot->zxid == Zxid{4});
}

TEST_CASE("a snapshot is not replaced by an older one without the log between them",
          "[file][damage]") {
  SnapshotBench bench;
  bench.flip("snapshot.8", 100);
  SECTION("a hole") {
    REQUIRE(bench.disk->blocking().remove(kLogs + "log.5").has_value());
    CHECK_THAT(refusal(bench), Catch::Contains("log.9") && Catch::Contains("0x9"));
  }
  SECTION("a log that ends before it") {
    REQUIRE(bench.disk->blocking().remove(kLogs + "log.5").has_value());
    REQUIRE(bench.disk->blocking().remove(kLogs + "log.9").has_value());
    CHECK_THAT(refusal(bench), Catch::Contains("snapshot.8") && Catch::Contains("0x4"));
  }
}

TEST_CASE("logs without their snapshot are refused, unless they begin with the first transaction",
          "[file][damage]") {
  SnapshotBench bench;
  for (const std::string name : {"snapshot.0", "snapshot.4", "snapshot.8"})
    REQUIRE(bench.disk->blocking().remove(kLogs + name).has_value());
  SECTION("from the first") { CHECK(bench.open().last_durable == Zxid{10}); }
  SECTION("from the middle") {
    REQUIRE(bench.disk->blocking().remove(kLogs + "log.1").has_value());
    CHECK_THAT(refusal(bench), Catch::Contains("log.5"));
  }
  SECTION("from the beginning of a later epoch") {
    for (const std::string name : {"log.1", "log.5", "log.9"})
      REQUIRE(bench.disk->blocking().remove(kLogs + name).has_value());
    put_file(bench, kLogs + "log.700000001",
             log_file(Zxid::of(Epoch{7}, 1), Zxid::of(Epoch{7}, 2)));
    CHECK_THAT(refusal(bench), Catch::Contains("no snapshot"));
  }
}

TEST_CASE("damage below the snapshot only shortens what lagging peers can be given",
          "[file][damage]") {
  SnapshotBench bench;
  const auto first = GENERATE(values<std::string>({"log.1", "log.5"}));
  bench.flip(first, 100);
  const OpenedLog opened = bench.open();
  CHECK(opened.last_durable == Zxid{10});
  bench.rest();
  CHECK(bench.store->first_contiguous() == (first == "log.1" ? Zxid{4} : Zxid{8}));
}

TEST_CASE("a snapshot between two logs marks a hole that no read crosses", "[file]") {
  // A server that had 1 to 3 was filled by a snapshot at (5, 2), while 4 and (5, 1) passed it by.
  Bench bench;
  const Zxid filled = Zxid::of(Epoch{5}, 2);
  for (const Zxid zxid : {Zxid{0}, filled}) put_snapshot(bench, zxid);
  put_file(bench, kLogs + "log.1", log_file(Zxid{1}, Zxid{3}));
  put_file(bench, kLogs + "log.500000003", log_file(Zxid::of(Epoch{5}, 3), Zxid::of(Epoch{5}, 4)));
  CHECK(bench.open().last_durable == Zxid::of(Epoch{5}, 4));
  bench.rest();
  CHECK(bench.store->first_contiguous() == filled);
}

TEST_CASE("a log that ends below the snapshot is not read, nor joined to what follows", "[file]") {
  // A server that had 1 to 3 was filled by a snapshot at 9, and logged nothing more.
  Bench bench;
  for (const Zxid zxid : {Zxid{0}, Zxid{9}}) put_snapshot(bench, zxid);
  put_file(bench, kLogs + "log.1", log_file(Zxid{1}, Zxid{3}));
  CHECK(bench.open().last_durable == Zxid{9});
  for (const Zxid after : {Zxid{0}, Zxid{3}, Zxid{8}})
    CHECK(fails_with(bench.read(after), Errc::out_of_range));
  CHECK(bench.zxids(Zxid{9}).empty());
  bench.append(Zxid{10}, Zxid{11});
  CHECK(fails_with(bench.read(Zxid{0}), Errc::out_of_range));
  CHECK(bench.zxids(Zxid{9}) == range(10, 11));
  CHECK(bench.reopen().last_durable == Zxid{11});
  bench.rest();
  CHECK(bench.store->first_contiguous() == Zxid{9});
}

TEST_CASE("a snapshot with which a new leader labels what it held may stand for a hole", "[file]") {
  // A server that had (1, 1) to (1, 3) was filled by the idle leader of epoch 2.
  Bench bench;
  const Zxid labelled = Zxid::of(Epoch{2}, 0);
  for (const Zxid zxid : {Zxid::of(Epoch{1}, 0), Zxid::of(Epoch{1}, 2), labelled})
    put_snapshot(bench, zxid);
  put_file(bench, kLogs + "log.100000001",
           log_file(Zxid::of(Epoch{1}, 1), Zxid::of(Epoch{1}, 3)));
  put_file(bench, kLogs + "log.200000001",
           log_file(Zxid::of(Epoch{2}, 1), Zxid::of(Epoch{2}, 2)));
  SECTION("that no read crosses") {
    CHECK(bench.open().last_durable == Zxid::of(Epoch{2}, 2));
    bench.rest();
    CHECK(bench.store->first_contiguous() == labelled);
  }
  SECTION("that no read crosses when a later one is loaded") {
    put_snapshot(bench, Zxid::of(Epoch{2}, 2));
    bench.open();
    bench.rest();
    CHECK(bench.store->first_contiguous() == labelled);
  }
  SECTION("that is refused when the snapshot cannot be read") {
    overwrite(bench, kLogs + "snapshot.200000000", 18, "x");
    CHECK_THAT(refusal(bench), Catch::Contains("log.200000001 holds at offset 16") &&
                                   Catch::Contains("behind transaction 0x100000003") &&
                                   Catch::Contains("snapshot at 0x200000000") &&
                                   Catch::Contains("cannot be read"));
    // Nor is it excused by what is loaded lying right before it.
    put_snapshot(bench, Zxid::of(Epoch{1}, 3));
    CHECK_THAT(refusal(bench), Catch::Contains("snapshot at 0x200000000"));
  }
}

TEST_CASE("a start does not wait for the logs below its snapshot", "[file]") {
  SnapshotBench bench;
  std::vector<std::string> done;
  bench.disk->files().on_operation([&](const std::string& what) { done.push_back(what); });
  const auto reads_older = [&] {
    return std::any_of(done.begin(), done.end(), [](const std::string& what) {
      return what.starts_with("reading " + kLogs + "log.") && !what.ends_with("log.9");
    });
  };
  bench.open();
  CHECK(bench.snapshot_body()->size() == 2'000'000);
  CHECK(bench.zxids(Zxid{8}) == range(9, 10));
  CHECK_FALSE(reads_older());
  CHECK(bench.store->first_contiguous() == Zxid{8});
  SECTION("and goes on when one of them cannot be read") {
    bench.disk->files().fail_at(bench.disk->files().operations() + 2);
    bench.rest();
    CHECK(bench.store->first_contiguous() > Zxid{0});
    CHECK_FALSE(bench.events.failure);
  }
  SECTION("and reads them behind it") {
    bench.rest();
    CHECK(reads_older());
    CHECK(bench.store->first_contiguous() == Zxid{0});
  }
  SECTION("and gives way to a snapshot that is read then") {
    const auto source = bench.store->open_snapshot();
    bench.rest();
    CHECK_FALSE(reads_older());
  }
  bench.disk->files().on_operation(nullptr);
}

TEST_CASE("an epoch file with a newline is read, as somebody may have edited it", "[file]") {
  Bench bench;
  bench.open();
  bench.close();
  put_file(bench, kLogs + "currentEpoch", "5\n");
  CHECK(bench.open().epochs.current == Epoch{5});
}

// --- failing disks -------------------------------------------------------------------------------

TEST_CASE("a failed sync is the last thing that is heard of a store", "[file][fault]") {
  Bench bench;
  bench.open();
  bench.append(Zxid{1}, Zxid{2});
  bench.disk->files().set_syncs(SimulatedFileSystem::Syncs::fail);
  bench.append({entry(Zxid{3})});
  REQUIRE(bench.doors.run_until([&] { return bench.events.failure.has_value(); }));
  CHECK(bench.events.failure->is(Errc::io_failed));
  CHECK_THAT(bench.events.failure->what, Catch::Contains("log.1"));
  bench.disk->files().set_syncs(SimulatedFileSystem::Syncs::work);
  bool called = false;
  bench.append({entry(Zxid{4})});
  bench.store->set_epoch(EpochKind::current, Epoch{1}, [&](Result<void>) { called = true; });
  bench.store->read(Zxid{0}, 100, [&](Result<LogSlice>) { called = true; });
  bench.doors.loop->run_for(std::chrono::minutes(1));
  CHECK_FALSE(called);
  CHECK(bench.events.last_durable == Zxid{2});
  CHECK(fails_with(bench.store->begin_snapshot(Zxid{2}), Errc::closed));
}

TEST_CASE("what a start reports is durable, though the process before it died before its sync",
          "[file][fault]") {
  Bench bench;
  bench.open();
  bench.append(Zxid{1}, Zxid{2});
  const LogEntry last = entry(Zxid{3}, GENERATE(values<std::size_t>({20, 20'000'000})));
  SimulatedFileSystem& files = bench.disk->files();
  SECTION("killed") {
    bool syncing = false;
    files.on_operation([&](const std::string& what) {
      if (!std::exchange(syncing, what.starts_with("syncing")) && syncing)
        files.kill_before(files.operations());
    });
    bench.append({last});
    bench.doors.loop->run_for(std::chrono::seconds(1));
    REQUIRE(files.down());
    files.on_operation({});
  }
  SECTION("by a sync that failed") {
    files.set_syncs(SimulatedFileSystem::Syncs::fail);
    bench.append({last});
    REQUIRE(bench.doors.run_until([&] { return bench.events.failure.has_value(); }));
    files.set_syncs(SimulatedFileSystem::Syncs::work);
    files.kill();
  }
  bench.store.reset();
  files.restart();
  const Zxid reported = bench.open().last_durable;
  CHECK(reported == Zxid{3});
  bench.store.reset();
  files.crash(CrashLoss::everything);
  files.restart();
  CHECK(bench.open().last_durable == reported);
  const auto slice = bench.read(Zxid{0});
  REQUIRE(slice->entries.size() == 3);
  CHECK(slice->entries.back().payload.view() == last.payload.view());
}

// --- full disks ----------------------------------------------------------------------------------

namespace {

constexpr std::uint64_t kMiB = 1 << 20;

/// A disk of 100 MiB with the watermarks at 20 and 50.
struct FullBench : Bench {
  FullBench() {
    settings["low_space"] = "20M";
    settings["warn_space"] = "50M";
    files().set_capacity(100 * kMiB);
  }
  SimulatedFileSystem& files() { return disk->files(); }
  void leave_free(std::uint64_t bytes) {
    files().set_capacity(~std::uint64_t{0} >> 1);
    files().set_capacity((~std::uint64_t{0} >> 1) - *files().free_bytes("/data") + bytes);
  }
  void look() { doors.loop->run_for(std::chrono::seconds(6)); }
  const FakeLog& log() const { return host->fake_log; }
};

}  // namespace

TEST_CASE("free space below the first watermark is told with place, amount and cure, once",
          "[file][space]") {
  FullBench bench;
  bench.open();
  bench.look();
  CHECK(bench.log().lines.empty());
  bench.leave_free(49 * kMiB);
  bench.look();
  bench.look();
  REQUIRE(bench.log().lines.size() == 1);
  CHECK_THAT(bench.log().lines[0].text,
             Catch::Contains("/data") && Catch::Contains("49 MiB") && Catch::Contains("20 MiB") &&
                 Catch::Contains("writes are refused") && Catch::Contains("remove what is not"));
  CHECK(bench.host->fake_metrics.value("disk_free_bytes") == 49 * kMiB);
  CHECK_FALSE(bench.events.space_low);
  bench.leave_free(60 * kMiB);
  bench.look();
  bench.leave_free(40 * kMiB);
  bench.look();
  CHECK(bench.log().lines.size() == 2);
}

TEST_CASE("space is low below the second watermark, and until an eighth more is free",
          "[file][space]") {
  FullBench bench;
  bench.open();
  bench.look();
  bench.leave_free(20 * kMiB - 1);
  bench.look();
  CHECK(bench.events.space_low);
  CHECK(bench.events.free_bytes == 20 * kMiB - 1);
  bench.append(Zxid{1}, Zxid{2});  // The ends of sessions are.
  bench.leave_free(22 * kMiB);
  bench.look();
  CHECK(bench.events.space_low);
  bench.leave_free(23 * kMiB);
  bench.look();
  CHECK_FALSE(bench.events.space_low);
  CHECK(bench.zxids(Zxid{0}) == range(1, 2));
}

TEST_CASE("a store that is opened on a nearly full disk says so before anything else",
          "[file][space]") {
  FullBench bench;
  bench.open();
  bench.leave_free(19 * kMiB);
  bench.reopen();
  bool low = false;
  bench.doors.loop->post([&] { low = bench.events.space_low; });
  bench.settle();
  CHECK(low);
}

TEST_CASE("the reserve is given up for what must succeed on a full disk, and taken again",
          "[file][space]") {
  FullBench bench;
  bench.settings["prealloc"] = "0";  // The end of a log gives no space back.
  bench.server_settings["dataLogDir"] = GENERATE(as<std::string>(), "", "/logs");
  const auto reserves = [&] {
    return bench.files().exists("/data/vivarium/reserve") +
           bench.files().exists("/logs/vivarium/reserve");
  };
  bench.open();
  bench.append(Zxid{1}, Zxid{10});
  bench.settle();
  const int both = bench.server_settings["dataLogDir"].empty() ? 1 : 2;
  CHECK(reserves() == both);
  bench.leave_free(0);
  SECTION("for an epoch") {
    CHECK(bench.set_epoch(EpochKind::accepted, 7).has_value());
    CHECK(bench.set_epoch(EpochKind::current, 7).has_value());
  }
  SECTION("for a truncation") {
    CHECK(bench.truncate(Zxid{5}).has_value());
    CHECK(bench.zxids(Zxid{0}) == range(1, 5));
  }
  CHECK(reserves() == 0);
  bench.leave_free(60 * kMiB);
  bench.look();
  CHECK(reserves() == both);
  CHECK_FALSE(bench.events.failure);
}

TEST_CASE("a store opens on a full disk, also when a truncation was interrupted", "[file][space]") {
  FullBench bench;
  bench.open();
  bench.append(Zxid{1}, Zxid{10});
  bench.close();
  const std::string change = "truncate 0x5";
  put_file(bench, "/data/vivarium/change",
           change + " " + std::to_string(adler_by_definition(change)) + "\n");
  bench.leave_free(0);
  CHECK(bench.open().last_durable == Zxid{5});
  CHECK(bench.set_epoch(EpochKind::current, 1).has_value());
}

TEST_CASE("a group that came in part is cut off before it waits", "[file][space]") {
  FullBench bench;
  bench.settings["prealloc"] = GENERATE(as<std::string>(), "0", "64K");
  bench.open();
  bench.append(Zxid{1}, Zxid{2});
  const auto before = log_file(Zxid{1}, Zxid{2});
  bench.leave_free(70'000);
  bench.append({entry(Zxid{3}, 200'000)});
  REQUIRE(bench.doors.run_until([&] { return bench.events.space_low; }));
  CHECK(bench.events.free_bytes == 0);
  CHECK(bytes_of(bench, kLogs + "log.1") == before);
  CHECK(bench.log().contains("0x3"));
  bench.leave_free(80 * kMiB);
  bench.wait_durable(Zxid{3});
  CHECK(bytes_of(bench, kLogs + "log.1").starts_with(before + record(entry(Zxid{3}, 200'000))));
}

TEST_CASE("a log whose first group found no room is begun again", "[file][space]") {
  FullBench bench;
  bench.open();
  bench.leave_free(GENERATE(0u, 10u, 70'000u));
  bench.append({entry(Zxid{1}, 100'000)});
  REQUIRE(bench.doors.run_until([&] { return bench.events.space_low; }));
  bench.look();
  CHECK(names(bench).empty());
  bench.leave_free(80 * kMiB);
  bench.wait_durable(Zxid{1});
  bench.files().crash(CrashLoss::everything);
  bench.files().restart();
  bench.store.reset();
  CHECK(bench.open().last_durable == Zxid{1});
  CHECK(names(bench) == std::vector<std::string>{"log.1"});
}

TEST_CASE("a crash while a group waits loses nothing that was reported durable", "[file][space]") {
  FullBench bench;
  bench.open();
  bench.append(Zxid{1}, Zxid{10});
  bench.leave_free(5000);
  for (std::int64_t zxid = 11; zxid <= 40; ++zxid) bench.append({entry(Zxid{zxid}, 20'000)});
  REQUIRE(bench.doors.run_until([&] { return bench.events.space_low; }));
  const auto durable = bench.events.last_durable;
  const auto loss = GENERATE(CrashLoss::everything, CrashLoss::something, CrashLoss::nothing);
  bench.files().crash(loss);
  bench.files().restart();
  bench.store.reset();
  bench.leave_free(80 * kMiB);
  const OpenedLog opened = bench.open();
  CHECK(opened.last_durable >= durable);
  CHECK(opened.last_durable < Zxid{40});
  for (const Damage& damage : opened.damage) CHECK(damage.harmless);
  bench.append(opened.last_durable.next(), Zxid{50});
  CHECK(bench.reopen().last_durable == Zxid{50});
}

TEST_CASE("a failed sync ends a store that waits for room, as any other", "[file][space]") {
  FullBench bench;
  bench.open();
  bench.append(Zxid{1}, Zxid{2});
  bench.leave_free(70'000);
  bench.append({entry(Zxid{3}, 200'000)});
  REQUIRE(bench.doors.run_until([&] { return bench.events.space_low; }));
  bench.files().set_syncs(SimulatedFileSystem::Syncs::fail);
  bench.leave_free(80 * kMiB);
  REQUIRE(bench.doors.run_until([&] { return bench.events.failure.has_value(); }));
  CHECK(bench.events.failure->is(Errc::io_failed));
  CHECK(bench.events.last_durable == Zxid{2});
}

TEST_CASE("when what came in part cannot be cut off, the store has failed", "[file][space]") {
  FullBench bench;
  bench.open();
  bench.append(Zxid{1}, Zxid{2});
  bench.leave_free(70'000);
  bench.append({entry(Zxid{3}, 200'000)});
  // The write, and the cut behind it.
  bench.files().fail_at(bench.files().operations() + 2);
  REQUIRE(bench.doors.run_until([&] { return bench.events.failure.has_value(); }));
  CHECK_THAT(bench.events.failure->what, Catch::Contains("cutting"));
  CHECK(bench.events.last_durable == Zxid{2});
}

// --- crashes -------------------------------------------------------------------------------------

namespace {

/// What a server does over its life, and what may be on the disk at each moment of it.
class Life {
 public:
  explicit Life(Bench& bench) : bench_(bench) {}

  void live() {
    open();
    snapshot(Zxid{0});
    append(Zxid{1}, Zxid{3});
    epochs(1, 1);
    append(Zxid{4}, Zxid{40});
    snapshot(Zxid{40});
    append(Zxid{41}, Zxid{45});
    truncate(Zxid{42});
    epochs(2, 2);
    append(Zxid::of(Epoch{2}, 1), Zxid::of(Epoch{2}, 30));
    snapshot(Zxid::of(Epoch{2}, 30), 3);
    // Below the newest snapshot.
    truncate(Zxid::of(Epoch{2}, 5));
    epochs(3, 3);
    append(Zxid::of(Epoch{3}, 1), Zxid::of(Epoch{3}, 2));
    epochs(4, 4);
    install(Zxid::of(Epoch{4}, 9));
    append(Zxid::of(Epoch{4}, 10), Zxid::of(Epoch{4}, 12));
    snapshot(Zxid::of(Epoch{4}, 12));
    reopen();
    append(Zxid::of(Epoch{4}, 13), Zxid::of(Epoch{4}, 14));
    // Back to what lies before the newest snapshot, on another branch of history.
    install(Zxid::of(Epoch{3}, 5));
    epochs(5, 5);
    append(Zxid::of(Epoch{5}, 1), Zxid::of(Epoch{5}, 2));
    snapshot(Zxid::of(Epoch{5}, 2));
    append(Zxid::of(Epoch{5}, 3), Zxid::of(Epoch{5}, 4));
    snapshot(Zxid::of(Epoch{5}, 4));
    purge();
    append(Zxid::of(Epoch{5}, 5), Zxid::of(Epoch{5}, 6));
  }

  /// The power came back: opens and compares.
  void check() {
    auto result = bench_.try_open();
    if (result.has_error()) FAIL(result.error().what);
    const OpenedLog& opened = *result;
    for (const Damage& damage : opened.damage) CHECK(damage.harmless);
    check_epoch(opened.epochs.accepted, accepted_, asked_accepted_);
    check_epoch(opened.epochs.current, current_, asked_current_);
    bench_.settle();
    const bool as_now = matches(opened, now_);
    const bool as_next = next_ && matches(opened, *next_);
    CAPTURE(opened.last_durable);
    REQUIRE((as_now || as_next));
    bench_.events.last_durable = opened.last_durable;
    // And life goes on.
    bench_.append(opened.last_durable.next(), opened.last_durable.next().next());
    CHECK(bench_.reopen().last_durable == opened.last_durable.next().next());
  }

 private:
  struct State {
    Zxid base;                    ///< Of the installed snapshot.
    std::vector<Zxid> zxids;      ///< Appended above it.
    std::size_t durable = 0;      ///< So many of them were reported.
    std::vector<Zxid> snapshots;  ///< Committed.
    std::optional<Zxid> writing;  ///< Being committed.
  };

  static std::string body(Zxid zxid) { return "snapshot " + file::text_of(zxid); }

  bool ended() const { return bench_.disk->files().down() || bench_.events.failure; }

  /// Runs until `done`, or the end of the server's life.
  template <class Predicate>
  void run(Predicate done) {
    bench_.doors.run_until([&] { return ended() || done(); });
    if (ended()) throw SimulatedCrash{};
  }

  void open() {
    bench_.make();
    bool open = false;
    bench_.store->open(bench_.events, [&](Result<OpenedLog> opened) {
      open = true;
      if (opened.has_error()) return bench_.events.on_failed(opened.error());
      bench_.events.last_durable = opened->last_durable;
    });
    run([&] { return open; });
  }

  void reopen() {
    bench_.store->stop();
    bench_.store.reset();
    // What is under way ends, as when a process is stopped.
    bench_.doors.loop->run_for(std::chrono::seconds(1));
    if (ended()) throw SimulatedCrash{};
    open();
  }

  void append(Zxid first, Zxid last) {
    begin_append(first, first);
    // The next group gathers while the first one is written.
    int turns = 0;
    run([&] { return ++turns == 3; });
    if (first < last) begin_append(first.next(), last);
    run([&] {
      note_durable();
      return bench_.events.last_durable == last;
    });
  }

  void begin_append(Zxid first, Zxid last) {
    for (Zxid zxid = first; zxid <= last; zxid = zxid.next()) {
      now_.zxids.push_back(zxid);
      bench_.append({entry(zxid, 300)});
    }
  }

  void note_durable() {
    now_.durable = static_cast<std::size_t>(
        std::upper_bound(now_.zxids.begin(), now_.zxids.end(), bench_.events.last_durable) -
        now_.zxids.begin());
  }

  /// Takes a snapshot, and appends the entries that follow it meanwhile.
  void snapshot(Zxid zxid, int entries = 0) {
    auto sink = bench_.begin_snapshot(zxid);
    sink->write(SharedBytes::copy_of(body(zxid)));
    if (entries > 0) append(zxid.next(), Zxid{zxid.value + entries});
    now_.writing = zxid;
    while (!committed(*sink, 1)) {
      sink = bench_.begin_snapshot(zxid);
      sink->write(SharedBytes::copy_of(body(zxid)));
    }
    now_.writing.reset();
    now_.snapshots.push_back(zxid);
  }

  /// False when the snapshot could not be written, which is not the end of the store.
  bool committed(SnapshotSink& sink, std::optional<std::uint64_t> digest) {
    std::optional<bool> whole;
    sink.commit(digest, [&](Result<SnapshotInfo> info) { whole = info.has_value(); });
    run([&] { return whole.has_value(); });
    return *whole;
  }

  /// Keeps the newest snapshot, and what follows it.
  void purge() {
    bool done = false;
    bench_.store->purge(1, [&](Result<PurgeReport>) { done = true; });
    run([&] { return done; });
  }

  void truncate(Zxid zxid) {
    next_ = now_;
    std::erase_if(next_->zxids, [&](Zxid one) { return one > zxid; });
    std::erase_if(next_->snapshots, [&](Zxid one) { return one > zxid; });
    next_->durable = next_->zxids.size();
    bool done = false;
    bench_.store->truncate_after(zxid, [&](Result<void> result) { done = result.has_value(); });
    run([&] { return done; });
    now_ = *std::exchange(next_, std::nullopt);
    bench_.events.last_durable = zxid;
  }

  void install(Zxid zxid) {
    next_ = State{zxid, {}, 0, {zxid}, {}};
    std::unique_ptr<SnapshotSink> sink;
    do {
      sink = bench_.install_snapshot(zxid);
      sink->write(SharedBytes::copy_of(body(zxid)));
    } while (!committed(*sink, {}));
    now_ = *std::exchange(next_, std::nullopt);
    bench_.events.last_durable = zxid;
  }

  void epochs(std::int64_t accepted, std::int64_t current) {
    set(EpochKind::accepted, accepted, accepted_, asked_accepted_);
    set(EpochKind::current, current, current_, asked_current_);
  }

  void set(EpochKind kind, std::int64_t epoch, std::optional<Epoch>& kept,
           std::optional<Epoch>& asked) {
    asked = Epoch{epoch};
    bool done = false;
    bench_.store->set_epoch(kind, Epoch{epoch},
                            [&](Result<void> result) { done = result.has_value(); });
    run([&] { return done; });
    kept = asked;
  }

  static void check_epoch(std::optional<Epoch> found, std::optional<Epoch> kept,
                          std::optional<Epoch> asked) {
    CHECK((found == kept || found == asked));
  }

  bool matches(const OpenedLog& opened, const State& state) {
    std::size_t count = 0;
    while (count < state.zxids.size() && state.zxids[count] <= opened.last_durable) ++count;
    const Zxid last = count == 0 ? state.base : state.zxids[count - 1];
    if (count < state.durable || last != opened.last_durable) return false;
    return snapshot_matches(opened, state) && entries_match(state, count);
  }

  bool snapshot_matches(const OpenedLog& opened, const State& state) {
    if (!opened.snapshot) return state.snapshots.empty();
    const Zxid zxid = opened.snapshot->zxid;
    const bool newest = !state.snapshots.empty() && zxid == state.snapshots.back();
    return (newest || zxid == state.writing) && bench_.snapshot_body() == body(zxid);
  }

  bool entries_match(const State& state, std::size_t count) {
    const Zxid from = bench_.store->first_contiguous();
    if (from > state.base && count > 0 && state.zxids[0] <= from && state.snapshots.empty())
      return false;
    auto slice = bench_.read(from);
    const auto& entries = slice->entries;
    if (!slice->end || entries.size() > count) return false;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const Zxid wanted = state.zxids[count - entries.size() + i];
      if (entries[i].payload.view() != entry(wanted, 300).payload.view()) return false;
    }
    return true;
  }

  Bench& bench_;
  State now_;
  std::optional<State> next_;  ///< When a change is under way: what it leads to.
  std::optional<Epoch> accepted_, current_, asked_accepted_, asked_current_;
};

/// Logs beside the snapshots, and apart.
Settings directories(const std::string& data_log_dir) { return {{"dataLogDir", data_log_dir}}; }

/// How many operations a whole life takes.
std::uint64_t operations_of_a_life(const Settings& settings) {
  Bench bench;
  bench.server_settings = settings;
  Life(bench).live();
  return bench.disk->files().operations();
}

/// Lives with a fault until it ends life, or to the end; then power fails, and comes back.
template <class Fault>
void check_life_with(std::uint64_t seed, const Settings& settings, Fault fault, CrashLoss loss) {
  Bench bench;
  bench.server_settings = settings;
  bench.doors.loop = std::make_unique<SimulatedLoop>(seed);
  bench.disk = bench.doors.disk();
  SimulatedFileSystem& files = bench.disk->files();
  Life life(bench);
  fault(files);
  try {
    life.live();
  } catch (const SimulatedCrash&) {
  }
  bench.store.reset();
  if (!files.down()) files.crash(loss);
  files.set_syncs(SimulatedFileSystem::Syncs::work);
  files.full_between(0, 0);
  files.restart();
  life.check();
}

struct Loss {
  CrashLoss loss;
  std::uint64_t seeds;  ///< With so many it is tried.
};
const std::vector<Loss> kEveryLoss = {
    {CrashLoss::everything, 1}, {CrashLoss::something, 4}, {CrashLoss::nothing, 1}};
const std::vector<Loss> kWorstLosses = {{CrashLoss::everything, 1}, {CrashLoss::something, 2}};

// Sanitizers make each life tens of times slower. They look at the code that runs, and a part of the
// operations runs all of it.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::uint64_t kStride = 23;
#else
constexpr std::uint64_t kStride = 1;
#endif

/// Tries a fault at every operation of a life; `fault` sets it up, the loss is what the crash
/// takes.
template <class Fault>
void try_every_operation(const std::vector<Loss>& losses, Fault fault) {
  const auto settings = GENERATE(directories(""), directories("/logs"));
  const std::uint64_t operations = operations_of_a_life(settings);
  CHECK(operations > 300);
  for (const auto [loss, seeds] : losses)
    for (std::uint64_t operation = 1; operation < operations; operation += kStride)
      for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
        CAPTURE(operation, seed, static_cast<int>(loss));
        const auto set_up = [&, loss = loss](SimulatedFileSystem& files) {
          fault(files, operation, loss);
        };
        check_life_with(seed, settings, set_up, loss);
      }
}

}  // namespace

TEST_CASE("a crash at any operation loses nothing that was reported durable", "[file][crash]") {
  try_every_operation(kEveryLoss, [](auto& files, std::uint64_t operation, CrashLoss loss) {
    files.crash_at(operation, loss);
  });
}

TEST_CASE(
    "a failure of any operation, and a crash behind it, loses nothing that was reported durable",
    "[file][crash]") {
  try_every_operation(kWorstLosses, [](auto& files, std::uint64_t operation, CrashLoss) {
    files.fail_at(operation);
  });
}

TEST_CASE(
    "a disk on which syncs fail from any operation on loses nothing that was reported durable",
    "[file][crash]") {
  try_every_operation(kWorstLosses, [](auto& files, std::uint64_t operation, CrashLoss) {
    files.fail_syncs_from(operation);
  });
}

TEST_CASE("a disk that is full for a while, from any operation on, loses nothing", "[file][crash]") {
  const std::uint64_t duration = GENERATE(7u, 60u);
  try_every_operation(kWorstLosses, [=](auto& files, std::uint64_t operation, CrashLoss) {
    files.full_between(operation, operation + duration);
  });
}
