#pragma once
// How much memory the code under test asks for: every `new` is counted, and under the address
// sanitizer every malloc. A hostile length that is believed shows as a peak out of all proportion
// to the input, long before it would hurt.

#include <cstddef>

namespace vivarium::fuzz {

class MemoryGauge {
 public:
  /// Counts from here on.
  MemoryGauge();
  /// The most that was held at once since then, above what was held then.
  std::size_t peak_bytes() const;
  /// Aborts when that is more than `allowed`.
  void check(std::size_t allowed) const;

 private:
  std::size_t begin_;
};

}  // namespace vivarium::fuzz
