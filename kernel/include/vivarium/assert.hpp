#pragma once
// Checks for bugs. They stay on in release builds: a server that has lost track of its own state must
// stop before it says another word to a client.

#include <string_view>

namespace vivarium {

/// Prints the failed condition, its place and the note to standard error and aborts.
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line,
                                   std::string_view note) noexcept;

}  // namespace vivarium

/// Aborts with `note` unless `condition` holds. Both are evaluated at most once, the note only on failure.
#define VIVARIUM_ASSERT(condition, note)                                          \
  do {                                                                            \
    if (!(condition)) [[unlikely]]                                                \
      ::vivarium::assertion_failed(#condition, __FILE__, __LINE__, (note));       \
  } while (false)
