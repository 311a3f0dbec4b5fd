#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <utility>

#include <boost/endian/conversion.hpp>

#include <vivarium/assert.hpp>
#include <vivarium/frame_cutter.hpp>

namespace vivarium {
namespace {

constexpr std::size_t kPrefixBytes = 4;
constexpr std::size_t kOwnBytesMin = 256;

std::uint32_t big_endian_at(const char* at) {
  return boost::endian::load_big_u32(reinterpret_cast<const unsigned char*>(at));
}

/// Lengths are signed on the wire: what would be negative is too long under any limit.
std::uint32_t length_max(const Framing& framing) {
  constexpr std::uint32_t kPositiveMax = std::numeric_limits<std::int32_t>::max();
  return std::min(framing.frame_bytes_max, kPositiveMax);
}

}  // namespace

FrameCutter::FrameCutter(FrameArena& arena, Framing framing)
    : arena_(arena), framing_(std::move(framing)), cut_kind_(framing_.kind) {}

std::span<char> FrameCutter::room() {
  enter_arena();
  if (held_bytes() > FrameArena::kRestBytesMax) {
    make_own_room();
    return {end_, own_.get() + own_capacity_};
  }
  move_into_arena();
  return {end_, FrameArena::kReceiveBytes};
}

void FrameCutter::arrived(std::size_t bytes) {
  end_ += bytes;
}

void FrameCutter::leave_arena() {
  arena_.user_ = nullptr;
  if (held_bytes() == 0) return release_own();
  const auto capacity = fitting_capacity();
  if (in_arena_ || capacity != own_capacity_) move_to_own(capacity);
}

void FrameCutter::enter_arena() {
  VIVARIUM_ASSERT(!arena_.user_ || arena_.user_ == this, "two cutters work in one arena at a time");
  arena_.user_ = this;
}

void FrameCutter::move_into_arena() {
  VIVARIUM_ASSERT(!in_arena_, "room() is asked for twice in one turn");
  const auto held = held_bytes();
  if (held > 0) std::memcpy(arena_.bytes_.get(), begin_, held);
  begin_ = arena_.bytes_.get();
  end_ = begin_ + held;
  in_arena_ = true;
}

void FrameCutter::make_own_room() {
  const auto used = static_cast<std::size_t>(end_ - own_.get());
  if (own_capacity_ - used >= own_capacity_ / 4) return;
  move_to_own(std::max(own_capacity_, std::bit_ceil(held_bytes() + held_bytes() / 2)));
}

/// What own_ should hold for the rest: what it has, unless that is too little or idly large.
std::size_t FrameCutter::fitting_capacity() const {
  const auto held = held_bytes();
  const bool idly_large = own_capacity_ > std::max(FrameArena::kRestBytesMax, 4 * held);
  if (own_capacity_ >= held && !idly_large) return own_capacity_;
  return std::bit_ceil(std::max(held, kOwnBytesMin));
}

void FrameCutter::move_to_own(std::size_t capacity) {
  const auto held = held_bytes();
  if (capacity == own_capacity_) {
    std::memmove(own_.get(), begin_, held);
  } else {
    auto other = std::make_unique_for_overwrite<char[]>(capacity);
    std::memcpy(other.get(), begin_, held);
    own_ = std::move(other);
    own_capacity_ = capacity;
  }
  begin_ = own_.get();
  end_ = begin_ + held;
  in_arena_ = false;
}

void FrameCutter::release_own() {
  if (own_capacity_ > FrameArena::kRestBytesMax) {
    own_.reset();
    own_capacity_ = 0;
  }
  begin_ = end_ = own_.get();
  in_arena_ = false;
}

Cut FrameCutter::cut() {
  enter_arena();
  count_ = 0;
  if (at_start_ && framing_.kind == Framing::Kind::length_prefixed &&
      held_bytes() >= kPrefixBytes && cut_first_word())
    return Cut::first_word;
  cut_kind_ = framing_.kind;
  switch (framing_.kind) {
    case Framing::Kind::raw: return whole_as_frame();
    case Framing::Kind::stream: return cut_stream();
    case Framing::Kind::length_prefixed: break;
  }
  return cut_prefixed();
}

bool FrameCutter::cut_first_word() {
  at_start_ = false;
  word_ = big_endian_at(begin_);
  const auto words = std::exchange(framing_.first_words, {});
  if (std::find(words.begin(), words.end(), word_) == words.end()) return false;
  begin_ += kPrefixBytes;
  framing_.kind = Framing::Kind::raw;
  return true;
}

Cut FrameCutter::cut_prefixed() {
  const std::uint32_t longest = length_max(framing_);
  char* at = begin_;
  auto left = held_bytes();
  while (left >= kPrefixBytes && count_ < FrameArena::kFramesMax) {
    const std::uint32_t length = big_endian_at(at);
    if (length > longest) {
      word_ = length;
      return count_ > 0 ? Cut::frames : Cut::too_long;
    }
    if (left - kPrefixBytes < length) break;
    arena_.frames_[count_++] = {at + kPrefixBytes, length};
    at += kPrefixBytes + length;
    left -= kPrefixBytes + length;
  }
  return count_ > 0 ? Cut::frames : Cut::nothing;
}

Cut FrameCutter::cut_stream() {
  if (held_bytes() <= offered_) return Cut::nothing;
  if (offered_ > 0 && offered_ >= framing_.frame_bytes_max) {
    word_ = static_cast<std::uint32_t>(held_bytes());
    return Cut::too_long;
  }
  return whole_as_frame();
}

Cut FrameCutter::whole_as_frame() {
  if (held_bytes() == 0) return Cut::nothing;
  arena_.frames_[0] = {begin_, held_bytes()};
  count_ = 1;
  return Cut::frames;
}

bool FrameCutter::take(std::size_t taken) {
  if (taken > 0) at_start_ = false;
  if (cut_kind_ == Framing::Kind::stream) {
    VIVARIUM_ASSERT(taken <= held_bytes(), "a handler took more bytes than it was given");
    begin_ += taken;
    offered_ = framing_.kind == Framing::Kind::stream ? held_bytes() : 0;
    return true;
  }
  VIVARIUM_ASSERT(taken <= count_, "a handler took more frames than it was given");
  if (taken > 0) {
    const auto& last = arena_.frames_[taken - 1];
    begin_ += (last.data() + last.size()) - begin_;
  }
  return taken == count_;
}

void FrameCutter::set_framing(Framing framing) {
  framing_ = std::move(framing);
  offered_ = 0;
}

}  // namespace vivarium
