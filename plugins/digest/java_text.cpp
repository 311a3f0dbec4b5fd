#include "java_text.hpp"

#include <cstddef>

namespace vivarium {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";

unsigned byte_at(std::string_view bytes, std::size_t i) {
  return static_cast<unsigned char>(bytes[i]);
}

/// How long the character is that starts with `lead`; 0 when none does.
std::size_t length_of(unsigned lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return 2;
  if (lead >= 0xe0 && lead <= 0xef) return 3;
  if (lead >= 0xf0 && lead <= 0xf4) return 4;
  return 0;
}

bool may_be_second(unsigned lead, unsigned second) {
  switch (lead) {
    case 0xe0: return second >= 0xa0 && second <= 0xbf;
    case 0xf0: return second >= 0x90 && second <= 0xbf;
    case 0xf4: return second >= 0x80 && second <= 0x8f;
    default: return (second & 0xc0) == 0x80;
  }
}

/// How many bytes from the start of `rest` belong to its first character, up to `length`.
std::size_t matching_bytes(std::string_view rest, std::size_t length) {
  const auto lead = byte_at(rest, 0);
  std::size_t n = 1;
  while (n < length && n < rest.size()) {
    const auto next = byte_at(rest, n);
    if (n == 1 ? !may_be_second(lead, next) : (next & 0xc0) != 0x80) break;
    ++n;
  }
  return n;
}

bool is_surrogate(std::string_view character) {
  return byte_at(character, 0) == 0xed && byte_at(character, 1) >= 0xa0;
}

}  // namespace

std::string through_java_string(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  while (!bytes.empty()) {
    const auto length = length_of(byte_at(bytes, 0));
    const auto present = matching_bytes(bytes, length);
    const auto character = bytes.substr(0, present);
    const bool whole = present == length && !(length == 3 && is_surrogate(character));
    text += whole ? character : kReplacement;
    bytes.remove_prefix(present);
  }
  return text;
}

}  // namespace vivarium
