#pragma once
// The files of the system. Any thread may use it.

#include "kernel/host/spare_descriptors.hpp"

#include <vivarium/disk.hpp>

#include <memory>

namespace vivarium {

class PosixFileSystem final : public FileSystem {
 public:
  /// Keeps so many descriptors back for its files, whatever else the process has open.
  explicit PosixFileSystem(std::size_t spare_descriptors = 0);

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override;
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<void> remove(const std::string& path) override;
  Result<std::vector<DirectoryEntry>> list(const std::string& directory) override;
  Result<void> create_directories(const std::string& directory) override;
  bool exists(const std::string& path) override;
  Result<void> sync_directory(const std::string& directory) override;
  Result<std::uint64_t> free_bytes(const std::string& directory) override;

 private:
  std::shared_ptr<SpareDescriptors> spare_;  ///< Its files may outlive this.
};

}  // namespace vivarium
