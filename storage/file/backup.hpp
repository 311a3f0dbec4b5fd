#pragma once
// A copy of a data directory from which it can be brought back: to its last transaction, or to an
// earlier one.
//
//     TARGET/manifest     what there is, with sizes and checksums; its presence says: whole
//     TARGET/version-2/   snapshots, logs, epochs
//     TARGET/vivarium/    what is ours alone, but for locks
//     TARGET/myid         if there was one
//
// The server whose directory it is may run on, ours or Java's: no lock is taken. What makes the copy
// one history: snapshots are copied before logs, so that the log goes on behind what a snapshot
// holds; epochs after them, so that none is older than the log; of a log only whole transactions; and
// at the end the last transaction of each file must still lie where it was copied from. When the
// server truncated or purged meanwhile, the attempt fails with Errc::in_use, and another may succeed.

#include "directories.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace vivarium::file {

struct BackupFile {
  std::string name;  ///< "version-2/log.1"
  std::uint64_t bytes = 0;
  std::uint32_t crc = 0;  ///< CRC-32
};

struct Manifest {
  std::string program, made, source;  ///< Version, time and data directory, as text.
  Zxid first;  ///< The oldest zxid that it can be brought back to: that of a snapshot.
  Zxid last;   ///< The newest.
  std::optional<std::uint64_t> digest;  ///< Of the tree at `last`.
  std::vector<BackupFile> files;

  std::uint64_t bytes() const;
};

/// Told how many bytes have been copied or read.
using BytesSeen = std::function<void(std::uint64_t bytes)>;

/// Copies everything but the manifest into `target`, which must be empty or not there, and checks the
/// copy. `snapshots_max`: how many of the newest whole snapshots are taken. Fails with Errc::corrupt
/// when the source is damaged where it matters. A failure leaves at most empty directories.
Result<Manifest> copy_history(FileSystem& files, const Directories& source,
                              const std::string& target, std::size_t snapshots_max,
                              const BytesSeen& seen);
/// Removes a copy that was not sealed.
Result<void> discard_copy(FileSystem& files, const std::string& target);
/// How many bytes copy_history() is going to see, about.
Result<std::uint64_t> bytes_to_copy(FileSystem& files, const Directories& source);

/// Writes the manifest, durably: from then on the backup is one.
Result<void> seal_backup(FileSystem& files, const std::string& target, const Manifest& manifest);

/// Fails when it is not there or was changed.
Result<Manifest> read_manifest(FileSystem& files, const std::string& backup);
/// Compares each file with the manifest.
Result<void> check_files(FileSystem& files, const std::string& backup, const Manifest& manifest,
                         const BytesSeen& seen);

/// Where the logs and snapshots of a backup lie.
Directories backup_directories(const std::string& backup);

/// Copies the first `bytes` bytes of a file, durably but for its name; gives their CRC-32.
Result<std::uint32_t> copy_file(FileSystem& files, const std::string& from, const std::string& to,
                                std::uint64_t bytes, const BytesSeen& seen);

}  // namespace vivarium::file
