#pragma once
// What a run of a script may use, and has used: instructions, time, memory. A run that goes beyond
// any of them is cut off, and a cut is final: nothing that the script does can undo it.
//
// Work inside a C function is counted as instructions too, so that no call is cheaper than what it
// burns; so is memory that is asked for, whether or not it is freed again. Time is the last resort
// against what the count misjudges: it is looked at every kHookInterval instructions only, and a
// simulated clock, which stands still during an event, never cuts.

#include <vivarium/loop.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>

#include <lua.hpp>

namespace vivarium::acl_lua {

struct RunBudget {
  std::int64_t instructions;
  Millis time;
};

/// What ended a run before its time.
enum class Cut : std::uint8_t { none, instructions, time, memory, string_size };

/// Bounds what one instruction can cost: comparing two strings, say.
inline constexpr std::size_t kStringBytesMax = 16 << 10;

class Meter {
 public:
  static constexpr int kHookInterval = 100;
  static constexpr std::size_t kBytesPerInstruction = 128;

  /// `memory_bytes_max` is for everything that the lua_State holds.
  Meter(const Loop& loop, std::size_t memory_bytes_max)
      : loop_(loop), memory_bytes_max_(memory_bytes_max) {}

  /// Starts counting. `lua` is the state whose allocator and hook this is.
  void begin(lua_State* lua, const RunBudget& budget);
  void end() { left_ = kUnlimited; }
  /// What cut the last run off.
  Cut cut() const { return cut_; }

  /// False when the run has nothing left: whoever is asked must then call cut_off().
  bool spend(std::size_t instructions) {
    if (static_cast<std::uint64_t>(left_) < instructions) return cut(Cut::instructions);
    left_ -= static_cast<std::int64_t>(instructions);
    return true;
  }
  /// Looks at the clock; false when the run has taken too long.
  bool in_time();

  std::size_t memory_bytes() const { return memory_bytes_; }
  std::size_t memory_bytes_max() const { return memory_bytes_max_; }

  /// The lua_Alloc of the state; `meter` is a Meter.
  static void* allocate(void* meter, void* block, std::size_t old_size, std::size_t new_size);

 private:
  static constexpr std::int64_t kUnlimited = std::numeric_limits<std::int64_t>::max();

  static void on_count(lua_State* lua, lua_Debug*);
  bool may_grow(std::size_t from, std::size_t to, bool string);
  bool cut(Cut why);

  const Loop& loop_;
  const std::size_t memory_bytes_max_;
  std::size_t memory_bytes_ = 0;
  std::int64_t left_ = kUnlimited;
  Millis time_{0};
  std::optional<MonoTime> started_;  ///< At the first look at the clock: short runs never look.
  Cut cut_ = Cut::none;
};

}  // namespace vivarium::acl_lua
