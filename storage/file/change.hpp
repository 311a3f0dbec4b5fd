#pragma once
// Changes of many files that happen as one: a truncation, the installation of a snapshot.
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
};

struct Change {
  ChangeKind kind;
  Zxid zxid;
};

/// Records the change and carries it out.
Result<void> make_change(FileSystem& files, const Directories& directories, const Change& change);

/// Carries out what a crash interrupted, if anything.
Result<void> finish_change(FileSystem& files, const Directories& directories);
/// Gives it up instead: a Java server has continued what the crash left, and was told by a leader
/// how its history goes on. False when nothing was interrupted.
Result<bool> give_up_change(FileSystem& files, const Directories& directories);

}  // namespace vivarium::file
