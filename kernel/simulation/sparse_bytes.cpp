#include "kernel/simulation/sparse_bytes.hpp"

#include <algorithm>
#include <cstring>

namespace vivarium {

std::size_t SparseBytes::read(std::uint64_t offset, char* into, std::size_t size) const {
  if (offset >= size_) return 0;
  const auto total = static_cast<std::size_t>(std::min<std::uint64_t>(size, size_ - offset));
  for (std::size_t done = 0; done < total;) {
    const auto at = static_cast<std::size_t>((offset + done) % kPageBytes);
    const auto part = std::min<std::size_t>(total - done, kPageBytes - at);
    const auto page = pages_.find((offset + done) / kPageBytes);
    if (page == pages_.end())
      std::memset(into + done, 0, part);
    else
      std::memcpy(into + done, page->second.data() + at, part);
    done += part;
  }
  return total;
}

void SparseBytes::write(std::uint64_t offset, std::string_view bytes) {
  size_ = std::max(size_, offset + bytes.size());
  while (!bytes.empty()) {
    const auto at = static_cast<std::size_t>(offset % kPageBytes);
    const auto part = std::min<std::size_t>(bytes.size(), kPageBytes - at);
    const auto [page, created] = pages_.try_emplace(offset / kPageBytes);
    if (created) page->second.fill(0);
    std::memcpy(page->second.data() + at, bytes.data(), part);
    bytes.remove_prefix(part);
    offset += part;
  }
}

void SparseBytes::resize(std::uint64_t size) {
  if (size < size_) {
    pages_.erase(pages_.lower_bound((size + kPageBytes - 1) / kPageBytes), pages_.end());
    // What a later extension shows must be zeros.
    const auto last = pages_.find(size / kPageBytes);
    if (last != pages_.end())
      std::fill(last->second.begin() + static_cast<std::ptrdiff_t>(size % kPageBytes),
                last->second.end(), '\0');
  }
  size_ = size;
}

}  // namespace vivarium
