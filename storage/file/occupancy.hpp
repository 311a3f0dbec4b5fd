#pragma once
// Keeps two servers off one data directory. Runs in jobs.
//
// Ours take a lock. Java's takes none, and while it is idle it holds no file of the directory open
// either; what shows is its command line, which names its config or its directories. So the lock
// file gets a random word, and a Java server is at work on these directories when that word can be
// read through one that it was told to use. This is best effort: it sees what the system lets it
// see.

#include "directories.hpp"

#include <vivarium/disk.hpp>

#include <memory>
#include <string>
#include <vector>

namespace vivarium::file {

using Locks = std::vector<std::unique_ptr<FileLock>>;

/// Errc::in_use, with a sentence for the operator, when somebody else uses the directories. `word`
/// is random text.
Result<Locks> occupy(FileSystem& files, const Directories& directories, const std::string& word);

}  // namespace vivarium::file
