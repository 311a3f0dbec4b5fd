#pragma once
// Reads the body of a snapshot file, checking its seals on the way. Runs in jobs.
//
// Nothing in the file says where the body ends and which trailers follow: that depends on the
// version and settings of the server that wrote it. The last bytes are held back until the checksum
// of all before them is known, which only one reading of them can match. Where they begin is known
// at the end only: a compressed file does not say how long it is.

#include "compression.hpp"
#include "directories.hpp"
#include "format.hpp"

#include <vivarium/bytes.hpp>
#include <vivarium/log_store.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace vivarium::file {

class SnapshotReader {
 public:
  static Result<SnapshotReader> open(FileSystem& files, const NamedFile& snapshot);

  /// The next piece of the body, empty at the end. A snapshot that is not whole fails at the latest
  /// instead of the last piece.
  Result<SharedBytes> next();

  /// After the end: what the file says about itself.
  const SnapshotInfo& info() const { return info_; }

 private:
  SnapshotReader(std::unique_ptr<UnpackedFile> file, NamedFile snapshot, std::uint64_t bytes);
  Result<void> read_header();
  Result<void> fill(std::size_t bytes);
  Result<SharedBytes> last_piece();
  bool trailers_match(std::string_view trailers, std::uint32_t checksum);
  Error corrupt(const std::string& what) const;

  std::unique_ptr<UnpackedFile> file_;
  NamedFile snapshot_;
  SnapshotInfo info_;
  std::string window_;                    ///< Read, and not given out.
  std::uint32_t checksum_ = kAdlerBegin;  ///< Of what was given out, and the header.
  bool ended_ = false;
};

/// Reads all of a snapshot: what it says about itself, or what is wrong with it.
Result<SnapshotInfo> verify_snapshot(FileSystem& files, const NamedFile& snapshot);

}  // namespace vivarium::file
