#pragma once
// Another's files, to be overridden where a test has them behave in another way.

#include <vivarium/disk.hpp>

namespace vivarium::test {

class ForwardingFiles : public FileSystem {
 public:
  explicit ForwardingFiles(FileSystem& files) : files_(files) {}

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    return files_.open(path, mode);
  }
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override {
    return files_.lock(path);
  }
  Result<void> rename(const std::string& from, const std::string& to) override {
    return files_.rename(from, to);
  }
  Result<void> remove(const std::string& path) override { return files_.remove(path); }
  Result<std::vector<DirectoryEntry>> list(const std::string& directory) override {
    return files_.list(directory);
  }
  Result<void> create_directories(const std::string& directory) override {
    return files_.create_directories(directory);
  }
  bool exists(const std::string& path) override { return files_.exists(path); }
  Result<void> sync_directory(const std::string& directory) override {
    return files_.sync_directory(directory);
  }
  Result<std::uint64_t> free_bytes(const std::string& directory) override {
    return files_.free_bytes(directory);
  }

 private:
  FileSystem& files_;
};

}  // namespace vivarium::test
