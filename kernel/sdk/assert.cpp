#include <vivarium/assert.hpp>

#include <cstdio>
#include <cstdlib>

namespace vivarium {

void assertion_failed(const char* condition, const char* file, int line,
                      std::string_view note) noexcept {
  std::fprintf(stderr, "vivarium: a bug: %s does not hold at %s:%d: %.*s\n", condition, file, line,
               static_cast<int>(note.size()), note.data());
  std::abort();
}

}  // namespace vivarium
