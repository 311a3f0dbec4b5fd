#pragma once
// Where the files lie and what they are called.
//
//     dataDir/version-2/      snapshot.<zxid>[.gz, .snappy],
//                             currentEpoch, acceptedEpoch                      shared with Java
//                             corrupt.snapshot.<zxid>[.gz, .snappy]            ours alone
//     dataLogDir/version-2/   log.<zxid>                                       shared with Java
//     dataDir/vivarium/       lock, change, epochs, format, identity,          ours alone
//                             reserve
//     dataLogDir/vivarium/    acknowledged/; lock, identity, reserve, if it is another directory
//
// Nothing of ours lies in version-2 under a name that Java would take for a log or a snapshot: it
// takes log.<hex>.<anything> for a log.

#include "compression.hpp"

#include <vivarium/disk.hpp>
#include <vivarium/ids.hpp>

#include <string>
#include <vector>

namespace vivarium::file {

/// A log or snapshot by its name.
struct NamedFile {
  Zxid zxid;
  std::string path;
};

class Directories {
 public:
  /// Absolute paths. `data_log_dir` may be empty: then logs lie beside the snapshots.
  Directories(std::string data_dir, std::string data_log_dir);

  const std::string& data_dir() const { return data_dir_; }
  const std::string& data_log_dir() const { return data_log_dir_; }
  bool separate_logs() const { return data_log_dir_ != data_dir_; }
  std::string snapshots() const { return data_dir_ + "/version-2"; }
  std::string logs() const { return data_log_dir_ + "/version-2"; }
  std::string own() const { return data_dir_ + "/vivarium"; }
  std::string own_beside_logs() const { return data_log_dir_ + "/vivarium"; }

  /// Records of what was acknowledged, called as the logs and snapshots that they speak of.
  std::string acknowledged() const { return own_beside_logs() + "/acknowledged"; }

  std::string log_path(Zxid first) const;
  std::string acknowledged_log_path(Zxid first) const;
  std::string snapshot_path(Zxid zxid, Compression compression) const;
  /// Where a snapshot is written before it gets its name.
  std::string unfinished_snapshot_path(Zxid zxid, Compression compression) const;
  /// Where any file is written before it gets its name: no server takes it for a log or snapshot.
  static std::string unfinished_path(const std::string& directory, const std::string& name);

  Result<void> create(FileSystem& files) const;
  /// Refuses logs among the snapshots and snapshots among the logs, as ZooKeeper does: they are the
  /// sign of a dataLogDir that was forgotten or changed.
  Result<void> check_separation(FileSystem& files) const;

  /// In the order of their zxids.
  Result<std::vector<NamedFile>> list_logs(FileSystem& files) const;
  /// Likewise. Of those with the same zxid the one that is not compressed comes last.
  Result<std::vector<NamedFile>> list_snapshots(FileSystem& files) const;
  Result<std::vector<NamedFile>> list_acknowledged_logs(FileSystem& files) const;
  Result<std::vector<NamedFile>> list_acknowledged_snapshots(FileSystem& files) const;
  /// Gives a snapshot that cannot be read a name that no server takes for one, in the same folder,
  /// which may be a file system of its own: Java takes version-2/snapshot.<zxid>.<anything>.
  /// Durable when it returns.
  Result<void> set_aside(FileSystem& files, const NamedFile& snapshot) const;
  std::string set_aside_path(const NamedFile& snapshot) const;
  /// The names that unfinished files are going to have.
  Result<std::vector<std::string>> list_unfinished(FileSystem& files,
                                                    const std::string& directory) const;
  /// Gives an unfinished file its name.
  Result<void> finish(FileSystem& files, const std::string& directory,
                      const std::string& name) const;
  /// Removes what a crash left of unfinished files.
  Result<void> remove_unfinished(FileSystem& files) const;

 private:
  std::string data_dir_, data_log_dir_;
};

/// The logs, and the snapshots, that lie right in a folder, in the order of their zxids.
Result<std::vector<NamedFile>> logs_in(FileSystem& files, const std::string& folder);
Result<std::vector<NamedFile>> snapshots_in(FileSystem& files, const std::string& folder);

/// Writes a small file so that after a crash it has the old content or the new one.
Result<void> replace_file(FileSystem& files, const std::string& directory, const std::string& name,
                          std::string_view content);
/// All of a file, or its first `bytes_max` bytes; Errc::not_found when there is none.
Result<std::string> read_file(FileSystem& files, const std::string& path,
                              std::size_t bytes_max = 4096);

}  // namespace vivarium::file
