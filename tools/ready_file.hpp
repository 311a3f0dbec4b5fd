#pragma once
// The file by which whoever started a server learns where it serves: one line an address,
// "client=HOST:PORT". It appears whole, once clients are served, and goes with the server.

#include <vivarium/result.hpp>

#include <string>
#include <utility>
#include <vector>

namespace vivarium::tools {

class ReadyFile {
 public:
  explicit ReadyFile(std::string path) : path_(std::move(path)) {}
  ~ReadyFile();
  ReadyFile(const ReadyFile&) = delete;
  ReadyFile& operator=(const ReadyFile&) = delete;

  Result<void> write(const std::vector<std::pair<std::string, std::string>>& addresses);

 private:
  std::string path_;
};

}  // namespace vivarium::tools
