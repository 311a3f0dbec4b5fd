#include "recovery.hpp"

#include "acknowledged.hpp"
#include "change.hpp"
#include "epochs.hpp"
#include "format.hpp"
#include "log_tail.hpp"
#include "snapshot_reader.hpp"
#include "try.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace vivarium::file {
namespace {

std::vector<Zxid> zxids_of(const std::vector<NamedFile>& named) {
  std::vector<Zxid> zxids;
  for (const NamedFile& file : named) zxids.push_back(file.zxid);
  return zxids;
}

Result<std::uint64_t> total_size(FileSystem& files, const std::vector<NamedFile>& named) {
  std::uint64_t sum = 0;
  for (const NamedFile& one : named) {
    TRY_LET(file, files.open(one.path, OpenMode::read));
    TRY_LET(size, file->size());
    sum += size;
  }
  return sum;
}

struct BadSnapshot {
  NamedFile file;
  std::string what;
};

struct WholeSnapshot {
  SnapshotInfo info;
  std::string path;
};

/// The newest that is whole. What is wrong with newer ones goes to `bad`.
std::optional<WholeSnapshot> newest_whole(FileSystem& files,
                                          const std::vector<NamedFile>& snapshots,
                                          std::vector<BadSnapshot>& bad) {
  for (auto snapshot = snapshots.rbegin(); snapshot != snapshots.rend(); ++snapshot) {
    const auto info = verify_snapshot(files, *snapshot);
    if (info.has_value()) return WholeSnapshot{*info, snapshot->path};
    bad.push_back({*snapshot, info.error().what});
  }
  return std::nullopt;
}

/// The log file in which a record behind `base` may be found first: the last one that begins at or
/// before it, or right behind it.
std::vector<NamedFile>::const_iterator first_needed(const std::vector<NamedFile>& logs, Zxid base) {
  const auto later = std::find_if(logs.begin(), logs.end(),
                                  [&](const NamedFile& log) { return log.zxid > base.next(); });
  return later == logs.begin() ? later : std::prev(later);
}

struct ScannedLogs {
  HistoryScan scan;
  std::vector<NamedFile>::const_iterator first;  ///< Read, with all behind it.
};

/// Reads the logs in which there may be records behind `base`, with a copy of `fresh`. One in which a
/// crash left no record does not tell where the one before it ends: that is then read as well.
Result<ScannedLogs> scan_logs(FileSystem& files, const HistoryScan& fresh,
                              const std::vector<NamedFile>& logs, Zxid base) {
  for (auto first = first_needed(logs, base);; --first) {
    ScannedLogs scanned{fresh, first};
    HistoryScan& scan = scanned.scan;
    const auto tells = [&] { return first == logs.cbegin() || !scan.history().files.empty(); };
    for (auto log = first; log != logs.cend() && (log == first || tells()); ++log)
      TRY(scan.read(files, *log));
    if (!tells()) continue;
    scan.end();
    return scanned;
  }
}

bool is_first_ever(Zxid zxid) {
  return zxid.value == 1 || (zxid.epoch() == Epoch{1} && zxid.counter() <= 1);
}

/// Without a snapshot the log must begin with the first transaction of all.
Result<void> check_beginning(const OpenedLog& opened, const History& history) {
  if (opened.snapshot || history.files.empty() || is_first_ever(history.files.front().first))
    return {};
  const LogFile& file = history.files.front();
  return Error(
      Errc::corrupt,
      file.path + " begins with transaction " + text_of(file.first) +
          ", and no snapshot holds what came before: acknowledged transactions are missing; "
          "restore the snapshots from a backup, or, in an ensemble, move the data directory "
          "away and let this server be filled by the others");
}

/// With the snapshots that could not be read, if there are any: they may be what is missing.
Error explained(Error error, const std::vector<BadSnapshot>& bad) {
  for (const BadSnapshot& snapshot : bad) error.what += " (found: " + snapshot.what + ")";
  return error;
}

/// A snapshot that cannot be read may be replaced by an older one only if the log goes on past it.
const BadSnapshot* find_above(const std::vector<BadSnapshot>& bad, Zxid last) {
  const auto above = std::find_if(
      bad.begin(), bad.end(), [&](const BadSnapshot& one) { return one.file.zxid > last; });
  return above == bad.end() ? nullptr : &*above;
}

Error irreplaceable(const BadSnapshot& snapshot, Zxid last) {
  return {Errc::corrupt,
          snapshot.file.path + " cannot be read, and the log ends before it, at " + text_of(last) +
              ": acknowledged transactions are missing; restore it from a backup, or, in an "
              "ensemble, move the data directory away and let this server be filled by the others "
              "(found: " +
              snapshot.what + ")"};
}

Error missing(const Directories& directories, const std::string& path, Zxid last) {
  return {Errc::corrupt,
          path + " is missing: transactions up to " + text_of(last) +
              " were acknowledged from it, and no snapshot holds them; restore it from a backup, "
              "or, in an ensemble, move the data directory away and let this server be filled by "
              "the others. If the files were put back from an older backup on purpose, and what "
              "came later may be lost, remove " +
              directories.acknowledged()};
}

bool is_there(const std::vector<NamedFile>& named, Zxid zxid) {
  return std::any_of(named.begin(), named.end(),
                     [&](const NamedFile& file) { return file.zxid == zxid; });
}

/// What is on the disk, before anything is mended.
struct Inventory {
  std::vector<NamedFile> snapshots, logs;
  AcknowledgedRecords records;
  EpochsFound epochs;
};

Result<Inventory> take_inventory(FileSystem& files, const Directories& directories) {
  TRY_LET(epochs, read_epochs(files, directories));
  TRY_LET(snapshots, directories.list_snapshots(files));
  TRY_LET(logs, directories.list_logs(files));
  TRY_LET(records, read_acknowledged(files, directories));
  return Inventory{std::move(snapshots), std::move(logs), std::move(records), std::move(epochs)};
}

bool has_foreign_logs(const Inventory& there) {
  return std::any_of(there.logs.begin(), there.logs.end(), [&](const NamedFile& log) {
    return there.records.logs.count(log.zxid) == 0;
  });
}

/// Whether a leader may have had a Java server cut the history.
bool cut_elsewhere(const Inventory& there) {
  return raised_elsewhere(there.epochs, {Zxid{}, has_foreign_logs(there)});
}

/// A member of a Java ensemble applies what others have committed before it has logged it itself,
/// so its snapshot may be ahead of its log, and one that was being written when it was killed
/// proves nothing. It does not vote until a leader has brought it up to date. One that stands alone
/// logs first.
bool may_be_ahead(const Inventory& there) {
  return there.records.logs.empty() && there.records.snapshots.empty() &&
         there.epochs.accepted.whole() && there.epochs.current.whole();
}

/// No server gives two logs one zxid; by hand they can be, with zeros before it.
Result<void> check_names(const std::vector<NamedFile>& logs) {
  const auto same = std::adjacent_find(
      logs.begin(), logs.end(),
      [](const NamedFile& one, const NamedFile& other) { return one.zxid == other.zxid; });
  if (same == logs.end()) return {};
  return Error(Errc::corrupt, same->path + " and " + std::next(same)->path +
                                  " are both named after transaction " + text_of(same->zxid) +
                                  ": which of them holds what was acknowledged cannot be told; "
                                  "move the one away that does not belong there");
}

/// A log or snapshot that is recorded as acknowledged, and not there, must lie below `base`, the
/// snapshot that is loaded: then it was purged.
Result<void> check_nothing_missing(const Directories& directories, const Inventory& there,
                                   Zxid base, Zxid last) {
  if (cut_elsewhere(there)) return {};
  for (const auto& [first, record] : there.records.logs)
    if (!is_there(there.logs, first) && record.last > base)
      return missing(directories, directories.log_path(first), record.last);
  for (const auto& [zxid, record] : there.records.snapshots)
    if (zxid > base && zxid > last)
      return missing(directories, directories.snapshot_path(zxid, Compression::none), zxid);
  return {};
}

Result<void> cut_torn_tail(FileSystem& files, const HistoryScan::TornTail& tail) {
  auto file = files.open(tail.path, OpenMode::read_write);
  if (file.has_error())
    return Error(Errc::io_failed, tail.path + " ends at offset " + std::to_string(tail.offset) +
                                      " with an interrupted write, and cannot be opened to cut "
                                      "that off (" +
                                      file.error().what + "): make it writable for this server");
  return (*file)->truncate(tail.offset);  // Synced by make_durable, as all that was found.
}

Damage report(const HistoryScan::TornTail& tail, Zxid last) {
  return {
      tail.path, tail.offset, last,
      tail.path + " ends at offset " + std::to_string(tail.offset) + ", behind transaction " +
          text_of(last) + ", with " + std::string(name_of(tail.found)) +
          ", as a crash leaves it; nothing that was acknowledged is lost, and the rest is cut off",
      true};
}

Result<void> mend_logs(FileSystem& files, HistoryScan& scan, OpenedLog& opened) {
  const auto& torn = scan.torn_tail();
  if (torn) opened.damage.push_back(report(*torn, opened.last_durable));
  if (torn && torn->offset > kFileHeaderBytes) TRY(cut_torn_tail(files, *torn));
  // A file without a record may bear the name that the next one wants.
  for (const NamedFile& file : scan.empty_files())
    if (file.zxid > opened.last_durable) TRY(files.remove(file.path));
  return {};
}

Result<void> sync_file(FileSystem& files, const std::string& path) {
  TRY_LET(file, files.open(path, OpenMode::read));
  return file->sync();
}

/// What was read may not be durable: the process that wrote it may have been killed before it synced
/// it, a Java server syncs no directory, and a copy of files none at all. From now on it counts.
Result<void> make_durable(FileSystem& files, const Directories& directories,
                          const HistoryScan& scan, const std::string& snapshot) {
  if (!snapshot.empty()) TRY(sync_file(files, snapshot));
  for (const Acknowledged& log : scan.found())
    TRY(sync_file(files, directories.log_path(log.first)));
  TRY(files.sync_directory(directories.snapshots()));
  return directories.separate_logs() ? files.sync_directory(directories.logs()) : Result<void>();
}

std::string what_replaces(const BadSnapshot& snapshot, Zxid last) {
  if (snapshot.file.zxid <= last)
    return "; an older snapshot and the log take its place, and nothing is lost. ";
  return "; an older snapshot and the log, which ends before it, at " + text_of(last) +
         ", take its place: this server may have acknowledged more. ";
}

Result<void> set_aside(FileSystem& files, const Directories& directories,
                       const std::vector<BadSnapshot>& bad, OpenedLog& opened) {
  for (const BadSnapshot& snapshot : bad) {
    TRY(directories.set_aside(files, snapshot.file));
    opened.damage.push_back(
        {snapshot.file.path, 0, snapshot.file.zxid,
         snapshot.what + what_replaces(snapshot, opened.last_durable) + "It is called " +
             directories.set_aside_path(snapshot.file) +
             " now, which nothing loads, counts or purges: look into the system's log for the "
             "disk's errors, and remove it",
         true});
  }
  return {};
}

/// Records of what is not there any more, and those that say nothing.
Result<void> drop_records(FileSystem& files, const Directories& directories,
                          const Inventory& there) {
  std::vector<std::string> dropped = there.records.blank;
  for (const auto& [first, record] : there.records.logs)
    if (!is_there(there.logs, first)) dropped.push_back(directories.acknowledged_log_path(first));
  TRY_LET(snapshot_records, directories.list_acknowledged_snapshots(files));
  for (const NamedFile& record : snapshot_records)
    if (there.records.snapshots.count(record.zxid) > 0 && !is_there(there.snapshots, record.zxid))
      dropped.push_back(record.path);
  for (const std::string& path : dropped) TRY(files.remove(path));
  return dropped.empty() ? Result<void>() : files.sync_directory(directories.acknowledged());
}

const Acknowledged* record_of(const AcknowledgedRecords& records, Zxid first) {
  const auto known = records.logs.find(first);
  return known == records.logs.end() ? nullptr : &known->second;
}

/// What a Java server has cut.
Result<void> shorten_records(FileSystem& files, const Directories& directories,
                             const HistoryScan& scan, const AcknowledgedRecords& records) {
  for (const Acknowledged& found : scan.found()) {
    const Acknowledged* known = record_of(records, found.first);
    if (known && known->end > found.end) TRY(write_acknowledged(files, directories, found));
  }
  return {};
}

/// Written again and not only synced: after a sync that failed the system takes its pages for clean,
/// whatever of them reached the disk. That stretch is one write long at most. A log that may only
/// be read, of a server that ran as another user, was synced, and is taken so.
Result<void> write_again(FileSystem& files, const std::string& path, std::uint64_t from,
                         std::uint64_t to) {
  constexpr std::uint64_t kWriteBytesMax = kUnsyncedBytesMax + kPayloadBytesMax;
  constexpr std::uint64_t kPieceBytes = std::uint64_t{1} << 20;
  from = std::max(from, to - std::min(to, kWriteBytesMax));
  auto open = files.open(path, OpenMode::read_write);
  if (open.has_error()) return sync_file(files, path);
  File& file = **open;
  std::string bytes;
  for (; from < to; from += bytes.size()) {
    bytes.resize(static_cast<std::size_t>(std::min(kPieceBytes, to - from)));
    TRY_LET(got, file.read_at(from, bytes.data(), bytes.size()));
    if (got < bytes.size())
      return Error(Errc::io_failed, path + " became shorter while it was read");
    TRY(file.write_at(from, bytes));
  }
  return file.sync();
}

/// What was read counts as acknowledged from now on. It may be no more than written, by a process
/// that was killed before it could sync, or whose sync failed.
Result<void> extend_records(FileSystem& files, const Directories& directories,
                            const HistoryScan& scan, const AcknowledgedRecords& records) {
  for (const Acknowledged& found : scan.found()) {
    const Acknowledged* known = record_of(records, found.first);
    if (known && known->end >= found.end) {
      TRY(sync_acknowledged(files, directories, found.first, RecordName::fresh));
      continue;
    }
    TRY(write_again(files, directories.log_path(found.first), known ? known->end : 0, found.end));
    TRY(write_acknowledged(files, directories, found));
  }
  return {};
}

void report_epochs(const Directories& directories, const EpochsDecided& decided,
                   OpenedLog& opened) {
  const std::string where = directories.snapshots() + ": ";
  for (const std::string& finding : decided.findings)
    opened.damage.push_back(
        {directories.snapshots() + "/currentEpoch", 0, opened.last_durable, where + finding, true});
  if (decided.may_vote) return;
  opened.damage.push_back(
      {directories.snapshots() + "/currentEpoch", 0, opened.last_durable,
       where + "promises of this server to its ensemble may be lost. It must not vote until an "
               "established leader has brought it up to date; a server that stands alone can go on",
       true});
}

/// In this order: what a Java server has raised excuses what it has cut, and its logs, which have
/// no record yet, tell that it ran.
Result<void> mend_records(FileSystem& files, const Directories& directories,
                          const Inventory& there, const HistoryScan& scan,
                          const BadSnapshot* above, OpenedLog& opened) {
  TRY(drop_records(files, directories, there));
  TRY(shorten_records(files, directories, scan, there.records));
  const auto decided = decide_epochs(
      there.epochs, {opened.last_durable, has_foreign_logs(there), above != nullptr});
  opened.epochs = decided.epochs;
  opened.may_vote = decided.may_vote;
  report_epochs(directories, decided, opened);
  return repair_epochs(files, directories, there.epochs, decided);
}

Result<void> give_up_where_java_went_on(FileSystem& files, const Directories& directories,
                                        OpenedLog& opened) {
  if (!files.exists(change_path(directories))) return {};
  TRY_LET(there, take_inventory(files, directories));
  if (!cut_elsewhere(there)) return {};
  TRY_LET(given_up, give_up_change(files, directories));
  if (given_up)
    opened.damage.push_back(
        {change_path(directories), 0, {},
         "a truncation or the installation of a snapshot was interrupted in " +
             directories.data_dir() +
             ", and then a Java server went on with its leader from there: it is left so",
         true});
  return {};
}

/// Ends what a crash interrupted.
Result<void> end_change(FileSystem& files, const Directories& directories, OpenedLog& opened) {
  TRY(give_up_where_java_went_on(files, directories, opened));
  TRY(finish_change(files, directories));
  return directories.remove_unfinished(files);
}

}  // namespace

Result<Recovered> recover(FileSystem& files, const Directories& directories) {
  Recovered found;
  OpenedLog& opened = found.opened;
  TRY(end_change(files, directories, opened));
  TRY_LET(there, take_inventory(files, directories));
  TRY(check_names(there.logs));
  opened.fresh = there.snapshots.empty() && there.logs.empty();
  opened.damage.insert(opened.damage.end(), there.records.damage.begin(),
                       there.records.damage.end());
  std::vector<BadSnapshot> bad;
  if (const auto newest = newest_whole(files, there.snapshots, bad)) {
    opened.snapshot = newest->info;
    found.snapshot_path = newest->path;
  }
  found.snapshots = zxids_of(there.snapshots);

  const Zxid base = opened.snapshot ? opened.snapshot->zxid : Zxid{};
  HistoryScan fresh(base, found.snapshots);
  fresh.expect(there.records.logs, cut_elsewhere(there) ? HistoryScan::Shorter::cut_by_java
                                                        : HistoryScan::Shorter::damage);
  auto scanned = scan_logs(files, fresh, there.logs, base);
  if (scanned.has_error()) return explained(scanned.error(), bad);
  auto& [scan, needed] = *scanned;
  opened.last_durable = scan.history().last;
  if (const auto begins = check_beginning(opened, scan.history()); begins.has_error())
    return explained(begins.error(), bad);
  const BadSnapshot* above = find_above(bad, opened.last_durable);
  if (above && !(opened.snapshot && may_be_ahead(there)))
    return irreplaceable(*above, opened.last_durable);
  TRY(check_nothing_missing(directories, there, base, opened.last_durable));
  TRY(mend_logs(files, scan, opened));
  TRY(make_durable(files, directories, scan, found.snapshot_path));
  TRY(mend_records(files, directories, there, scan, above, opened));
  // Behind what it means for the vote, and before there are records, which would refuse it.
  TRY(set_aside(files, directories, bad, opened));
  TRY(extend_records(files, directories, scan, there.records));
  found.history = std::move(scan.history());
  found.older_logs.assign(there.logs.cbegin(), needed);
  found.acknowledged = std::move(there.records.logs);

  TRY_LET(kept_logs, directories.list_logs(files));
  TRY_LET(kept_snapshots, directories.list_snapshots(files));
  TRY_LET(log_bytes, total_size(files, kept_logs));
  TRY_LET(snapshot_bytes, total_size(files, kept_snapshots));
  found.snapshots = zxids_of(kept_snapshots);
  found.log_bytes_total = log_bytes;
  found.snapshot_bytes_total = snapshot_bytes;
  return found;
}

Result<void> check_end(FileSystem& files, const Directories& directories, Zxid zxid) {
  TRY_LET(snapshots, directories.list_snapshots(files));
  TRY_LET(logs, directories.list_logs(files));
  const auto zxids = zxids_of(snapshots);
  const auto above = [&](const NamedFile& file) { return file.zxid > zxid; };
  std::erase_if(snapshots, above);
  std::erase_if(logs, above);
  OpenedLog opened;
  std::vector<BadSnapshot> bad;
  if (const auto newest = newest_whole(files, snapshots, bad)) opened.snapshot = newest->info;
  const Zxid base = opened.snapshot ? opened.snapshot->zxid : Zxid{};
  TRY_LET(scanned, scan_logs(files, HistoryScan(base, zxids, zxid), logs, base));
  const auto& scan = scanned.scan;
  if (scan.history().last != zxid || check_beginning(opened, scan.history()).has_error())
    return Error(Errc::out_of_range,
                 "the log in " + directories.logs() + " cannot end at " + text_of(zxid) +
                     ": it does not hold that transaction, or no snapshot to begin from");
  return {};
}

OlderLogs::OlderLogs(LogFile front, std::vector<NamedFile> older, std::vector<Zxid> snapshots,
                     std::map<Zxid, Acknowledged> acknowledged)
    : front_(std::move(front)), logs_(std::move(older)),
      // Below every base broken runs are usual; the run counts that leads to the first known
      // record.
      scan_(HistoryScan::kNoLimit, std::move(snapshots), front_.first) {
  logs_.push_back({front_.first, front_.path});
  scan_.expect(std::move(acknowledged), HistoryScan::Shorter::damage);
}

bool OlderLogs::read_on(FileSystem& files) {
  if (scan_.read(files, logs_[next_]).has_error()) scan_.skip();
  return ++next_ < logs_.size();
}

std::optional<History> OlderLogs::run() const {
  History run = scan_.history();
  if (run.files.size() < 2 || run.files.back().path != front_.path ||
      run.files.back().last != front_.first)
    return std::nullopt;
  run.files.pop_back();
  return run;
}

}  // namespace vivarium::file
