#pragma once
// The epoch files: decimal text, as Java writes them. Runs in jobs.

#include "directories.hpp"

#include <vivarium/log_store.hpp>

namespace vivarium::file {

/// Fails on a file that holds anything but a number.
Result<Epochs> read_epochs(FileSystem& files, const Directories& directories);
/// Durable when it returns.
Result<void> write_epoch(FileSystem& files, const Directories& directories, EpochKind kind,
                         Epoch epoch);

}  // namespace vivarium::file
