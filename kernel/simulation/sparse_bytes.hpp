#pragma once
// The content of a simulated file. Holes cost nothing, so a log that reserved 64 MiB is cheap.

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <string_view>

namespace vivarium {

class SparseBytes {
 public:
  std::uint64_t size() const { return size_; }
  /// Behind this nothing but zeros was ever written.
  std::uint64_t written_end() const {
    return pages_.empty() ? 0 : std::min(size_, (pages_.rbegin()->first + 1) * kPageBytes);
  }
  /// Reads what lies within the size; the rest of `into` is left alone. Gives the count.
  std::size_t read(std::uint64_t offset, char* into, std::size_t size) const;
  /// Writes, and extends the size when it has to.
  void write(std::uint64_t offset, std::string_view bytes);
  void resize(std::uint64_t size);

 private:
  static constexpr std::uint64_t kPageBytes = 4096;
  using Page = std::array<char, kPageBytes>;
  std::map<std::uint64_t, Page> pages_;  ///< By page number; an absent page is zeros.
  std::uint64_t size_ = 0;
};

}  // namespace vivarium
