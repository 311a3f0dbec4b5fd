#pragma once
// How much memory is in use, and whether the state may still grow: above the ceiling requests that make
// it larger are refused, and below an eighth less they are taken again. Everything else goes on, deletes
// above all, which are the cure. docs/decisions/memory-ceiling.md says why so.
//
// What is in use is asked of whoever knows, each second and whenever requests of a mebibyte have come.

#include <vivarium/log.hpp>
#include <vivarium/loop.hpp>
#include <vivarium/opcodes.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

namespace vivarium {

class Tree;

class MemoryCeiling {
 public:
  /// Without a ceiling (0), or when nobody knows what is in use (nullptr), nothing is refused.
  MemoryCeiling(Loop& loop, Log& log, std::uint64_t ceiling_bytes,
                std::function<std::uint64_t()> in_use);

  bool reached() const { return reached_; }
  /// As it was last asked for; 0 without a ceiling.
  std::uint64_t in_use_bytes() const { return in_use_bytes_; }
  /// A write of so many bytes was taken on.
  void note_write(std::size_t bytes);

 private:
  void look();
  void tell() const;

  Log& log_;
  const std::uint64_t ceiling_bytes_;
  const std::function<std::uint64_t()> in_use_;
  std::uint64_t in_use_bytes_ = 0;
  std::size_t noted_bytes_ = 0;  ///< Since the last look.
  bool reached_ = false;
  std::unique_ptr<Timer> timer_;
};

/// Can the write make the state larger? `body` is that of a client's request; one that cannot be
/// decoded cannot.
bool makes_state_grow(Op op, std::string_view body, const Tree& tree);

}  // namespace vivarium
