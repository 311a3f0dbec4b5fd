#pragma once
// How people read a zxid: 0x500000003.

#include <vivarium/ids.hpp>

#include <cstdint>
#include <string>

namespace vivarium::zab {

inline std::string text_of(Zxid zxid) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (auto value = static_cast<std::uint64_t>(zxid.value); value != 0 || text.empty(); value >>= 4)
    text.insert(text.begin(), kDigits[value & 15]);
  return "0x" + text;
}

}  // namespace vivarium::zab
