#pragma once
// Writes a snapshot file under a name that nobody takes for a snapshot, until it is whole and
// durable. Runs in jobs.

#include "compression.hpp"
#include "directories.hpp"
#include "format.hpp"

#include <vivarium/bytes.hpp>
#include <vivarium/log_store.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace vivarium::file {

class SnapshotWriter {
 public:
  SnapshotWriter(const Directories& directories, Zxid zxid,
                 Compression compression = Compression::none)
      : directories_(directories), zxid_(zxid), compression_(compression),
        compressor_(make_compressor(compression)) {}

  Result<void> write(FileSystem& files, std::span<const SharedBytes> body);
  /// Seals the body and makes it durable under the unfinished name.
  Result<SnapshotInfo> finish(FileSystem& files, std::optional<std::uint64_t> digest);
  /// Gives it its name, durably.
  Result<void> publish(FileSystem& files);
  /// Removes what was written.
  Result<void> discard(FileSystem& files);

  /// What failed was a sync: after that no more can be believed of the disk than that it failed.
  bool sync_failed() const { return sync_failed_; }
  std::string path() const { return directories_.snapshot_path(zxid_, compression_); }

 private:
  Result<void> begin(FileSystem& files);
  Result<void> put(std::string_view bytes);
  Result<void> store(std::string_view packed);
  Result<void> finish_stream();
  Result<void> noting_sync(Result<void> synced);
  std::string unfinished_path() const {
    return directories_.unfinished_snapshot_path(zxid_, compression_);
  }

  const Directories& directories_;
  Zxid zxid_;
  Compression compression_;
  std::unique_ptr<Compressor> compressor_;
  std::string packed_;
  std::unique_ptr<File> file_;
  std::uint64_t position_ = 0, synced_ = 0;
  std::uint32_t checksum_ = kAdlerBegin;  ///< Of the bytes before they are packed.
  bool sync_failed_ = false;
};

}  // namespace vivarium::file
