#pragma once
// Finds out what is on the disk, and mends what an interrupted write left. Runs in jobs.
// Source: section G.5 of the reference, sections 4.1 and 4.2 of reliability.md (F-3 to F-8).

#include "acknowledged.hpp"
#include "directories.hpp"
#include "history.hpp"

#include <vivarium/log_store.hpp>

#include <cstdint>
#include <map>
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

/// Reads the older logs, and continues the run of `recovered` backwards as far as there is no hole.
/// Damage there ends it, and is no failure: nothing that is loaded depends on it.
History extend_back(FileSystem& files, const Recovered& recovered);

}  // namespace vivarium::file
