#include "recovery.hpp"

#include "change.hpp"
#include "epochs.hpp"
#include "format.hpp"
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

/// The newest that is whole. What is wrong with newer ones goes to `damage`.
std::optional<SnapshotInfo> newest_whole(FileSystem& files, const std::vector<NamedFile>& snapshots,
                                         std::vector<Damage>& damage) {
  for (auto snapshot = snapshots.rbegin(); snapshot != snapshots.rend(); ++snapshot) {
    const auto info = verify_snapshot(files, *snapshot);
    if (info.has_value()) return *info;
    damage.push_back({snapshot->path, 0, snapshot->zxid,
                      info.error().what + "; an older snapshot and the log take its place", true});
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

/// A snapshot that cannot be read may be replaced by an older one only if the log goes on past it.
Result<void> check_replaced_snapshots(const OpenedLog& opened) {
  for (const Damage& bad : opened.damage)
    if (bad.zxid > opened.last_durable)
      return Error(
          Errc::corrupt,
          bad.file + " cannot be read, and the log ends before it, at " +
              text_of(opened.last_durable) +
              ": acknowledged transactions are missing; restore it from a backup, or, in an "
              "ensemble, move the data directory away and let this server be filled by the "
              "others (found: " +
              bad.message + ")");
  return {};
}

Result<void> cut_torn_tail(FileSystem& files, const HistoryScan::TornTail& tail) {
  TRY_LET(file, files.open(tail.path, OpenMode::read_write));
  TRY(file->truncate(tail.offset));
  return file->sync();
}

Damage report(const HistoryScan::TornTail& tail, Zxid last) {
  return {
      tail.path, tail.offset, last,
      tail.path + " ends at offset " + std::to_string(tail.offset) + ", behind transaction " +
          text_of(last) + ", with " + std::string(name_of(tail.found)) +
          ", as a crash leaves it; nothing that was acknowledged is lost, and the rest is cut off",
      true};
}

Result<void> mend(FileSystem& files, const Directories& directories, HistoryScan& scan,
                  OpenedLog& opened) {
  const auto& torn = scan.torn_tail();
  if (torn) opened.damage.push_back(report(*torn, opened.last_durable));
  if (torn && torn->offset > kFileHeaderBytes) TRY(cut_torn_tail(files, *torn));
  // A file without a record may bear the name that the next one wants.
  for (const NamedFile& file : scan.empty_files())
    if (file.zxid > opened.last_durable) TRY(files.remove(file.path));
  return files.sync_directory(directories.logs());
}

}  // namespace

Result<Recovered> recover(FileSystem& files, const Directories& directories) {
  Recovered found;
  TRY(finish_change(files, directories));
  TRY(directories.remove_unfinished(files));
  TRY_LET(epochs, read_epochs(files, directories));
  TRY_LET(snapshots, directories.list_snapshots(files));
  TRY_LET(logs, directories.list_logs(files));
  OpenedLog& opened = found.opened;
  opened.epochs = epochs;
  opened.fresh = snapshots.empty() && logs.empty();
  opened.snapshot = newest_whole(files, snapshots, opened.damage);
  found.snapshots = zxids_of(snapshots);

  const Zxid base = opened.snapshot ? opened.snapshot->zxid : Zxid{};
  const auto needed = first_needed(logs, base);
  HistoryScan scan(files, base, found.snapshots);
  for (auto log = needed; log != logs.cend(); ++log) TRY(scan.read(*log));
  opened.last_durable = scan.history().last;
  TRY(check_beginning(opened, scan.history()));
  TRY(check_replaced_snapshots(opened));
  TRY(mend(files, directories, scan, opened));
  found.history = std::move(scan.history());
  found.older_logs.assign(logs.cbegin(), needed);

  TRY_LET(kept_logs, directories.list_logs(files));
  TRY_LET(log_bytes, total_size(files, kept_logs));
  TRY_LET(snapshot_bytes, total_size(files, snapshots));
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
  opened.snapshot = newest_whole(files, snapshots, opened.damage);
  const Zxid base = opened.snapshot ? opened.snapshot->zxid : Zxid{};
  HistoryScan scan(files, base, zxids, zxid);
  for (auto log = first_needed(logs, base); log != logs.cend(); ++log) TRY(scan.read(*log));
  if (scan.history().last != zxid || check_beginning(opened, scan.history()).has_error())
    return Error(Errc::out_of_range,
                 "the log in " + directories.logs() + " cannot end at " + text_of(zxid) +
                     ": it does not hold that transaction, or no snapshot to begin from");
  return {};
}

History extend_back(FileSystem& files, const Recovered& recovered) {
  History whole = recovered.history;
  if (whole.files.empty()) return whole;
  const LogFile& front = whole.files.front();
  auto older = recovered.older_logs;
  older.push_back({front.first, front.path});
  // Below every base broken runs are usual; the run counts that leads to the first known record.
  HistoryScan scan(files, HistoryScan::kNoLimit, recovered.snapshots, front.first);
  for (const NamedFile& log : older)
    if (scan.read(log).has_error()) scan.skip();
  auto& run = scan.history().files;
  if (run.size() < 2 || run.back().path != front.path || run.back().last != front.first)
    return whole;
  whole.first_contiguous = scan.history().first_contiguous;
  whole.files.insert(whole.files.begin(), run.begin(), std::prev(run.end()));
  return whole;
}

}  // namespace vivarium::file
