// Data directories as earlier releases wrote them, one for each: version-2 and vivarium in full.
// docs/own-files.md has the rule that they stand for.
//
// VIVARIUM_NEW_RELEASE=<folder> unit_releases_test "[write]" writes the one of this release.
#include "tests/support/file_bench.hpp"
#include "tests/support/recorded_history.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

using namespace vivarium;
using namespace vivarium::test;

namespace {

namespace fs = std::filesystem;

const fs::path kReleases = fs::path(__FILE__).parent_path() / "releases";

std::string content_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  REQUIRE(in.good());
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Puts the files of a release on the simulated disk.
void put_release(FileBench& bench, const fs::path& release) {
  for (const auto& entry : fs::recursive_directory_iterator(release))
    if (entry.is_regular_file())
      bench.put_file("/data/" + fs::relative(entry.path(), release).string(),
                     content_of(entry.path()));
}

/// What lies in each of them: the transactions of this history, up to 0x28.
constexpr Zxid kSnapshot{0x14}, kLast{0x28};

std::vector<fs::path> releases() {
  std::vector<fs::path> all;
  for (const auto& entry : fs::directory_iterator(kReleases))
    if (entry.is_directory()) all.push_back(entry.path());
  return all;
}

/// Every entry from the beginning on, applied: each carries the digest of the tree after it.
std::unique_ptr<Database> tree_of(FileBench& bench) {
  return replayed({}, {}, bench.read(Zxid{})->entries);
}

}  // namespace

TEST_CASE("the data directory of every release is read, whole, and continued", "[releases]") {
  const fs::path release = GENERATE(from_range(releases()));
  CAPTURE(release.string());
  FileBench bench;
  put_release(bench, release);
  const OpenedLog opened = bench.open();
  bench.rest();
  CHECK(opened.damage.empty());
  CHECK(opened.last_durable == kLast);
  CHECK(opened.snapshot->zxid == kSnapshot);
  CHECK(opened.epochs.accepted == Epoch{4});
  CHECK(opened.epochs.current == Epoch{3});
  CHECK(opened.may_vote);
  CHECK(bench.store->first_contiguous() == Zxid{0});
  const auto tree = tree_of(bench);
  CHECK(tree->last_applied() == kLast);
  const auto loaded = replayed(*bench.snapshot_body(), kSnapshot, bench.read(kSnapshot)->entries);
  CHECK(loaded->tree().digest() == tree->tree().digest());
  bench.append(Zxid{0x29}, Zxid{0x2a});
  CHECK(bench.reopen().last_durable == Zxid{0x2a});
  CHECK(bench.bytes_of(FileBench::kOwn + "format").starts_with("vivarium format 1\n"));
}

TEST_CASE("what a release recorded as acknowledged is held to", "[releases]") {
  const fs::path release = GENERATE(from_range(releases()));
  CAPTURE(release.string());
  FileBench bench;
  put_release(bench, release);
  const std::string log = FileBench::kData + bench.names(FileBench::kRecords).back();
  const auto bytes = bench.bytes_of(log);
  // Looks as a torn write does.
  bench.cut(log, bytes.find_last_not_of('\0') - 10);
  CHECK(fails_with(bench.try_open(), Errc::corrupt));
}

TEST_CASE("what a release knows of its epochs and its server is held to", "[releases]") {
  const fs::path release = GENERATE(from_range(releases()));
  CAPTURE(release.string());
  FileBench bench;
  put_release(bench, release);
  SECTION("epochs") {
    bench.put_file(FileBench::kData + "currentEpoch", "2");
    CHECK(bench.open().epochs.current == Epoch{3});
  }
  SECTION("the server") {
    bench.put_file("/data/myid", "9\n");
    CHECK(fails_with(bench.try_open(), Errc::invalid_argument));
  }
}

TEST_CASE("writes the data directory of this release", "[.write]") {
  const char* folder = std::getenv("VIVARIUM_NEW_RELEASE");
  REQUIRE(folder);
  auto entries = record_history(20'000);
  std::erase_if(entries, [](const LogEntry& entry) { return entry.zxid > kLast; });
  REQUIRE(entries.back().zxid == kLast);
  const auto middle = entries.begin() + kSnapshot.value;
  FileBench bench;
  bench.settings["prealloc"] = "0";
  bench.put_file("/data/myid", "1\n");
  bench.open();
  bench.take_snapshot(Zxid{0}, snapshot_body_of(*replayed({}, {}, {})));
  bench.append({entries.begin(), middle});
  bench.wait_durable(kSnapshot);
  const auto database = replayed({}, {}, {entries.begin(), middle});
  bench.take_snapshot(kSnapshot, snapshot_body_of(*database), database->tree().digest());
  bench.append({middle, entries.end()});
  bench.wait_durable(kLast);
  REQUIRE(bench.set_epoch(EpochKind::accepted, 4).has_value());
  REQUIRE(bench.set_epoch(EpochKind::current, 3).has_value());
  bench.close();
  const auto copy = [&](const std::string& path) {
    const fs::path to = fs::path(folder) / path;
    fs::create_directories(to.parent_path());
    std::ofstream(to, std::ios::binary) << bench.bytes_of("/data/" + path);
  };
  for (const std::string folder_name : {"version-2/", "vivarium/", "vivarium/acknowledged/"})
    for (const DirectoryEntry& entry :
         *bench.files().list("/data/" + folder_name.substr(0, folder_name.size() - 1)))
      if (!entry.directory && entry.name != "reserve") copy(folder_name + entry.name);
  copy("myid");
}
