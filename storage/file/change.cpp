#include "change.hpp"

#include "acknowledged.hpp"
#include "log_scanner.hpp"
#include "try.hpp"

#include <charconv>
#include <optional>

namespace vivarium::file {
namespace {

constexpr std::string_view kName = "change";
constexpr std::string_view kTruncate = "truncate ";
constexpr std::string_view kInstall = "install ";

/// "truncate 0x100000001 <checksum of that>"
std::string encode(const Change& change) {
  std::string text(change.kind == ChangeKind::truncate ? kTruncate : kInstall);
  text += text_of(change.zxid);
  return text + " " + std::to_string(adler(kAdlerBegin, text)) + "\n";
}

std::optional<Change> decode(const std::string& text) {
  Change change{text.starts_with(kInstall) ? ChangeKind::install : ChangeKind::truncate, {}};
  const auto digits = text.find("0x");
  if (digits == std::string::npos) return std::nullopt;
  std::from_chars(text.data() + digits + 2, text.data() + text.size(), change.zxid.value, 16);
  return encode(change) == text ? std::optional(change) : std::nullopt;
}

/// Removes the files with a zxid above `zxid`, newest first, so that what remains is a history.
Result<void> remove_above(FileSystem& files, const std::vector<NamedFile>& named, Zxid zxid) {
  for (auto file = named.rbegin(); file != named.rend() && file->zxid > zxid; ++file)
    TRY(files.remove(file->path));
  return {};
}

/// Cuts the log behind `zxid`, and then the record of what was acknowledged of it.
Result<void> cut_file(FileSystem& files, const Directories& directories, const NamedFile& log,
                      Zxid zxid) {
  TRY_LET(file, files.open(log.path, OpenMode::read_write));
  TRY_LET(size, file->size());
  LogScanner scanner(*file, kFileHeaderBytes, size);
  Chain chain(log.zxid);
  Acknowledged left{log.zxid, kFileHeaderBytes, {}, chain.value()};
  while (true) {
    TRY_LET(found, scanner.next());
    if (!found || scanner.zxid() > zxid) break;
    chain.add(scanner.offset(), scanner.prefix());
    left = {log.zxid, scanner.position(), scanner.zxid(), chain.value()};
  }
  TRY(file->truncate(left.end));
  TRY(file->sync());
  return write_acknowledged(files, directories, left);
}

Result<void> truncate(FileSystem& files, const Directories& directories, Zxid zxid) {
  TRY_LET(snapshots, directories.list_snapshots(files));
  TRY(remove_above(files, snapshots, zxid));
  TRY(files.sync_directory(directories.snapshots()));
  TRY_LET(logs, directories.list_logs(files));
  TRY(remove_above(files, logs, zxid));
  TRY(files.sync_directory(directories.logs()));
  while (!logs.empty() && logs.back().zxid > zxid) logs.pop_back();
  if (!logs.empty()) TRY(cut_file(files, directories, logs.back(), zxid));
  return forget_acknowledged_above(files, directories, zxid);
}

Result<void> install(FileSystem& files, const Directories& directories, Zxid zxid) {
  const std::string unfinished = directories.unfinished_snapshot_path(zxid);
  if (files.exists(unfinished)) TRY(files.rename(unfinished, directories.snapshot_path(zxid)));
  TRY_LET(logs, directories.list_logs(files));
  TRY(remove_above(files, logs, Zxid{-1}));
  TRY(files.sync_directory(directories.logs()));
  TRY_LET(snapshots, directories.list_snapshots(files));
  for (const NamedFile& snapshot : snapshots)
    if (snapshot.zxid != zxid) TRY(files.remove(snapshot.path));
  TRY(files.sync_directory(directories.snapshots()));
  return acknowledge_snapshot_only(files, directories, zxid);
}

Result<void> end_change(FileSystem& files, const Directories& directories) {
  TRY(files.remove(directories.own() + "/" + std::string(kName)));
  return files.sync_directory(directories.own());
}

Result<void> carry_out(FileSystem& files, const Directories& directories, const Change& change) {
  TRY(change.kind == ChangeKind::truncate ? truncate(files, directories, change.zxid)
                                          : install(files, directories, change.zxid));
  return end_change(files, directories);
}

}  // namespace

Result<void> make_change(FileSystem& files, const Directories& directories, const Change& change) {
  // The record leads to the unfinished snapshot by its name.
  if (change.kind == ChangeKind::install) TRY(files.sync_directory(directories.snapshots()));
  TRY(replace_file(files, directories.own(), std::string(kName), encode(change)));
  return carry_out(files, directories, change);
}

Result<void> finish_change(FileSystem& files, const Directories& directories) {
  const std::string path = directories.own() + "/" + std::string(kName);
  if (!files.exists(path)) return {};
  TRY_LET(text, read_file(files, path));
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
  if (!files.exists(directories.own() + "/" + std::string(kName))) return false;
  TRY(end_change(files, directories));
  return true;
}

}  // namespace vivarium::file
