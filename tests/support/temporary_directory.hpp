#pragma once
// A directory that goes, with all that is in it, when its object does.

#include <filesystem>
#include <stdexcept>
#include <string>

#include <stdlib.h>

namespace vivarium::test {

class TemporaryDirectory {
 public:
  TemporaryDirectory() : path_(std::filesystem::temp_directory_path() / "vivarium-test-XXXXXX") {
    if (!::mkdtemp(path_.data())) throw std::runtime_error("no temporary directory: " + path_);
    path_ = std::filesystem::canonical(path_);
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace vivarium::test
