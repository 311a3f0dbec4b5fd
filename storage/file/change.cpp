#include "change.hpp"

#include "acknowledged.hpp"
#include "epochs.hpp"
#include "format.hpp"
#include "identity.hpp"
#include "log_scanner.hpp"
#include "log_tail.hpp"
#include "try.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <optional>

namespace vivarium::file {
namespace {

constexpr std::string_view kName = "change";
// By ChangeKind.
constexpr std::array<std::string_view, 4> kWords = {"truncate", "install", "restore", "replace"};
constexpr std::string_view kAnnounced = "restoring ";

/// "truncate 0x100000001 <checksum of that>"
std::string encode(const Change& change) {
  std::string text = std::string(kWords[static_cast<std::size_t>(change.kind)]) + " ";
  text += text_of(change.zxid);
  return text + " " + std::to_string(adler(kAdlerBegin, text)) + "\n";
}

std::optional<Change> decode(const std::string& text) {
  const auto* word = std::find(kWords.begin(), kWords.end(), text.substr(0, text.find(' ')));
  const auto digits = text.find("0x");
  if (word == kWords.end() || digits == std::string::npos) return std::nullopt;
  Change change{static_cast<ChangeKind>(word - kWords.begin()), {}};
  std::from_chars(text.data() + digits + 2, text.data() + text.size(), change.zxid.value, 16);
  return encode(change) == text ? std::optional(change) : std::nullopt;
}

/// Removes the logs that begin above `zxid`, newest first and each durably before the next, so that
/// what remains is a history whenever power fails: a Java server does not notice a log that is missing.
Result<void> remove_logs(FileSystem& files, const Directories& directories, Zxid zxid) {
  // What a process before this one has removed and could not sync is not seen any more.
  TRY(files.sync_directory(directories.logs()));
  TRY_LET(logs, directories.list_logs(files));
  for (auto log = logs.rbegin(); log != logs.rend() && log->zxid > zxid; ++log) {
    TRY(files.remove(log->path));
    TRY(files.sync_directory(directories.logs()));
  }
  return {};
}

/// In any order, since each is whole by itself.
Result<void> remove_snapshots(FileSystem& files, const Directories& directories,
                              const std::function<bool(const NamedFile&)>& go) {
  TRY_LET(snapshots, directories.list_snapshots(files));
  for (const NamedFile& snapshot : snapshots)
    if (go(snapshot)) TRY(files.remove(snapshot.path));
  return files.sync_directory(directories.snapshots());
}

/// Cuts the log behind `zxid`, and then the record of what was acknowledged of it. One that does
/// not reach so far is left alone, and so is damage, which the start judges. Gives whether the log
/// holds any transaction.
Result<bool> cut_file(FileSystem& files, const Directories& directories, const NamedFile& log,
                      Zxid zxid, const AcknowledgedRecords& records) {
  TRY_LET(file, files.open(log.path, OpenMode::read));
  TRY_LET(size, file->size());
  LogScanner scanner(*file, kFileHeaderBytes, size);
  Chain chain(log.zxid);
  Acknowledged left{log.zxid, kFileHeaderBytes, {}, chain.value()};
  bool reaches = false;
  while (true) {
    TRY_LET(found, scanner.next());
    if (!found) break;
    reaches = scanner.zxid() > zxid;
    if (reaches) break;
    chain.add(scanner.offset(), scanner.prefix());
    left = {log.zxid, scanner.position(), scanner.zxid(), chain.value()};
  }
  const bool holds_any = reaches || left.end > kFileHeaderBytes;
  if (!reaches) {
    // It did, when a crash came before the record was shortened.
    const auto known = records.logs.find(log.zxid);
    if (known == records.logs.end() || known->second.last <= zxid) return holds_any;
    TRY_LET(tail, examine_tail(*file, scanner.position()));
    if (tail != Tail::clean) return holds_any;
  }
  TRY_LET(to_cut, files.open(log.path, OpenMode::read_write));
  TRY(to_cut->truncate(left.end));
  TRY(to_cut->sync());
  TRY(write_acknowledged(files, directories, left));
  return holds_any;
}

/// More than one log may reach behind `zxid`: a Java server logs again what it had logged before it
/// lost its leader. The newest first, down to the one with which a start begins to read.
Result<void> cut_logs(FileSystem& files, const Directories& directories, Zxid zxid) {
  TRY_LET(snapshots, directories.list_snapshots(files));
  TRY_LET(logs, directories.list_logs(files));
  TRY_LET(records, read_acknowledged(files, directories));
  const Zxid base = snapshots.empty() ? Zxid{} : snapshots.back().zxid;
  for (auto log = logs.rbegin(); log != logs.rend(); ++log) {
    TRY_LET(holds_any, cut_file(files, directories, *log, zxid, records));
    if (holds_any && log->zxid <= base.next()) break;
  }
  return {};
}

Result<void> truncate(FileSystem& files, const Directories& directories, Zxid zxid) {
#ifndef VIVARIUM_BUG_ZK4837
  TRY(remove_snapshots(files, directories, [&](const NamedFile& one) { return one.zxid > zxid; }));
#endif
  TRY(remove_logs(files, directories, zxid));
  TRY(cut_logs(files, directories, zxid));
  return forget_acknowledged_above(files, directories, zxid);
}

/// First the old history is shortened, then the new snapshot comes beside what is left of it: logs of
/// the one never stand behind a snapshot of the other. At no time is there no snapshot, where one was:
/// a Java server that finds nothing begins anew.
Result<void> install(FileSystem& files, const Directories& directories, Zxid zxid) {
  const std::string unfinished = directories.unfinished_snapshot_path(zxid, Compression::none);
  const std::string path = directories.snapshot_path(zxid, Compression::none);
  if (!files.exists(unfinished) && !files.exists(path))
    return Error(Errc::corrupt,
                 change_path(directories) + " says that a snapshot replaces the history, and " +
                     unfinished +
                     " is not there; nothing was removed. Restore the data directory "
                     "from a backup, or move it away and let this server be filled by the others");
  TRY(remove_logs(files, directories, Zxid{-1}));
  if (files.exists(unfinished)) TRY(files.rename(unfinished, path));
  TRY(files.sync_directory(directories.snapshots()));
  TRY(remove_snapshots(files, directories, [&](const NamedFile& one) { return one.path != path; }));
  return acknowledge_snapshot_only(files, directories, zxid);
}

enum class Of : std::uint8_t { snapshots, the_rest };

Result<void> finish(FileSystem& files, const Directories& directories, const std::string& folder,
                    Of which) {
  TRY_LET(names, directories.list_unfinished(files, folder));
  for (const std::string& name : names)
    if (name.starts_with("snapshot.") == (which == Of::snapshots))
      TRY(directories.finish(files, folder, name));
  return files.sync_directory(folder);
}

/// A log, of no transaction, for the time when there is no snapshot: a Java server refuses that, and
/// would begin anew where it finds nothing.
std::string guard_path(const Directories& directories) { return directories.log_path(Zxid{}); }

Result<void> put_guard(FileSystem& files, const Directories& directories) {
  TRY_LET(file, files.open(guard_path(directories), OpenMode::create_empty));
  TRY(file->write_at(0, log_header()));
  TRY(file->sync());
  return files.sync_directory(directories.logs());
}

Result<void> remove_guard(FileSystem& files, const Directories& directories) {
  if (files.exists(guard_path(directories))) TRY(files.remove(guard_path(directories)));
  return files.sync_directory(directories.logs());
}

/// Gives the unfinished files their names, snapshots last: a Java server refuses logs without one.
Result<void> restore(FileSystem& files, const Directories& directories) {
  for (const std::string& folder : {directories.own(), directories.logs(), directories.snapshots()})
    TRY(finish(files, directories, folder, Of::the_rest));
  TRY(finish(files, directories, directories.snapshots(), Of::snapshots));
  return remove_guard(files, directories);
}

/// Snapshots first: a Java server refuses the logs without them.
Result<void> replace(FileSystem& files, const Directories& directories, Zxid zxid) {
  TRY(put_guard(files, directories));
  TRY(remove_snapshots(files, directories, [](const NamedFile&) { return true; }));
  TRY(remove_epochs(files, directories));
  TRY(files.sync_directory(directories.snapshots()));
  TRY(remove_logs(files, directories, Zxid{}));
  TRY(disclaim(files, directories));
  return make_change(files, directories, {ChangeKind::restore, zxid});
}

Result<void> end_change(FileSystem& files, const Directories& directories) {
  TRY(files.remove(change_path(directories)));
  return files.sync_directory(directories.own());
}

Result<void> carry_out(FileSystem& files, const Directories& directories, const Change& change) {
  switch (change.kind) {
    case ChangeKind::truncate: TRY(truncate(files, directories, change.zxid)); break;
    case ChangeKind::install: TRY(install(files, directories, change.zxid)); break;
    case ChangeKind::restore: TRY(restore(files, directories)); break;
    case ChangeKind::replace: return replace(files, directories, change.zxid);
  }
  return end_change(files, directories);
}

}  // namespace

std::string change_path(const Directories& directories) {
  return directories.own() + "/" + std::string(kName);
}

Result<void> make_change(FileSystem& files, const Directories& directories, const Change& change) {
  // The record leads to the unfinished snapshot by its name.
  if (change.kind == ChangeKind::install) TRY(files.sync_directory(directories.snapshots()));
  TRY(replace_file(files, directories.own(), std::string(kName), encode(change)));
  return carry_out(files, directories, change);
}

Result<void> announce_restore(FileSystem& files, const Directories& directories, Zxid zxid) {
  TRY(replace_file(files, directories.own(), std::string(kName),
                   std::string(kAnnounced) + text_of(zxid) + "\n"));
  return put_guard(files, directories);
}

bool is_guard(const std::string& name) { return name == "log.0"; }

Result<bool> restore_announced(FileSystem& files, const Directories& directories) {
  if (!files.exists(change_path(directories))) return false;
  TRY_LET(text, read_file(files, change_path(directories)));
  return text.starts_with(kAnnounced);
}

Result<void> finish_change(FileSystem& files, const Directories& directories) {
  const std::string path = change_path(directories);
  if (!files.exists(path)) return {};
  TRY_LET(text, read_file(files, path));
  if (text.starts_with(kAnnounced))
    return Error(Errc::corrupt,
                 path + " says that a restore into " + directories.data_dir() +
                     " was interrupted: the history is not all there; run `vivarium restore` again, "
                     "or, to begin without it, empty the directory");
  const auto change = decode(text);
  if (!change)
    return Error(Errc::corrupt,
                 path +
                     " does not tell which change of the history was interrupted; "
                     "restore the data directory from a backup, or move it away and let "
                     "this server be filled by the others");
  // The server that wrote the record may have been killed before that was durable.
  TRY(files.sync_directory(directories.own()));
  return carry_out(files, directories, *change);
}

Result<bool> give_up_change(FileSystem& files, const Directories& directories) {
  if (!files.exists(change_path(directories))) return false;
  TRY_LET(text, read_file(files, change_path(directories)));
  const auto change = decode(text);
  // A restore replaces the history on purpose, whoever went on with it.
  const bool by_leader = change && (change->kind == ChangeKind::truncate ||
                                    change->kind == ChangeKind::install);
  if (!by_leader) return false;
  TRY(end_change(files, directories));
  return true;
}

}  // namespace vivarium::file
