#include "directories.hpp"

#include "format.hpp"
#include "try.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace vivarium::file {
namespace {

constexpr std::string_view kLogPrefix = "log.";
constexpr std::string_view kSnapshotPrefix = "snapshot.";
// Java takes no name with another first part for a snapshot.
constexpr std::string_view kUnfinishedPrefix = "unfinished.";

std::string without_trailing_slash(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

std::optional<Zxid> zxid_in_name(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix)) return std::nullopt;
  name.remove_prefix(prefix.size());
  if (prefix == kSnapshotPrefix)
    name.remove_suffix(suffix_of(compression_of(name)).size());
  Zxid zxid;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), zxid.value, 16);
  const bool whole = error == std::errc{} && end == name.data() + name.size();
  return whole && zxid.value >= 0 ? std::optional(zxid) : std::nullopt;
}

Result<std::vector<NamedFile>> list_named(FileSystem& files, const std::string& directory,
                                          std::string_view prefix) {
  TRY_LET(entries, files.list(directory));
  std::vector<NamedFile> named;
  for (const DirectoryEntry& entry : entries)
    if (const auto zxid = zxid_in_name(entry.name, prefix))
      named.push_back({*zxid, directory + "/" + entry.name});
  std::sort(named.begin(), named.end(),
            [](const NamedFile& a, const NamedFile& b) {
              return a.zxid != b.zxid ? a.zxid < b.zxid : a.path > b.path;
            });
  return named;
}

/// Each name is durable at the end. Those of `shared` and `own` share a sync if both are there.
Result<void> create_pair(FileSystem& files, const std::string& directory,
                         const std::string& shared, const std::string& own) {
  TRY(files.create_directories(directory));
  if (!files.exists(shared)) TRY(files.create_directories(shared));
  return files.create_directories(own);
}

std::string snapshot_name(Zxid zxid, Compression compression) {
  return std::string(kSnapshotPrefix) + text_of(zxid).substr(2) +
         std::string(suffix_of(compression));
}

Error misplaced(const NamedFile& found, const std::string& what, const std::string& wanted) {
  return {Errc::invalid_argument, found.path + " is a " + what +
                                      " in the wrong directory: with the dataDir and dataLogDir "
                                      "of this config it would be in " +
                                      wanted + "; move the files there, or correct dataLogDir"};
}

}  // namespace

Directories::Directories(std::string data_dir, std::string data_log_dir)
    : data_dir_(without_trailing_slash(std::move(data_dir))),
      data_log_dir_(without_trailing_slash(std::move(data_log_dir))) {
  if (data_log_dir_.empty()) data_log_dir_ = data_dir_;
}

std::string Directories::log_path(Zxid first) const {
  return logs() + "/" + std::string(kLogPrefix) + text_of(first).substr(2);
}

std::string Directories::acknowledged_log_path(Zxid first) const {
  return acknowledged() + "/" + std::string(kLogPrefix) + text_of(first).substr(2);
}

std::string Directories::set_aside_path(const NamedFile& snapshot) const {
  return snapshots() + "/corrupt." + snapshot.path.substr(snapshot.path.rfind('/') + 1);
}

std::string Directories::snapshot_path(Zxid zxid, Compression compression) const {
  return snapshots() + "/" + snapshot_name(zxid, compression);
}

std::string Directories::unfinished_path(const std::string& directory, const std::string& name) {
  return directory + "/" + std::string(kUnfinishedPrefix) + name;
}

std::string Directories::unfinished_snapshot_path(Zxid zxid, Compression compression) const {
  return unfinished_path(snapshots(), snapshot_name(zxid, compression));
}

Result<void> Directories::create(FileSystem& files) const {
  TRY(create_pair(files, data_dir(), snapshots(), own()));
  if (separate_logs()) TRY(create_pair(files, data_log_dir(), logs(), own_beside_logs()));
  return files.create_directories(acknowledged());
}

Result<void> Directories::check_separation(FileSystem& files) const {
  if (!separate_logs()) return {};
  TRY_LET(logs_there, list_named(files, snapshots(), kLogPrefix));
  if (!logs_there.empty()) return misplaced(logs_there.front(), "transaction log", logs());
  TRY_LET(snapshots_there, list_named(files, logs(), kSnapshotPrefix));
  if (!snapshots_there.empty()) return misplaced(snapshots_there.front(), "snapshot", snapshots());
  return {};
}

Result<std::vector<NamedFile>> Directories::list_logs(FileSystem& files) const {
  return logs_in(files, logs());
}

Result<std::vector<NamedFile>> Directories::list_snapshots(FileSystem& files) const {
  return snapshots_in(files, snapshots());
}

Result<std::vector<std::string>> Directories::list_unfinished(FileSystem& files,
                                                              const std::string& directory) const {
  TRY_LET(entries, files.list(directory));
  std::vector<std::string> names;
  for (const DirectoryEntry& entry : entries)
    if (entry.name.starts_with(kUnfinishedPrefix))
      names.push_back(entry.name.substr(kUnfinishedPrefix.size()));
  return names;
}

Result<void> Directories::finish(FileSystem& files, const std::string& directory,
                                 const std::string& name) const {
  return files.rename(unfinished_path(directory, name), directory + "/" + name);
}

Result<std::vector<NamedFile>> Directories::list_acknowledged_logs(FileSystem& files) const {
  return list_named(files, acknowledged(), kLogPrefix);
}

Result<std::vector<NamedFile>> Directories::list_acknowledged_snapshots(FileSystem& files) const {
  return list_named(files, acknowledged(), kSnapshotPrefix);
}

Result<void> Directories::set_aside(FileSystem& files, const NamedFile& snapshot) const {
  TRY(files.rename(snapshot.path, set_aside_path(snapshot)));
  return files.sync_directory(snapshots());
}

Result<void> Directories::remove_unfinished(FileSystem& files) const {
  std::vector<std::string> folders = {snapshots(), own()};
  if (separate_logs()) folders.push_back(logs());
  for (const std::string& folder : folders) {
    TRY_LET(names, list_unfinished(files, folder));
    for (const std::string& name : names) {
      const auto removed = files.remove(unfinished_path(folder, name));
      // Its own job may have removed it meanwhile.
      if (removed.has_error() && !removed.error().is(Errc::not_found)) return removed;
    }
  }
  return {};
}

Result<std::vector<NamedFile>> logs_in(FileSystem& files, const std::string& folder) {
  return list_named(files, folder, kLogPrefix);
}

Result<std::vector<NamedFile>> snapshots_in(FileSystem& files, const std::string& folder) {
  return list_named(files, folder, kSnapshotPrefix);
}

Result<void> replace_file(FileSystem& files, const std::string& directory, const std::string& name,
                          std::string_view content) {
  const std::string path = directory + "/" + name;
  {
    TRY_LET(file, files.open(path + ".tmp", OpenMode::create_empty));
    TRY(file->write_at(0, content));
    TRY(file->sync());
  }
  TRY(files.rename(path + ".tmp", path));
  return files.sync_directory(directory);
}

Result<std::string> read_file(FileSystem& files, const std::string& path, std::size_t bytes_max) {
  // Some files of the system do not tell their size; and `bytes_max` may be far more than there is.
  constexpr std::size_t kPieceBytes = std::size_t{1} << 16;
  TRY_LET(file, files.open(path, OpenMode::read));
  std::string content;
  while (content.size() < bytes_max) {
    const auto begin = content.size();
    content.resize(std::min(begin + kPieceBytes, bytes_max));
    const auto wanted = content.size() - begin;
    TRY_LET(got, file->read_at(begin, content.data() + begin, wanted));
    content.resize(begin + got);
    if (got < wanted) break;
  }
  return content;
}

}  // namespace vivarium::file
