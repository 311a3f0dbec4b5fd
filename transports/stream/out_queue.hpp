#pragma once
// The bytes that a channel was given to send and the system has not taken yet. Small pieces that stay are
// copied together: each alone takes a hundred bytes of its own.

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include <vivarium/bytes.hpp>

namespace vivarium {

class OutQueue {
 public:
  void push(SharedBytes bytes);
  std::size_t bytes() const { return bytes_; }
  bool empty() const { return bytes_ == 0; }

  /// Points `pieces` at the first queued pieces. Returns how many it filled.
  std::size_t pieces(std::span<std::string_view> pieces) const;
  /// Copies the first queued bytes. Returns how many it copied: all, or what `into` holds.
  std::size_t copy(std::span<char> into) const;
  std::size_t piece_count() const { return pieces_.size() - first_; }

  /// Drops the first `bytes` bytes.
  void drop(std::size_t bytes);
  void clear();

 private:
  void merge_small();

  std::vector<SharedBytes> pieces_;
  std::size_t small_bytes_ = 0;  ///< At most so many in small pieces at the end.
  std::size_t first_ = 0;   ///< Pieces before this one are gone.
  std::size_t offset_ = 0;  ///< Bytes of the first piece that are gone.
  std::size_t bytes_ = 0;
};

}  // namespace vivarium
