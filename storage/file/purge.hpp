#pragma once
// The removal of old snapshots and logs. Core thread; what touches files happens in jobs of the
// bulk lane, a portion at a time, so that snapshots and reads that use the lane as well get their
// turn.
//
// Kept are the newest snapshots that are whole, each of them read to its last seal and synced: a
// Java server leaves its own to the system. Of the logs the newest one that begins at or before the
// oldest of these snapshots is kept, and all that begin later. Snapshots go before logs, and the
// oldest first, so that wherever a crash ends it no snapshot is left without the log behind it.
// Source: section G.5 of the reference; S-10 of reliability.md.

#include "file_store.hpp"
#include "snapshot_reader.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace vivarium::file {

class Purge : public std::enable_shared_from_this<Purge> {
 public:
  Purge(FileStore& store, unsigned snapshots_kept, Done<PurgeReport> done)
      : store_(store), on_disk_(store.on_disk_), changes_(store.changes_), kept_(snapshots_kept),
        done_(std::move(done)) {}

  void begin();

 private:
  /// Files by their names, in the order of their zxids.
  struct Names {
    std::vector<NamedFile> snapshots, logs;
    /// Those that can go when the snapshot at `oldest_kept` stays.
    Names below(Zxid oldest_kept) const;
    bool empty() const { return snapshots.empty() && logs.empty(); }
  };
  enum class Verdict : std::uint8_t { whole, damaged, not_yet };
  struct Removed {
    std::uint32_t files = 0;
    std::uint64_t bytes = 0;
  };
  struct Removal {
    Removed snapshots, logs;
    std::optional<Error> stopped_by;
  };

  // In jobs.
  static Result<Names> list(FileSystem& files, const Directories& directories);
  Result<Verdict> read_on(FileSystem& files);
  static Result<void> sync_file(FileSystem& files, const std::string& path);
  Result<Removal> remove(FileSystem& files) const;
  /// Removes one after the other until one cannot be removed.
  static std::optional<Error> remove_named(FileSystem& files, const std::vector<NamedFile>& named,
                                           Removed& removed);

  bool enough_by_name();
  void verify();
  void judged(Verdict verdict);
  void begin_removal(Zxid oldest_kept);
  void removed(const Removal& removal);
  void forget_removed_logs();
  void forget_older_logs();
  void ends(Result<PurgeReport> outcome);

  FileStore& store_;
  std::shared_ptr<OnDisk> on_disk_;
  const std::uint64_t changes_;  ///< Of the history, at the beginning.
  const unsigned kept_;
  Done<PurgeReport> done_;

  Names names_;
  std::size_t next_ = 0;  ///< So many snapshots, from the newest on, have been judged.
  std::vector<Zxid> whole_;
  std::optional<SnapshotReader> reader_;  ///< Used by one job at a time.
  Names going_;
};

}  // namespace vivarium::file
