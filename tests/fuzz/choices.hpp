#pragma once
// What the bytes of a fuzzer's input decide, one after the other. Behind their end all is zero, so
// that any input is a whole one.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace vivarium::fuzz {

class Choices {
 public:
  explicit Choices(std::string_view input) : rest_(input) {}

  bool done() const { return rest_.empty(); }
  std::uint8_t byte() {
    if (rest_.empty()) return 0;
    const auto first = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return first;
  }
  std::size_t below(std::size_t count) { return byte() % count; }
  template <class T, std::size_t N>
  const T& one_of(const std::array<T, N>& choices) {
    return choices[below(N)];
  }
  /// As many as are left, at most `size`.
  std::string_view bytes(std::size_t size) {
    const auto taken = rest_.substr(0, size);
    rest_.remove_prefix(taken.size());
    return taken;
  }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

}  // namespace vivarium::fuzz
