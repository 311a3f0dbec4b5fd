#pragma once
// What goes wrong in a run, decided before it begins from the seed alone, so that one action can be left
// out and the others stay what they were: that is how a failure's trace is shortened.

#include <vivarium/loop.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace vivarium::simulator {

enum class Fault : std::uint8_t {
  kill,             ///< The process dies and is begun again.
  lose_power,       ///< What was not synced goes, or some of it.
  lose_power_at,    ///< In the midst of the disk's work.
  lose_all_power,   ///< Every machine at once.
  wipe,             ///< A machine comes back with an empty disk.
  pause,            ///< A process stands still for a while.
  jump_clock,       ///< The wall clock.
  drift_clock,      ///< All clocks of a machine are fast or slow from now on.
  isolate,          ///< One server and the rest do not reach each other.
  split,            ///< Two parts do not.
  bridge,           ///< Two parts do not, but for one server that reaches all.
  deafen,           ///< One server sends, and hears nothing.
  mute,             ///< One server hears, and what it sends does not arrive.
  one_link,         ///< One direction of one link.
  slow_link,        ///< Both directions of one link.
  cut_client,       ///< One client and one server.
  reset_connection, ///<
  sever_connection, ///< Nothing passes, and nobody is told.
  slow_disk,        ///<
  full_disk,        ///<
  fail_sync,        ///< Every sync fails; the disk is in order again when the process is begun anew.
  fail_operation,   ///< One operation of the disk fails.
  // Of machines again; what was drawn for those above stays what it was.
  lose_power_at_epoch,  ///< When currentEpoch is written next: behind its history, before anybody hears of it.
  relay,            ///< One server is away for long, and another goes as it comes back.
};
inline constexpr std::size_t kFaultCount = static_cast<std::size_t>(Fault::relay) + 1;
std::string_view name_of(Fault fault);

struct FaultAction {
  MonoTime at{};
  Fault fault{};
  std::uint64_t which = 0;  ///< From which machines, links and so on are picked.
  Millis lasts{0};          ///< Until what it did is undone, where it can be.
};
std::string to_text(const FaultAction& action);

struct FaultPlan {
  std::vector<FaultAction> actions;  ///< In the order of their times.
};

/// Which kinds occur at all, and how often, is up to the seed too (swarm testing): a fault that always
/// comes with all the others hides what it would do alone.
FaultPlan make_fault_plan(std::uint64_t seed, MonoTime duration);

}  // namespace vivarium::simulator
