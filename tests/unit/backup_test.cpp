// Backup and restore: any transaction can be brought back exactly, a server that works on meanwhile
// does no harm, and a crash leaves all or nothing.
#include "storage/file/backup.hpp"
#include "storage/file/change.hpp"
#include "storage/file/restore.hpp"
#include "tests/contract/log_store_bench.hpp"
#include "tests/support/logged_history.hpp"
#include "tools/replay.hpp"
#include "tools/transaction.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <random>

using namespace vivarium;
using namespace vivarium::test;
using file::Directories;

namespace {

using Bench = StoreBench<SimulatedDoors, FileKind>;

const file::BytesSeen kUnseen = [](std::uint64_t) {};
const Directories kData("/data", "");
const std::string kBackup = "/backup";

void remove_all(FileSystem& files, const std::string& path) {
  if (!files.exists(path)) return;
  const auto entries = files.list(path);
  for (const DirectoryEntry& one : *entries) {
    if (one.directory) remove_all(files, path + "/" + one.name);
    REQUIRE(files.remove(path + "/" + one.name).has_value());
  }
}

std::uint64_t digest_in(const LogEntry& entry) {
  return static_cast<std::uint64_t>(
      tools::Transaction::of(entry.payload.view()).digest->tree_digest);
}

/// A store on which a history lies, and the tree to it.
struct Source {
  Bench bench;
  std::vector<LogEntry> log;
  std::unique_ptr<Database> database = tools::empty_tree();

  explicit Source(std::vector<LogEntry> entries, const std::string& data_log_dir = "")
      : log(std::move(entries)) {
    bench.server_settings["dataLogDir"] = data_log_dir;
    bench.open();
    snapshot(Zxid{});
  }

  FileSystem& files() { return bench.disk->blocking(); }

  void append(std::size_t from, std::size_t to) {
    const std::vector<LogEntry> part(log.begin() + static_cast<std::ptrdiff_t>(from),
                                     log.begin() + static_cast<std::ptrdiff_t>(to));
    bench.append(part);
    bench.wait_durable(part.back().zxid);
    for (const LogEntry& entry : part) {
      REQUIRE_FALSE(database->apply(entry, nullptr, DigestCheck::compare).digest_differs);
    }
  }

  /// Of the tree as it is now, under the label `zxid`.
  void snapshot(Zxid zxid) {
    const bool exact = zxid == database->last_applied();
    const auto sink = bench.begin_snapshot(zxid);
    const auto cursor = database->snapshot();
    for (auto piece = cursor->next(1 << 20); !piece.empty(); piece = cursor->next(1 << 20))
      sink->write(piece);
    const auto committed = bench.commit(*sink, exact ? cursor->digest() : std::nullopt);
    REQUIRE(committed.has_value());
  }
};

/// All of the log, a snapshot after every so many transactions.
void write_history(Source& source, std::size_t snapshot_every) {
  for (std::size_t at = 0; at < source.log.size(); at += snapshot_every) {
    const auto end = std::min(at + snapshot_every, source.log.size());
    source.append(at, end);
    if (end < source.log.size()) source.snapshot(source.log[end - 1].zxid);
  }
}

file::Manifest back_up(FileSystem& files) {
  auto manifest = file::copy_history(files, kData, kBackup, SIZE_MAX, kUnseen);
  if (manifest.has_error()) FAIL(manifest.error().what);
  REQUIRE(file::seal_backup(files, kBackup, *manifest).has_value());
  return *manifest;
}

Result<void> restore_to(FileSystem& files, Zxid zxid, file::Existing existing) {
  const auto plan = file::plan_restore(files, kBackup, zxid, zxid);
  if (plan.has_error()) return plan.error();
  return file::restore(files, kBackup, *plan, kData, existing, "word", kUnseen);
}

/// The tree that a start finds, by the server's own way.
std::unique_ptr<Database> start(Bench& bench, Zxid expected_last) {
  const auto opened = bench.open();
  CHECK(opened.damage.empty());
  CHECK(opened.last_durable == expected_last);
  REQUIRE(opened.snapshot);
  DatabaseLoader loader(1, true);
  REQUIRE(loader.feed(*bench.snapshot_body()).has_value());
  auto database = std::move(*loader.finish(opened.snapshot->zxid));
  const auto slice = bench.read(database->last_applied());
  for (const LogEntry& entry : slice->entries)
    REQUIRE_FALSE(database->apply(entry, nullptr, DigestCheck::ignore).malformed);
  return database;
}

/// Does something to the files before the operation of this number.
class Interrupted final : public FileSystem {
 public:
  Interrupted(FileSystem& files, std::uint64_t at, std::function<void()> act)
      : files_(files),
        at_(at),
        act_(std::move(act)) {}
  std::uint64_t operations() const { return operations_; }

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    count();
    return files_.open(path, mode);
  }
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override {
    return files_.lock(path);
  }
  Result<void> rename(const std::string& from, const std::string& to) override {
    count();
    return files_.rename(from, to);
  }
  Result<void> remove(const std::string& path) override {
    count();
    return files_.remove(path);
  }
  Result<std::vector<DirectoryEntry>> list(const std::string& directory) override {
    count();
    return files_.list(directory);
  }
  Result<void> create_directories(const std::string& directory) override {
    return files_.create_directories(directory);
  }
  bool exists(const std::string& path) override {
    count();
    return files_.exists(path);
  }
  Result<void> sync_directory(const std::string& directory) override {
    return files_.sync_directory(directory);
  }
  Result<std::uint64_t> free_bytes(const std::string& directory) override {
    return files_.free_bytes(directory);
  }

 private:
  void count() {
    if (operations_++ == at_) act_();
  }
  FileSystem& files_;
  std::uint64_t at_, operations_ = 0;
  std::function<void()> act_;
};

std::vector<LogEntry> some_history(int steps) {
  BusyClients clients(7);
  clients.work(steps);
  return clients.log();
}

}  // namespace

TEST_CASE("a hundred random zxids are restored, each to the digest that the log records there") {
  const auto log = some_history(700);
  std::set<std::int32_t> types;
  for (const LogEntry& entry : log)
    types.insert(tools::Transaction::of(entry.payload.view()).header.type);
  // create, create2 and the like, delete, setData, setACL, multi, container, TTL, error, sessions
  for (const int type : {1, 2, 5, 7, 14, 19, 21, -1, -10, -11}) CHECK(types.count(type) == 1);

  Source source(log);
  write_history(source, log.size() / 7);
  source.bench.close();
  const auto manifest = back_up(source.files());
  CHECK(manifest.first == Zxid{});
  CHECK(manifest.last == log.back().zxid);

  std::mt19937_64 random(11);
  for (int i = 0; i < 100; ++i) {
    const LogEntry& entry = log[random() % log.size()];
    REQUIRE(restore_to(source.files(), entry.zxid, file::Existing::replace).has_value());
    const auto database = start(source.bench, entry.zxid);
    CHECK(database->tree().digest() == digest_in(entry));
    source.bench.close();
  }
}

TEST_CASE("a restored store takes new transactions behind its end") {
  Source source(some_history(40));
  write_history(source, 20);
  source.bench.close();
  back_up(source.files());
  const auto& middle = source.log[source.log.size() / 2];
  REQUIRE(restore_to(source.files(), middle.zxid, file::Existing::replace).has_value());
  source.bench.open();
  source.bench.append({entry(middle.zxid.next())});
  source.bench.wait_durable(middle.zxid.next());
  CHECK(source.bench.reopen().last_durable == middle.zxid.next());
}

TEST_CASE("a snapshot that holds more than its zxid says is not used below what it holds") {
  Source source(some_history(60));
  const auto third = source.log.size() / 3;
  source.append(0, 2 * third);
  source.snapshot(source.log[third].zxid);
  source.append(2 * third, source.log.size());
  source.bench.close();
  back_up(source.files());
  // Between the label and what it really holds some transaction changed the tree.
  const auto& wanted = source.log[third + 1];
  const auto plan = file::plan_restore(source.files(), kBackup, wanted.zxid, wanted.zxid);
  REQUIRE(plan->base().zxid == source.log[third].zxid);
  const Directories copied = file::backup_directories(kBackup);
  const auto logs = *copied.list_logs(source.files());
  const auto fuzzy = tools::replay_to(source.files(), plan->base(), logs, wanted.zxid, kUnseen);
  CHECK(fuzzy->agrees() == false);
  const auto older = file::plan_restore(source.files(), kBackup, wanted.zxid,
                                        Zxid{source.log[third].zxid.value - 1});
  const auto exact = tools::replay_to(source.files(), older->base(), logs, wanted.zxid, kUnseen);
  CHECK(exact->agrees() == true);
  const auto end =
      tools::replay_to(source.files(), plan->base(), logs, source.log.back().zxid, kUnseen);
  CHECK(end->agrees() == true);
}

TEST_CASE("a tree is not built over what is missing or damaged in the log, and the place is told") {
  Source source(some_history(30));
  write_history(source, 10);
  source.bench.close();
  auto logs = *kData.list_logs(source.files());
  const auto snapshots = *kData.list_snapshots(source.files());
  REQUIRE(logs.size() > 2);
  const Zxid end = source.log.back().zxid;
  const auto replay = [&](const file::NamedFile& from) {
    return tools::replay_to(source.files(), from, logs, end, kUnseen);
  };
  REQUIRE(replay(snapshots.front()).has_value());
  std::string place = logs[2].path + " at offset 16";
  SECTION("a log that is not there") { logs.erase(logs.begin() + 1); }
  SECTION("a changed byte") {
    place = logs[1].path + " at offset 16";
    auto open = source.files().open(logs[1].path, OpenMode::read_write);
    REQUIRE((*open)->write_at(file::kFileHeaderBytes + 60, "damage").has_value());
  }
  const auto refused = replay(snapshots.front());
  REQUIRE(fails_with(refused, Errc::corrupt));
  CHECK(refused.error().what.find(place) != std::string::npos);
  // Below the snapshot it is nobody's loss.
  CHECK(replay(snapshots[2]).has_value());
}

TEST_CASE("a history cannot be ended where it has no transaction") {
  Source source(some_history(10));
  write_history(source, 100);
  source.bench.close();
  back_up(source.files());
  const auto beyond =
      restore_to(source.files(), source.log.back().zxid.next(), file::Existing::replace);
  REQUIRE(fails_with(beyond, Errc::out_of_range));
  CHECK(source.bench.open().last_durable == source.log.back().zxid);
}

TEST_CASE("a restore refuses a directory that holds a history, until it is told") {
  Source source(some_history(10));
  write_history(source, 5);
  const Zxid last = source.log.back().zxid;
  source.bench.close();
  back_up(source.files());
  const auto refused = restore_to(source.files(), last, file::Existing::refuse);
  REQUIRE(fails_with(refused, Errc::already_exists));
  CHECK(refused.error().what.find("mv /data /data.old") != std::string::npos);
  CHECK(restore_to(source.files(), last, file::Existing::replace).has_value());
}

TEST_CASE("a restore refuses a directory on which a server runs, whatever it is told") {
  Source source(some_history(10));
  write_history(source, 5);
  back_up(source.files());
  const auto refused = restore_to(source.files(), source.log.back().zxid, file::Existing::replace);
  CHECK(fails_with(refused, Errc::in_use));
}

TEST_CASE("a restore never replaces a backup") {
  Source source(some_history(10));
  write_history(source, 5);
  source.bench.close();
  back_up(source.files());
  const auto plan =
      file::plan_restore(source.files(), kBackup, source.log.back().zxid, source.log.back().zxid);
  const auto refused = file::restore(source.files(), kBackup, *plan, Directories(kBackup, ""),
                                     file::Existing::replace, "word", kUnseen);
  REQUIRE(fails_with(refused, Errc::already_exists));
  const auto manifest = file::read_manifest(source.files(), kBackup);
  CHECK(file::check_files(source.files(), kBackup, *manifest, kUnseen).has_value());
}

TEST_CASE("logs go to dataLogDir when there is one") {
  Source source(some_history(20));
  write_history(source, 8);
  source.bench.close();
  back_up(source.files());
  const Directories split("/split", "/logs");
  const Zxid last = source.log.back().zxid;
  const auto plan = file::plan_restore(source.files(), kBackup, last, last);
  REQUIRE(
      file::restore(source.files(), kBackup, *plan, split, file::Existing::refuse, "word", kUnseen)
          .has_value());
  CHECK(split.check_separation(source.files()).has_value());
  CHECK_FALSE(split.list_logs(source.files())->empty());
  CHECK_FALSE(split.list_snapshots(source.files())->empty());
}

TEST_CASE("a backup brings logs and snapshots of two directories together") {
  Source source(some_history(20), "/logs");
  write_history(source, 8);
  source.bench.close();
  const auto manifest =
      file::copy_history(source.files(), Directories("/data", "/logs"), kBackup, SIZE_MAX, kUnseen);
  if (manifest.has_error()) FAIL(manifest.error().what);
  CHECK(manifest->last == source.log.back().zxid);
  const Directories copy = file::backup_directories(kBackup);
  const auto tree = tools::replay_to(source.files(), copy.list_snapshots(source.files())->front(),
                                     *copy.list_logs(source.files()), manifest->last, kUnseen);
  REQUIRE(tree.has_value());
  CHECK(tree->database().tree().digest() == digest_in(source.log.back()));
}

TEST_CASE("a changed byte anywhere in a backup is noticed") {
  Source source(some_history(5));
  write_history(source, 3);
  REQUIRE(source.bench.set_epoch(EpochKind::accepted, 3).has_value());
  source.bench.close();
  back_up(source.files());
  const auto manifest = *file::read_manifest(source.files(), kBackup);
  CHECK(std::any_of(manifest.files.begin(), manifest.files.end(),
                    [](const auto& one) { return one.name == "version-2/acceptedEpoch"; }));
  for (const file::BackupFile& one : manifest.files) {
    auto open = source.files().open(kBackup + "/" + one.name, OpenMode::read_write);
    for (std::uint64_t at = 0; at < one.bytes; at += 37) {
      char byte = 0;
      REQUIRE(*(*open)->read_at(at, &byte, 1) == 1);
      const char changed = static_cast<char>(byte ^ 4);
      REQUIRE((*open)->write_at(at, {&changed, 1}).has_value());
      CHECK(
          fails_with(file::check_files(source.files(), kBackup, manifest, kUnseen), Errc::corrupt));
      REQUIRE((*open)->write_at(at, {&byte, 1}).has_value());
    }
  }
  auto text = *file::read_file(source.files(), kBackup + "/manifest", 1 << 20);
  for (std::size_t at = 0; at < text.size(); at += 3) {
    auto changed = text;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    REQUIRE(file::replace_file(source.files(), kBackup, "manifest", changed).has_value());
    CHECK(file::read_manifest(source.files(), kBackup).has_error());
  }
}

TEST_CASE("damage behind the newest snapshot is not backed up as if it were the end") {
  Source source(some_history(30));
  write_history(source, 10);
  source.bench.close();
  const auto newest = kData.list_logs(source.files())->back();
  {
    auto open = source.files().open(newest.path, OpenMode::read_write);
    REQUIRE((*open)->write_at(file::kFileHeaderBytes + 60, "damage").has_value());
  }
  const auto refused = file::copy_history(source.files(), kData, kBackup, SIZE_MAX, kUnseen);
  REQUIRE(fails_with(refused, Errc::corrupt));
  CHECK(refused.error().what.find(newest.path + " at offset 16") != std::string::npos);
  CHECK(source.files().list(kBackup)->empty());
}

TEST_CASE("damage before the newest snapshot shortens how far back a backup goes, and no more") {
  Source source(some_history(30));
  write_history(source, 10);
  source.bench.close();
  const auto logs = *kData.list_logs(source.files());
  const auto snapshots = *kData.list_snapshots(source.files());
  REQUIRE(logs.size() > 2);
  {
    auto open = source.files().open(logs[0].path, OpenMode::read_write);
    REQUIRE((*open)->write_at(file::kFileHeaderBytes + 60, "damage").has_value());
  }
  const auto manifest = back_up(source.files());
  CHECK(manifest.first == snapshots[1].zxid);
  CHECK(manifest.last == source.log.back().zxid);
  const auto& wanted = source.log[12];
  REQUIRE(restore_to(source.files(), wanted.zxid, file::Existing::replace).has_value());
  CHECK(start(source.bench, wanted.zxid)->tree().digest() == digest_in(wanted));
}

TEST_CASE("a backup promises nothing between the end of the logs and a snapshot above it") {
  Source source(some_history(10));
  write_history(source, 5);
  const Zxid filled{source.log.back().zxid.value + 9};
  source.snapshot(filled);  // As a Java follower has it that its leader sent a snapshot.
  source.bench.close();
  const auto manifest = back_up(source.files());
  CHECK(manifest.first == filled);
  CHECK(manifest.last == filled);
  CHECK(restore_to(source.files(), filled, file::Existing::replace).has_value());
}

TEST_CASE(
    "a backup that is made while the server appends, snapshots, purges and truncates is whole") {
  enum class Act { append, snapshot, append_and_snapshot, purge, truncate };
  const auto log = some_history(60);
  const auto half = log.size() / 2;
  for (const Act act : {Act::append, Act::snapshot, Act::append_and_snapshot, Act::purge,
                        Act::truncate}) {
    int whole = 0, again = 0;
    for (std::uint64_t at = 0;; at += 3) {
      Source source(log);
      source.append(0, half / 2);
      source.snapshot(log[half / 2 - 1].zxid);
      source.append(half / 2, half);
      Interrupted files(source.files(), at, [&] {
        const bool appends_first = act == Act::append || act == Act::append_and_snapshot;
        if (appends_first) source.append(half, log.size());
        if (act == Act::append_and_snapshot) source.snapshot(log.back().zxid);
        if (act == Act::snapshot || act == Act::purge) source.snapshot(log[half - 1].zxid);
        if (act == Act::snapshot) source.append(half, log.size());
        if (act == Act::truncate) REQUIRE(source.bench.truncate(log[half - 5].zxid).has_value());
        if (act != Act::purge) return;
        const auto logs = *kData.list_logs(source.files());
        const auto snapshots = *kData.list_snapshots(source.files());
        for (const auto& old : logs) REQUIRE(source.files().remove(old.path).has_value());
        for (std::size_t i = 0; i + 1 < snapshots.size(); ++i)
          REQUIRE(source.files().remove(snapshots[i].path).has_value());
      });
      const auto copied = file::copy_history(files, kData, kBackup, SIZE_MAX, kUnseen);
      if (copied.has_error()) {
        INFO(copied.error().what << " (act " << static_cast<int>(act) << " at " << at << ")");
        CHECK(copied.error().is(Errc::in_use));
        ++again;
      } else {
        ++whole;
        const auto is_end = [&](const LogEntry& one) { return one.zxid == copied->last; };
        const auto end = std::find_if(log.begin(), log.end(), is_end);
        REQUIRE(end != log.end());
        CHECK(end - log.begin() >= static_cast<std::ptrdiff_t>(half - 5));
        const auto copy = file::backup_directories(kBackup);
        const auto tree =
            tools::replay_to(source.files(), copy.list_snapshots(source.files())->back(),
                             *copy.list_logs(source.files()), copied->last, kUnseen);
        REQUIRE(tree.has_value());
        CHECK(tree->database().tree().digest() == digest_in(*end));
      }
      if (files.operations() <= at) break;
    }
    CHECK(whole > 0);
    INFO("act " << static_cast<int>(act) << ": " << whole << " whole, " << again
                << " to be tried again");
    CHECK((act != Act::purge && act != Act::truncate) == (again == 0));
  }
}

namespace {

/// Restores into an empty directory, or over another history, with a crash at one operation.
struct CrashedRestore {
  Source source;
  Zxid end;

  CrashedRestore(const std::vector<LogEntry>& log, file::Existing existing) : source(log) {
    write_history(source, log.size() / 3);
    source.bench.close();
    back_up(source.files());
    end = log[log.size() / 2].zxid;
    if (existing == file::Existing::refuse) remove_all(source.files(), "/data");
    source.bench.disk->files().crash(CrashLoss::nothing);
    source.bench.disk->files().restart();
  }

  /// False when the restore ended before the operation of this number.
  bool run(std::uint64_t operation, CrashLoss loss, file::Existing existing) {
    auto& files = source.bench.disk->files();
    files.crash_at(files.operations() + operation, loss);
    try {
      const auto done = restore_to(files, end, existing);
      REQUIRE(done.has_value());
      files.crash(CrashLoss::everything);
    } catch (const SimulatedCrash&) {
      files.restart();
      return true;
    }
    files.restart();
    return false;
  }

  void check_restored() {
    const auto database = start(source.bench, end);
    const auto last = std::find_if(source.log.begin(), source.log.end(),
                                   [&](const LogEntry& one) { return one.zxid == end; });
    CHECK(database->tree().digest() == digest_in(*last));
    source.bench.close();
  }
};

}  // namespace

TEST_CASE("a crash at any operation of a restore leaves nothing, a refusal, or all of it") {
  const auto log = some_history(12);
  int fresh = 0, refused = 0, complete = 0;
  for (const CrashLoss loss : {CrashLoss::everything, CrashLoss::something, CrashLoss::nothing}) {
    for (std::uint64_t operation = 1;; ++operation) {
      CrashedRestore restore(log, file::Existing::refuse);
      const bool crashed = restore.run(operation, loss, file::Existing::refuse);
      auto opened = restore.source.bench.try_open();
      if (opened.has_error()) {
        ++refused;
        CHECK(opened.error().what.find("vivarium restore") != std::string::npos);
        CHECK(kData.list_snapshots(restore.source.files())->empty());
      } else if (opened->fresh) {
        ++fresh;
        CHECK(crashed);
      } else {
        ++complete;
        CHECK(opened->last_durable == restore.end);
      }
      const bool all_there = opened.has_value() && !opened->fresh;
      const bool started_empty = opened.has_value() && opened->fresh;
      restore.source.bench.close();
      if (started_empty) remove_all(restore.source.files(), "/data");
      if (!all_there) {
        const auto again = restore_to(restore.source.files(), restore.end, file::Existing::refuse);
        if (again.has_error()) FAIL(again.error().what);
      }
      restore.check_restored();
      if (!crashed) break;
    }
  }
  CHECK(fresh > 0);
  CHECK(refused > 0);
  CHECK(complete > 0);
  WARN("crash points of a restore: " << fresh << " before it began, " << refused << " refused, "
                                     << complete << " complete");
}

TEST_CASE("a crash at any operation of a replacing restore leaves the old history or the new one") {
  const auto log = some_history(12);
  int old = 0, complete = 0;
  for (const CrashLoss loss : {CrashLoss::everything, CrashLoss::something, CrashLoss::nothing}) {
    for (std::uint64_t operation = 1;; ++operation) {
      CrashedRestore restore(log, file::Existing::replace);
      const bool crashed = restore.run(operation, loss, file::Existing::replace);
      auto opened = restore.source.bench.try_open();
      if (opened.has_error()) FAIL(opened.error().what);
      const bool is_old = opened->last_durable == log.back().zxid;
      ++(is_old ? old : complete);
      CHECK((is_old || opened->last_durable == restore.end));
      restore.source.bench.close();
      if (!is_old) restore.check_restored();
      if (!crashed) break;
    }
  }
  CHECK(old > 0);
  CHECK(complete > 0);
  WARN("crash points of a replacing restore: " << old << " old, " << complete << " new");
}

TEST_CASE("a replacing restore that is given again, and interrupted again, leaves no part of it") {
  const auto log = some_history(12);
  int refused = 0, complete = 0;
  const auto check = [&](CrashedRestore& restore) {
    auto opened = restore.source.bench.try_open();
    if (opened.has_error()) {
      ++refused;
      CHECK(opened.error().what.find("vivarium restore") != std::string::npos);
      return;
    }
    ++complete;
    CHECK((opened->last_durable == restore.end || opened->last_durable == log.back().zxid));
    CHECK(opened->snapshot);
  };
  bool crashed = true;
  for (std::uint64_t first = 1; crashed; first += 3) {
    for (std::uint64_t second = 1 + first % 7;; second += 7) {
      CrashedRestore restore(log, file::Existing::replace);
      crashed = restore.run(first, CrashLoss::nothing, file::Existing::replace);
      const bool again = restore.run(second, CrashLoss::nothing, file::Existing::replace);
      CAPTURE(first, second);
      check(restore);
      if (!crashed || !again) break;
    }
  }
  CHECK(complete > 0);
  WARN("repeated restores: " << refused << " refused, " << complete << " complete");
}

TEST_CASE("a restore over a change that cannot be completed leaves a refusal until it is done") {
  Source source(some_history(12));
  write_history(source, 6);
  const Zxid last = source.log.back().zxid;
  source.bench.close();
  back_up(source.files());
  REQUIRE(file::replace_file(source.files(), "/data/vivarium", "change", "unreadable").has_value());
  source.bench.disk->files().set_capacity(1);
  REQUIRE(restore_to(source.files(), last, file::Existing::replace).has_error());
  CHECK(source.bench.try_open().has_error());
  source.bench.store.reset();
  source.bench.disk->files().set_capacity(std::uint64_t{1} << 50);
  REQUIRE(restore_to(source.files(), last, file::Existing::replace).has_value());
  CHECK(source.bench.open().last_durable == last);
}
