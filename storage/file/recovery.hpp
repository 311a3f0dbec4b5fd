#pragma once
// Finds out what is on the disk, and mends what an interrupted write left. Runs in jobs.
// Source: section G.5 of the reference, sections 4.1 and 4.2 of reliability.md (F-3 to F-8).

#include "acknowledged.hpp"
#include "directories.hpp"
#include "history.hpp"

#include <vivarium/log_store.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace vivarium::file {

struct Recovered {
  OpenedLog opened;
  History history;
  std::string snapshot_path;          ///< Of the newest whole one.
  std::vector<Zxid> snapshots;        ///< All by name, in order.
  std::vector<NamedFile> older_logs;  ///< Not read: their records lie below the snapshot.
  std::map<Zxid, Acknowledged> acknowledged;  ///< Of each log, as far as known.
  std::uint64_t log_bytes_total = 0, snapshot_bytes_total = 0;
};

/// Ends an interrupted change, chooses the newest snapshot that is whole, reads the log behind it
/// and cuts off the torn end of the last write. Fails, with a sentence that names file, offset,
/// zxid and cure, when acknowledged history is missing or damaged. What it gives back is durable,
/// and recorded as acknowledged.
Result<Recovered> recover(FileSystem& files, const Directories& directories);

/// Whether the history can end at `zxid` and still be loaded: Errc::out_of_range if not.
Result<void> check_end(FileSystem& files, const Directories& directories, Zxid zxid);

/// Reads the logs below the snapshot, and continues the known run backwards as far as there is no
/// hole. Damage there ends it, and is no failure: nothing that is loaded depends on it.
class OlderLogs {
 public:
  /// `front` is the first file of the known run. The others are those of a Recovered.
  OlderLogs(LogFile front, std::vector<NamedFile> older, std::vector<Zxid> snapshots,
            std::map<Zxid, Acknowledged> acknowledged);

  /// Reads one file; false when it was the last.
  bool read_on(FileSystem& files);
  /// After that: what comes before the front, if anything.
  std::optional<History> run() const;

 private:
  LogFile front_;
  std::vector<NamedFile> logs_;
  HistoryScan scan_;
  std::size_t next_ = 0;
};

}  // namespace vivarium::file
