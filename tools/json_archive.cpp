#include "tools/json_archive.hpp"

#include <cstddef>
#include <cstdint>

namespace vivarium::tools {
namespace {

/// How many bytes the character that begins with `first` has; 0 for a byte that begins none.
std::size_t length_of(unsigned char first) {
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first < 0xE0) return 2;
  if (first >= 0xE0 && first < 0xF0) return 3;
  return first >= 0xF0 && first < 0xF5 ? 4 : 0;
}

/// The least code point that needs so many bytes.
constexpr std::uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};

bool is_character(std::string_view bytes) {
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

}  // namespace

bool is_utf8(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto length = length_of(static_cast<unsigned char>(bytes.front()));
    if (length == 0 || length > bytes.size() || !is_character(bytes.substr(0, length)))
      return false;
    bytes.remove_prefix(length);
  }
  return true;
}

}  // namespace vivarium::tools
