#pragma once
// Brings a data directory back from a backup, so that its history ends at exactly one transaction.
//
// Everything is first written beside its place, under names that no server reads, and checked; then
// one recorded change gives all files their names (change.hpp). A crash before that leaves a directory
// that our server refuses to start on, and that can be restored into again; one after it leaves a
// change that the next start completes, and so does the next restore before anything else.

#include "backup.hpp"
#include "directories.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace vivarium::file {

struct RestorePlan {
  struct Log {
    NamedFile file;
    std::uint64_t bytes = 0;  ///< So much of it lies at or before the end.
  };
  Zxid end;
  std::vector<NamedFile> snapshots;  ///< The last one is what a start begins with.
  std::vector<Log> logs;

  const NamedFile& base() const { return snapshots.back(); }
};

/// Which files of the backup make a history that ends at `end`, with no snapshot above
/// `newest_snapshot`. Errc::out_of_range when it cannot end there.
Result<RestorePlan> plan_restore(FileSystem& files, const std::string& backup, Zxid end,
                                 Zxid newest_snapshot);

/// What becomes of files that are there already.
enum class Existing : std::uint8_t { refuse, replace };

/// Errc::already_exists when something is there that may not be replaced, Errc::in_use when a server
/// runs on the directories. `word` is random text.
Result<void> restore(FileSystem& files, const std::string& backup, const RestorePlan& plan,
                     const Directories& into, Existing existing, const std::string& word,
                     const BytesSeen& seen);

}  // namespace vivarium::file
