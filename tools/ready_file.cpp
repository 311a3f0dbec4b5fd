#include "tools/ready_file.hpp"

#include <cerrno>
#include <cstdio>
#include <fstream>
#include <system_error>

namespace vivarium::tools {

ReadyFile::ReadyFile(std::string path) : path_(std::move(path)) { remove(); }
ReadyFile::~ReadyFile() { remove(); }

void ReadyFile::remove() {
  if (!path_.empty()) std::remove(path_.c_str());
}

Result<void> ReadyFile::write(const std::vector<std::pair<std::string, std::string>>& addresses) {
  if (path_.empty()) return {};
  const std::string unfinished = path_ + ".tmp";
  {
    std::ofstream file(unfinished);
    for (const auto& [role, address] : addresses) file << role << "=" << address << "\n";
    file.flush();
    if (file && std::rename(unfinished.c_str(), path_.c_str()) == 0) return {};
  }
  const std::string why = std::generic_category().message(errno);
  std::remove(unfinished.c_str());
  return Error(Errc::io_failed, "the ready file " + path_ + " cannot be written (" + why +
                                    "); name a file in a directory that this user may write");
}

}  // namespace vivarium::tools
