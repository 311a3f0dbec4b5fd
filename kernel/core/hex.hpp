#pragma once
// Numbers as ZooKeeper writes them: hexadecimal, lower case, no leading zeros, two's complement.

#include <charconv>
#include <cstdint>
#include <string>

namespace vivarium {

inline std::string to_hex(std::int64_t value) {
  char text[16];
  const auto end = std::to_chars(text, text + sizeof text, static_cast<std::uint64_t>(value), 16).ptr;
  return {text, end};
}

}  // namespace vivarium
