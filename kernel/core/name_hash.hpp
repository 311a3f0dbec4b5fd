#pragma once
// The hash of names and paths that clients choose. Keyed, so that nobody outside can make them
// collide; of wyhash's kind: 16 bytes a step are folded by one 64 x 64 -> 128-bit multiplication.

#include <cstdint>
#include <cstring>
#include <string_view>

namespace vivarium {

class NameHash {
 public:
  explicit NameHash(std::uint64_t seed)
      : key_a_(scrambled(seed + kStep)), key_b_(scrambled(seed + 2 * kStep)) {}

  // Both factors hold a secret key: with a known constant in either, names that zero it would all
  // collide.
  std::uint64_t operator()(std::string_view name) const {
    const char* at = name.data();
    std::uint64_t state = name.size();
    for (auto left = name.size(); left > 16; left -= 16, at += 16)
      state = fold(word(at) ^ key_a_, word(at + 8) ^ key_b_ ^ state);
    const auto [low, high] = tail(name);
    state = fold(low ^ key_a_, high ^ key_b_ ^ state);
    return fold(state ^ name.size(), key_a_);
  }

 private:
  struct Words {
    std::uint64_t low, high;
  };
  static constexpr std::uint64_t kStep = 0x9e3779b97f4a7c15u;

  static std::uint64_t word(const char* at) {
    std::uint64_t value;
    std::memcpy(&value, at, sizeof value);
    return value;
  }
  static std::uint64_t half(const char* at) {
    std::uint32_t value;
    std::memcpy(&value, at, sizeof value);
    return value;
  }
  static std::uint64_t byte(char c) { return static_cast<unsigned char>(c); }

  /// The last 16 bytes, or all of a shorter name; the reads may overlap.
  static Words tail(std::string_view name) {
    const auto size = name.size();
    const char* const end = name.data() + size;
    if (size >= 16) return {word(end - 16), word(end - 8)};
    if (size >= 8) return {word(name.data()), word(end - 8)};
    if (size >= 4) return {half(name.data()), half(end - 4)};
    if (size == 0) return {0, 0};
    return {byte(name[0]) << 16 | byte(name[size / 2]) << 8 | byte(name[size - 1]), 0};
  }

  static std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
    __extension__ using Wide = unsigned __int128;
    const auto product = static_cast<Wide>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  }
  static std::uint64_t scrambled(std::uint64_t x) {  // splitmix64's finisher
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
  }

  std::uint64_t key_a_, key_b_;
};

}  // namespace vivarium
