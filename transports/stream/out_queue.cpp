#include "transports/stream/out_queue.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

namespace vivarium {
namespace {

/// An empty queue gives back memory for more pieces than this.
constexpr std::size_t kIdlePiecesMax = 1024;
constexpr std::size_t kSmallBytes = 2u << 10;
constexpr std::size_t kMergedBytes = 16u << 10;

}  // namespace

void OutQueue::push(SharedBytes bytes) {
  bytes_ += bytes.size();
  small_bytes_ = bytes.size() < kSmallBytes ? small_bytes_ + bytes.size() : 0;
  pieces_.push_back(std::move(bytes));
  if (small_bytes_ >= kMergedBytes) merge_small();
}

/// But for the first piece, of which some may be gone.
void OutQueue::merge_small() {
  small_bytes_ = 0;
  auto begin = pieces_.end();
  std::size_t size = 0;
  while (begin > pieces_.begin() + static_cast<std::ptrdiff_t>(first_) + 1 &&
         (begin - 1)->size() < kSmallBytes)
    size += (--begin)->size();
  if (pieces_.end() - begin < 2) return;
  std::string merged;
  merged.reserve(size);
  for (auto piece = begin; piece != pieces_.end(); ++piece) merged += piece->view();
  *begin = SharedBytes(std::move(merged));
  pieces_.erase(begin + 1, pieces_.end());
}

std::size_t OutQueue::pieces(std::span<std::string_view> pieces) const {
  const auto count = std::min(pieces.size(), piece_count());
  for (std::size_t i = 0; i < count; ++i) pieces[i] = pieces_[first_ + i].view();
  if (count > 0) pieces[0].remove_prefix(offset_);
  return count;
}

std::size_t OutQueue::copy(std::span<char> into) const {
  std::size_t copied = 0;
  std::size_t skip = offset_;
  for (std::size_t i = first_; i < pieces_.size() && copied < into.size(); ++i) {
    const auto piece = pieces_[i].view().substr(skip, into.size() - copied);
    std::memcpy(into.data() + copied, piece.data(), piece.size());
    copied += piece.size();
    skip = 0;
  }
  return copied;
}

void OutQueue::drop(std::size_t bytes) {
  bytes_ -= bytes;
  if (bytes_ == 0) return clear();
  offset_ += bytes;
  while (offset_ >= pieces_[first_].size()) {
    offset_ -= pieces_[first_].size();
    pieces_[first_++] = {};
  }
  if (first_ < pieces_.size() / 2) return;
  pieces_.erase(pieces_.begin(), pieces_.begin() + static_cast<std::ptrdiff_t>(first_));
  first_ = 0;
}

void OutQueue::clear() {
  pieces_.clear();
  if (pieces_.capacity() > kIdlePiecesMax) pieces_.shrink_to_fit();
  first_ = offset_ = bytes_ = small_bytes_ = 0;
}

}  // namespace vivarium
