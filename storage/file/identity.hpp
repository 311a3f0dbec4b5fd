#pragma once
// Whose directories these are, and in which format our own files in them are.
//
//     dataDir/vivarium/format        the version of all our files here
//     dataDir/vivarium/identity      the server they belong to: its myid, once it has one, and a
//     dataLogDir/vivarium/identity   random word; both directories of a server have the same word
//
// A server that stands alone has no myid; when it becomes a member of an ensemble, the id is
// written down at the first start with one. docs/own-files.md has the rules. Runs in jobs.

#include "directories.hpp"

#include <vivarium/log_store.hpp>

#include <string>
#include <vector>

namespace vivarium::file {

struct Identity {
  std::string server;  ///< As in the file myid; empty: it has stood alone so far.
  std::string word;
  std::vector<Damage> damage;  ///< What was wrong with our files, and does no harm.
};

/// Refuses directories of another server, or of a newer release, and a dataLogDir that lacks the
/// logs that were in it. Changes nothing. `word` is random text, for directories that have none.
Result<Identity> identify(FileSystem& files, const Directories& directories,
                          const std::string& word);

/// From here on the directories are ours: writes what is missing, in the format of this release.
Result<void> claim(FileSystem& files, const Directories& directories, const Identity& identity);

/// Whether claim() was ever called here.
bool is_claimed(FileSystem& files, const Directories& directories);

/// Forgets everything that our files say of the history: for directories that get another one.
/// Durable when it returns, and can be repeated.
Result<void> disclaim(FileSystem& files, const Directories& directories);

}  // namespace vivarium::file
