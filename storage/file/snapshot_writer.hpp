#pragma once
// Writes a snapshot file under a name that nobody takes for a snapshot, until it is whole and
// durable. Runs in jobs.

#include "directories.hpp"
#include "format.hpp"

#include <vivarium/bytes.hpp>
#include <vivarium/log_store.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

namespace vivarium::file {

class SnapshotWriter {
 public:
  SnapshotWriter(const Directories& directories, Zxid zxid)
      : directories_(directories), zxid_(zxid) {}

  Result<void> write(FileSystem& files, std::span<const SharedBytes> body);
  /// Seals the body and makes it durable under the unfinished name.
  Result<SnapshotInfo> finish(FileSystem& files, std::optional<std::uint64_t> digest);
  /// Gives it its name, durably.
  Result<void> publish(FileSystem& files);
  /// Removes what was written.
  Result<void> discard(FileSystem& files);

 private:
  Result<void> begin(FileSystem& files);
  Result<void> put(std::string_view bytes);

  const Directories& directories_;
  Zxid zxid_;
  std::unique_ptr<File> file_;
  std::uint64_t position_ = 0, synced_ = 0;
  std::uint32_t checksum_ = kAdlerBegin;
};

}  // namespace vivarium::file
