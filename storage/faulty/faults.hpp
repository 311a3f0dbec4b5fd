#pragma once
// The script of a faulty store: which of its steps fail, come late or give other bytes.
//
//     fail append 3, delay durable 20ms..80ms, corrupt read, low
//
// Orders are separated by commas. Steps are counted from when the script is taken over; a `fail` or
// `corrupt` strikes once, at the step of its number (the next one when there is none), a `delay`
// stands until the script is replaced. `low` tells of a disk that runs full.

#include <vivarium/loop.hpp>
#include <vivarium/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace vivarium {

enum class FaultAction : std::uint8_t { fail, corrupt, delay, low };

/// What a store does, one step at a time.
enum class FaultStep : std::uint8_t {
  open,
  append,    ///< A call of append(), before the inner store sees it.
  durable,   ///< The event, when the inner store has made the entries durable.
  read,      ///< A read of the log. To corrupt: one that gives entries.
  truncate,
  snapshot,  ///< The commit of a snapshot beside the history.
  install,   ///< The commit of one that replaces it.
  load,      ///< A read from a snapshot. To corrupt: one that gives bytes.
  epoch,
  purge,
  none,
};

std::string_view name_of(FaultAction action);
std::string_view name_of(FaultStep step);

struct FaultOrder {
  FaultAction action = FaultAction::low;
  FaultStep step = FaultStep::none;
  std::uint64_t steps_left = 0;  ///< It strikes when that has come down to 0.
  Micros least{0}, most{0};      ///< Of a delay.

  std::string text() const;
};

class Faults {
 public:
  /// Errc::invalid_argument with a sentence that names the order and what could stand there.
  static Result<Faults> parse(std::string_view script);

  /// Counts a step, and tells whether a fault of this kind strikes at it.
  bool strikes(FaultAction action, FaultStep step);
  /// How late the outcome of a step may come: `most` is zero when it comes at once.
  FaultOrder delay_of(FaultStep step) const;
  /// Whether the disk is said to run full.
  bool low() const;

  const std::vector<FaultOrder>& orders() const { return orders_; }

 private:
  std::vector<FaultOrder> orders_;
};

}  // namespace vivarium
