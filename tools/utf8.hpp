#pragma once
// UTF-8, as Unicode defines it: nothing longer than it must be, no surrogates.

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace vivarium::tools {

namespace utf8 {

/// How many bytes the character that begins with `first` has; 0 for a byte that begins none.
inline std::size_t length_of(unsigned char first) {
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first < 0xE0) return 2;
  if (first >= 0xE0 && first < 0xF0) return 3;
  return first >= 0xF0 && first < 0xF5 ? 4 : 0;
}

inline bool is_character(std::string_view bytes) {
  constexpr std::uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};  // That needs so many bytes.
  if (bytes.size() == 1) return true;
  std::uint32_t point = static_cast<unsigned char>(bytes[0]) & (0xFFu >> (bytes.size() + 1));
  for (const char c : bytes.substr(1)) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0) != 0x80) return false;
    point = point << 6 | (byte & 0x3Fu);
  }
  const bool surrogate = point >= 0xD800 && point < 0xE000;
  return point >= kLeast[bytes.size()] && point < 0x110000 && !surrogate;
}

}  // namespace utf8

/// The character with which `bytes` begins; empty when it begins with none.
inline std::string_view first_character(std::string_view bytes) {
  if (bytes.empty()) return bytes;
  const auto character = bytes.substr(0, utf8::length_of(static_cast<unsigned char>(bytes[0])));
  const bool whole = character.size() == utf8::length_of(static_cast<unsigned char>(bytes[0]));
  return whole && !character.empty() && utf8::is_character(character) ? character
                                                                      : std::string_view();
}

}  // namespace vivarium::tools
