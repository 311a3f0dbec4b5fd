#include "simulator/faults.hpp"

#include <algorithm>
#include <array>
#include <random>

namespace vivarium::simulator {
namespace {

struct Row {
  std::string_view name;
  std::int64_t shortest_ms, longest_ms;
  std::uint32_t most;  ///< In one run.
};

constexpr std::array<Row, kFaultCount> kRows{{
    {"kill", 50, 8'000, 12},
    {"lose_power", 50, 8'000, 12},
    {"lose_power_at", 50, 6'000, 12},
    {"lose_all_power", 50, 3'000, 3},
    {"wipe", 50, 6'000, 1},
    {"pause", 50, 8'000, 6},
    {"jump_clock", 1'000, 20'000, 4},
    {"drift_clock", 5'000, 30'000, 4},
    {"isolate", 200, 12'000, 8},
    {"split", 200, 12'000, 6},
    {"bridge", 200, 12'000, 5},
    {"deafen", 200, 12'000, 5},
    {"mute", 200, 12'000, 5},
    {"one_link", 200, 12'000, 8},
    {"slow_link", 500, 10'000, 6},
    {"cut_client", 200, 8'000, 6},
    {"reset_connection", 0, 0, 20},
    {"sever_connection", 0, 0, 10},
    {"slow_disk", 500, 8'000, 5},
    {"full_disk", 500, 6'000, 3},
    {"fail_sync", 50, 4'000, 3},
    {"fail_operation", 50, 4'000, 3},
    {"lose_power_at_epoch", 50, 6'000, 6},
    {"relay", 3'000, 20'000, 4},
}};

std::int64_t between(std::mt19937_64& generator, std::int64_t least, std::int64_t most) {
  return least + static_cast<std::int64_t>(generator() % static_cast<std::uint64_t>(most - least + 1));
}

}  // namespace

std::string_view name_of(Fault fault) { return kRows[static_cast<std::size_t>(fault)].name; }

std::string to_text(const FaultAction& action) {
  const auto ms = std::chrono::duration_cast<Millis>(action.at).count();
  return std::to_string(ms) + " ms: " + std::string(name_of(action.fault)) + " (" +
         std::to_string(action.which % 1000) + ") for " + std::to_string(action.lasts.count()) + " ms";
}

FaultPlan make_fault_plan(std::uint64_t seed, MonoTime duration) {
  std::mt19937_64 generator(seed);
  FaultPlan plan;
  const bool calm = generator() % 16 == 0;
  for (std::size_t kind = 0; kind < kFaultCount; ++kind) {
    const Row& row = kRows[kind];
    const bool occurs = generator() % 3 == 0 && !calm;
    for (auto count = occurs ? 1 + generator() % row.most : 0; count > 0; --count)
      plan.actions.push_back({MonoTime(between(generator, 0, duration.count())),
                              static_cast<Fault>(kind), generator(),
                              Millis(between(generator, row.shortest_ms, row.longest_ms))});
  }
  std::stable_sort(plan.actions.begin(), plan.actions.end(),
                   [](const auto& a, const auto& b) { return a.at < b.at; });
  return plan;
}

}  // namespace vivarium::simulator
