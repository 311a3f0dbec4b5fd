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
  /// Removes what an earlier server left. An empty path: nobody wants to know.
  explicit ReadyFile(std::string path);
  ~ReadyFile();
  ReadyFile(const ReadyFile&) = delete;
  ReadyFile& operator=(const ReadyFile&) = delete;

  Result<void> write(const std::vector<std::pair<std::string, std::string>>& addresses);

 private:
  void remove();

  std::string path_;
};

}  // namespace vivarium::tools
