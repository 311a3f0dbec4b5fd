#pragma once
// Changes of many files that happen as one: a truncation, the installation of a snapshot, a restore.
//
// The change is first recorded in a file of ours, durably; then it is carried out; then the record
// is removed. A start that finds a record carries the change out again from its beginning, so each
// step can be repeated. Steps are ordered so that a Java server that is started in between finds a
// shorter history, never another one. Runs in jobs of the log lane.

#include "directories.hpp"

namespace vivarium::file {

enum class ChangeKind : std::uint8_t {
  truncate,  ///< Ends the history behind the zxid.
  install,   ///< Makes the unfinished snapshot of this zxid the only thing there is.
  restore,   ///< Gives all unfinished files their names. There are no others.
  replace,   ///< Likewise, when all others have been removed.
};

struct Change {
  ChangeKind kind;
  Zxid zxid;
};

/// Records the change and carries it out.
Result<void> make_change(FileSystem& files, const Directories& directories, const Change& change);

/// Records that files of a restore to `zxid` are being put into empty directories. Until the record is
/// replaced by that of a change, no start may take what is there for all there is; a log without a
/// snapshot keeps Java's from it.
Result<void> announce_restore(FileSystem& files, const Directories& directories, Zxid zxid);
/// Whether the record is one of announce_restore().
Result<bool> restore_announced(FileSystem& files, const Directories& directories);

/// Whether it is that log, by its name.
bool is_guard(const std::string& name);

/// Where a change is recorded.
std::string change_path(const Directories& directories);

/// Carries out what a crash interrupted, if anything. Refuses an announced restore.
Result<void> finish_change(FileSystem& files, const Directories& directories);
/// Gives it up instead: a Java server has continued what the crash left, and was told by a leader
/// how its history goes on. False when nothing of that kind was interrupted.
Result<bool> give_up_change(FileSystem& files, const Directories& directories);

}  // namespace vivarium::file
