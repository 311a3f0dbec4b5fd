// Every byte of a log, a snapshot and the epoch files flipped in turn, by several patterns: the
// server does not start, or has every acknowledged transaction, and says what it repaired or cut;
// never another tree.
//
// The everyday run takes a sample of the places, `unit_byte_flips_test "[.all]"` all of them.
#include "tests/support/file_bench.hpp"
#include "tests/support/recorded_history.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <vector>

using namespace vivarium;
using namespace vivarium::test;

namespace {

using Bench = FileBench;
using Contents = std::map<std::string, std::string>;

constexpr std::size_t kLogBytes = 64 * 1024;

/// What the server makes of a flipped byte.
enum class Outcome { no_effect, repaired, cut, raised, no_vote, refused };
constexpr std::array<const char*, 6> kOutcomes = {
    "no effect",
    "repaired, and said so",
    "cut as torn, never acknowledged, and said so",
    "a promise believed to be higher",
    "must not vote, and says so",
    "refused",
};
using Counts = std::array<std::size_t, kOutcomes.size()>;

char flipped(char byte, int pattern) {
  const auto value = static_cast<unsigned char>(byte);
  if (pattern == 0) return static_cast<char>(value ^ 0x01);
  if (pattern == 1) return static_cast<char>(value ^ 0xff);
  return '\0';
}
constexpr int kPatterns = 3;

/// A directory as a server left it, and all that was acknowledged to be in it.
struct Original {
  Contents files;
  std::vector<LogEntry> entries;
  Zxid snapshot;
  std::string body;
  Zxid acknowledged;  ///< The records tell that the history reaches at least here.
  OpenedLog opened;
};

/// Without the lock, and the room that is kept for a full disk: they hold nothing.
Contents contents_of(Bench& bench) {
  Contents contents;
  for (const std::string& folder : {Bench::kData, Bench::kOwn, Bench::kRecords})
    for (const DirectoryEntry& entry : *bench.files().list(folder.substr(0, folder.size() - 1)))
      if (!entry.directory && entry.name != "lock" && entry.name != "reserve")
        contents[folder + entry.name] = bench.bytes_of(folder + entry.name);
  return contents;
}

void put(Bench& bench, const Contents& contents) {
  FileSystem& files = bench.files();
  for (const std::string& folder : {Bench::kData, Bench::kOwn, Bench::kRecords})
    (void)files.create_directories(folder.substr(0, folder.size() - 1));
  for (const auto& [path, content] : contents)
    (void)(*files.open(path, OpenMode::create_new))->write_at(0, content);
}

const std::vector<LogEntry>& history() {
  static const std::vector<LogEntry> entries = record_history(kLogBytes * 8 / 10);
  return entries;
}

/// One log of 64 KiB over a snapshot of the beginning; the last third of it in groups of one.
Original make_log() {
  Original original;
  original.entries = history();
  Bench bench;
  bench.open();
  original.body = snapshot_body_of(*replayed({}, {}, {}));
  bench.take_snapshot(Zxid{0}, original.body);
  const std::size_t first = original.entries.size() * 2 / 3;
  bench.append({original.entries.begin(), original.entries.begin() + static_cast<long>(first)});
  bench.wait_durable(original.entries[first - 1].zxid);
  for (std::size_t i = first; i < original.entries.size(); ++i) {
    bench.append({original.entries[i]});
    bench.wait_durable(original.entries[i].zxid);
  }
  bench.close();
  original.files = contents_of(bench);
  REQUIRE(original.files.at(Bench::kData + "log.1").size() == kLogBytes);
  original.acknowledged = original.entries.back().zxid;
  return original;
}

/// A snapshot in the middle of the history, over an older one, with all the log.
Original make_snapshot() {
  Original original;
  original.entries.assign(history().begin(), history().begin() + 60);
  Bench bench;
  bench.settings["prealloc"] = "0";
  bench.open();
  bench.take_snapshot(Zxid{0}, snapshot_body_of(*replayed({}, {}, {})));
  const std::span<const LogEntry> all(original.entries);
  const auto before = all.first(40);
  bench.append({before.begin(), before.end()});
  bench.wait_durable(before.back().zxid);
  const auto database = replayed({}, {}, before);
  original.body = snapshot_body_of(*database);
  original.snapshot = before.back().zxid;
  bench.take_snapshot(original.snapshot, original.body, database->tree().digest());
  bench.append({all.begin() + 40, all.end()});
  bench.wait_durable(all.back().zxid);
  bench.close();
  original.files = contents_of(bench);
  original.acknowledged = original.entries.back().zxid;
  return original;
}

Original make_epochs() {
  Original original = make_snapshot();
  Bench bench;
  put(bench, original.files);
  bench.open();
  REQUIRE(bench.set_epoch(EpochKind::accepted, 17).has_value());
  REQUIRE(bench.set_epoch(EpochKind::current, 15).has_value());
  bench.close();
  original.files = contents_of(bench);
  return original;
}

class Flips {
 public:
  explicit Flips(Original original) : original_(std::move(original)) {
    tree_ = image_of(*replayed({}, {}, original_.entries));
    Bench bench;
    put(bench, original_.files);
    original_.opened = bench.open();
    REQUIRE(original_.opened.damage.empty());
  }

  /// Flips each `step`th byte of the file.
  Counts run(const std::string& path, std::size_t step, std::size_t from = 0) {
    Counts counts{};
    const std::string& content = original_.files.at(path);
    for (std::size_t at = from; at < content.size(); at += step)
      for (int pattern = 0; pattern < kPatterns; ++pattern) {
        if (flipped(content[at], pattern) == content[at]) continue;
        Contents changed = original_.files;
        changed[path][at] = flipped(content[at], pattern);
        ++counts[static_cast<std::size_t>(outcome_of(changed, path, at, pattern))];
      }
    print(path, counts);
    return counts;
  }

 private:
  Outcome outcome_of(const Contents& changed, const std::string& path, std::size_t at,
                     int pattern) {
    CAPTURE(path, at, pattern);
    Bench bench;
    bench.settings["prealloc"] = "0";
    put(bench, changed);
    const auto opened = bench.try_open();
    if (opened.has_error()) {
      if (opened.error().what.find(path) == std::string::npos) CHECK(opened.error().what == path);
      return Outcome::refused;
    }
    check_history(bench, *opened);
    return kind_of(bench, *opened, changed, path);
  }

  /// Not a transaction is missing that was acknowledged, and none is another one.
  void check_history(Bench& bench, const OpenedLog& opened) {
    if (opened.last_durable < original_.acknowledged) FAIL("acknowledged transactions are gone");
    const Zxid base = opened.snapshot ? opened.snapshot->zxid : Zxid{};
    const auto slice = bench.read(base);
    std::size_t i = 0;
    while (i < original_.entries.size() && original_.entries[i].zxid <= base) ++i;
    for (const LogEntry& entry : slice->entries) {
      if (i == original_.entries.size()) FAIL("a transaction that was never logged");
      const LogEntry& wanted = original_.entries[i++];
      if (entry.zxid != wanted.zxid || entry.payload.view() != wanted.payload.view())
        FAIL("another transaction than was logged");
    }
    if (!slice->end || (i > 0 && original_.entries[i - 1].zxid != opened.last_durable))
      FAIL("a gap at the end");
    const bool whole = i == original_.entries.size();
    if (opened.snapshot && base == original_.snapshot && bench.snapshot_body() != original_.body)
      FAIL("another snapshot than was taken");
    // What is the same byte for byte gives the same tree; that itself is built for some of them.
    if (whole && trees_++ % 64 == 0) check_tree(bench, base, slice->entries);
  }

  void check_tree(Bench& bench, Zxid base, const std::vector<LogEntry>& entries) {
    const auto tree = replayed(*bench.snapshot_body(), base, entries);
    const TreeImage image = image_of(*tree);
    if (image.digest != tree_.digest) FAIL("another digest");
    // ACLs are numbered anew at each load, in the order of their first use.
    if (image.dump.size() != tree_.dump.size()) FAIL("another tree");
    if (base == Zxid{} && image.dump != tree_.dump) FAIL("another tree");
  }

  Outcome kind_of(Bench& bench, const OpenedLog& opened, const Contents& changed,
                  const std::string& path) {
    const Epochs& wanted = original_.opened.epochs;
    if (!opened.may_vote) {
      CHECK_FALSE(opened.damage.empty());
      return Outcome::no_vote;
    }
    if (opened.epochs.current != wanted.current) FAIL("another current epoch");
    if (opened.epochs.accepted < wanted.accepted) FAIL("a promise went down");
    if (opened.epochs.accepted > wanted.accepted) return Outcome::raised;
    if (opened.damage.empty()) return Outcome::no_effect;
    for (const Damage& damage : opened.damage)
      if (!damage.harmless) FAIL("harm");
    bench.close();
    const auto size = changed.at(path).size();
    const bool cut = bench.files().exists(path) && bench.bytes_of(path).size() < size &&
                     path.starts_with(Bench::kData + "log.");
    return cut ? Outcome::cut : Outcome::repaired;
  }

  static void print(const std::string& path, const Counts& counts) {
    std::cout << path << ":\n";
    for (std::size_t i = 0; i < counts.size(); ++i)
      if (counts[i] > 0) std::cout << "  " << counts[i] << " " << kOutcomes[i] << "\n";
  }

  Original original_;
  TreeImage tree_;
  std::size_t trees_ = 0;
};

std::size_t count(const Counts& counts, Outcome outcome) {
  return counts[static_cast<std::size_t>(outcome)];
}

/// Behind the last record.
std::size_t end_of_records(const Original& original) {
  return original.files.at(Bench::kData + "log.1").find_last_not_of('\0') + 1;
}

void flip_log(std::size_t step) {
  Original original = make_log();
  const std::size_t end = end_of_records(original);
  CHECK(end > kLogBytes * 3 / 4);
  Flips flips(std::move(original));
  const Counts counts = flips.run(Bench::kData + "log.1", step);
  CHECK(count(counts, Outcome::refused) > end / step);
  CHECK(count(counts, Outcome::repaired) == 0);
}

/// As after a power failure: the last records are not known to be acknowledged, or none is.
void flip_log_behind_its_record(std::size_t step) {
  Original original = make_log();
  const std::string record = Bench::kRecords + "log.1";
  SECTION("the record lags behind") {
    // Built from a log that ends earlier.
    Bench bench;
    bench.open();
    bench.take_snapshot(Zxid{0}, original.body);
    const std::size_t known = original.entries.size() / 2;
    bench.append({original.entries.begin(), original.entries.begin() + static_cast<long>(known)});
    original.acknowledged = original.entries[known - 1].zxid;
    bench.wait_durable(original.acknowledged);
    bench.close();
    original.files[record] = bench.bytes_of(record);
  }
  SECTION("there is none, as for a log of Java's") {
    original.files.erase(record);
    original.acknowledged = {};
  }
  Flips flips(std::move(original));
  const Counts counts = flips.run(Bench::kData + "log.1", step);
  CHECK(count(counts, Outcome::refused) > 0);
}

void flip_snapshot(std::size_t step) {
  Original original = make_snapshot();
  const std::string path =
      Bench::kData + "snapshot." + file::text_of(original.snapshot).substr(2);
  Flips flips(std::move(original));
  const Counts counts = flips.run(path, step);
  CHECK(count(counts, Outcome::repaired) > 1000 / step);
  CHECK(count(counts, Outcome::refused) == 0);
  CHECK(count(counts, Outcome::cut) == 0);
}

}  // namespace

TEST_CASE("no flipped byte of a log changes the tree or hides what was acknowledged: a sample",
          "[flips]") {
  flip_log(31);
}

TEST_CASE("behind what is known to be acknowledged a flipped byte cuts at most what looks torn: a "
          "sample",
          "[flips]") {
  flip_log_behind_its_record(61);
}

TEST_CASE("no flipped byte of a snapshot changes the tree: a sample", "[flips]") {
  flip_snapshot(7);
}

TEST_CASE("no flipped byte of an epoch file lowers a promise or changes the current epoch",
          "[flips]") {
  Flips flips(make_epochs());
  const Counts accepted = flips.run(Bench::kData + "acceptedEpoch", 1);
  CHECK(count(accepted, Outcome::refused) == 0);
  const Counts current = flips.run(Bench::kData + "currentEpoch", 1);
  CHECK(count(current, Outcome::refused) + count(current, Outcome::raised) == 0);
  const Counts copy = flips.run(Bench::kOwn + "epochs", 1);
  CHECK(count(copy, Outcome::refused) + count(copy, Outcome::raised) == 0);
  CHECK(count(copy, Outcome::no_effect) == 0);
}

TEST_CASE("no flipped byte of the other files of ours does harm", "[flips]") {
  Original original = make_epochs();
  std::vector<std::string> paths;
  for (const auto& [path, content] : original.files)
    if (path.starts_with(Bench::kOwn) && path != Bench::kOwn + "epochs") paths.push_back(path);
  REQUIRE(paths.size() >= 4);
  Flips flips(std::move(original));
  for (const std::string& path : paths) {
    const std::size_t step = path.starts_with(Bench::kRecords) ? 3 : 1;
    CHECK(count(flips.run(path, step), Outcome::refused) == 0);
  }
}

TEST_CASE("no flipped byte of a log changes the tree or hides what was acknowledged", "[.all]") {
  flip_log(1);
}

TEST_CASE("behind what is known to be acknowledged a flipped byte cuts at most what looks torn",
          "[.all]") {
  flip_log_behind_its_record(1);
}

TEST_CASE("no flipped byte of a snapshot changes the tree", "[.all]") { flip_snapshot(1); }
