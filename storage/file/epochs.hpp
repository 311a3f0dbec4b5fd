#pragma once
// The epochs, the two promises of this server to its ensemble. Runs in jobs.
//
//     dataDir/version-2/acceptedEpoch, currentEpoch   decimal text, as Java writes and reads it
//     dataDir/vivarium/epochs                         both, under a checksum
//
// Ours is written first: what Java's files say above it comes from a Java server that ran since, or
// from a changed byte. Which of the two, and what a missing file means, is decided by what else is
// there: decide_epochs() is the whole table.

#include "directories.hpp"
#include "own_file.hpp"

#include <vivarium/log_store.hpp>

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vivarium::file {

/// What was found on the disk.
struct EpochsFound {
  struct Number {
    FileState state = FileState::absent;
    Epoch epoch;
    bool whole() const { return state == FileState::whole; }
  };
  Number accepted, current;  ///< Java's files.
  FileState copy = FileState::absent;
  Epochs ours;           ///< When the copy is whole.
  bool may_vote = true;  ///< Likewise.
  bool claimed = false;  ///< We ran here before: then the copy was written.
};

/// What else tells whether to believe it.
struct EpochWitnesses {
  Zxid last;                  ///< The end of the history.
  bool foreign_logs = false;  ///< There are logs that another server than ours has written.
  bool end_unknown = false;   ///< The newest snapshot lies above it, and cannot be read.
};

struct EpochsDecided {
  Epochs epochs;
  bool may_vote = true;
  /// What is wrong, each a sentence without the names of files.
  std::vector<std::string> findings;
};

EpochsDecided decide_epochs(const EpochsFound& found, const EpochWitnesses& witnesses);

Result<EpochsFound> read_epochs(FileSystem& files, const Directories& directories);

/// Whether a Java server has joined a newer leader since we ran here, as far as decide_epochs()
/// believes it: it may have cut our logs, so how the history ends is no witness here.
bool raised_elsewhere(const EpochsFound& found, const EpochWitnesses& witnesses);

/// Brings all files to what was decided. Durable when it returns.
Result<void> repair_epochs(FileSystem& files, const Directories& directories,
                           const EpochsFound& found, const EpochsDecided& decided);

/// The names of Java's files, in the order in which a copy of a living server's must be taken: the epoch
/// that may not be above the other first.
inline constexpr std::array<std::string_view, 2> kEpochFiles = {"currentEpoch", "acceptedEpoch"};
/// Where our copy lies.
std::string epochs_copy_path(const Directories& directories);
/// Removes Java's files; to be made durable by the caller.
Result<void> remove_epochs(FileSystem& files, const Directories& directories);

/// Durable when it returns.
Result<void> write_epoch(FileSystem& files, const Directories& directories, EpochKind kind,
                         Epoch epoch);

/// Removes our copy, durably: for directories that get another history.
Result<void> forget_epochs(FileSystem& files, const Directories& directories);

}  // namespace vivarium::file
