#pragma once
// Integers as Java writes them.

#include <cstdint>
#include <cstring>
#include <type_traits>

namespace vivarium {

/// Writes an i32 or i64 at `to`; gives the place behind it.
template <class Integer>
char* put_big_endian(char* to, Integer value) {
  static_assert(sizeof value == 4 || sizeof value == 8);
  auto bits = static_cast<std::make_unsigned_t<Integer>>(value);
  if constexpr (sizeof bits == 4)
    bits = __builtin_bswap32(bits);
  else
    bits = __builtin_bswap64(bits);
  std::memcpy(to, &bits, sizeof bits);
  return to + sizeof bits;
}

}  // namespace vivarium
