#include "kernel/host/process_memory.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

#include <malloc.h>
#include <unistd.h>

/// jemalloc's. Only the program is linked to it; tests and tools have the system's allocator.
extern "C" int mallctl(const char* name, void* old_value, std::size_t* old_size, void* new_value,
                       std::size_t new_size) __attribute__((weak));

namespace vivarium {
namespace {

namespace fs = std::filesystem;

/// Nothing stands for no limit: "max", or no such file.
std::uint64_t limit_in(const fs::path& file, std::uint64_t otherwise) {
  std::ifstream in(file);
  std::uint64_t bytes = 0;
  return in >> bytes ? std::min(bytes, otherwise) : otherwise;
}

/// The least limit of the group and of those that it is in.
std::uint64_t least_limit(const fs::path& root, fs::path group, const char* file,
                          std::uint64_t otherwise) {
  for (;; group = group.parent_path()) {
    otherwise = limit_in(root / group.relative_path() / file, otherwise);
    if (!group.has_relative_path()) return otherwise;
  }
}

}  // namespace

std::uint64_t allocated_bytes() {
  if (!mallctl) return ::mallinfo2().uordblks + ::mallinfo2().hblkhd;
  std::uint64_t epoch = 1;  // The figures are those of the last time that it was written.
  mallctl("epoch", nullptr, nullptr, &epoch, sizeof epoch);
  std::size_t bytes = 0, size = sizeof bytes;
  return mallctl("stats.allocated", &bytes, &size, nullptr, 0) == 0 ? bytes : 0;
}

std::uint64_t process_memory_bytes() {
  const auto pages = ::sysconf(_SC_PHYS_PAGES), page = ::sysconf(_SC_PAGESIZE);
  if (pages <= 0 || page <= 0) return 0;
  auto least = static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page);
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {  // "0::/system.slice", "4:memory:/x"
    const auto first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const auto controllers = line.substr(first + 1, second - first - 1);
    const fs::path group = line.substr(second + 1);
    if (controllers.empty()) least = least_limit("/sys/fs/cgroup", group, "memory.max", least);
    if (("," + controllers + ",").find(",memory,") != std::string::npos)
      least = least_limit("/sys/fs/cgroup/memory", group, "memory.limit_in_bytes", least);
  }
  return least;
}

}  // namespace vivarium
