#pragma once
// Hours of an ensemble as it is by default, with a fault a minute and a light, steady load; and for each time
// in which clients were not answered, what has forced it.
//
// Each server has a client of its own, which goes to no other: what a client could get that picks the right
// one is what any of them gets. That is the availability of the ensemble. Clients that may use any server come
// with them. An outage that no fault forces, or that lasts longer than that fault forces it, is an objection
// . Those others may be without answers for as long as they wait for a server of theirs as well, but no
// longer.
//
// The checks of other runs hold as well. What clients saw is judged hour by hour, when all has come to rest
// for a moment between two faults; what has been judged is forgotten.

#include "simulator/checks/availability.hpp"
#include "simulator/checks/explanations.hpp"
#include "simulator/faults.hpp"
#include "simulator/probes.hpp"
#include "simulator/topology.hpp"
#include "simulator/trace.hpp"

#include "kernel/host/plugin_loader.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

namespace vivarium::simulator {

struct HoursSpec {
  std::uint64_t seed = 1;
  MonoTime lasts = std::chrono::hours(24);
  Tracing tracing = Tracing::off;
  std::size_t trace_lines = 400;
  std::set<std::size_t> left_out;  ///< Faults that do not happen.
  std::string config;              ///< Further lines of every server's config.
  /// Told what happens as it happens: for whoever waits.
  std::function<void(const std::string& line)> tell = [](const auto&) {};
};

struct ExplainedOutage {
  Outage outage;
  MonoTime allowed{};  ///< How long it could have been.
  std::vector<std::string> why;
};

/// What clients got of one kind.
struct ServiceFigures {
  std::string name;  ///< "writes"
  MonoTime measured{}, without{}, longest{};
  std::int64_t seconds_without = 0;  ///< Whole ones in which nothing was answered.
  std::uint64_t answered = 0;  ///< Of all clients.
  std::vector<ExplainedOutage> outages;

  double percent() const {
    const auto all = std::max(measured, MonoTime(1));
    return 100.0 * static_cast<double>((all - without).count()) / static_cast<double>(all.count());
  }
};

struct HoursResult {
  std::vector<std::string> objections;  ///< Empty: the run has passed.
  std::vector<ServiceFigures> services;  ///< Of the ensemble: what anybody at all got.
  std::vector<ServiceFigures> roamers;   ///< What single clients got that may use any server, added up.
  std::uint64_t event_hash = 0, events = 0, transactions = 0, operations = 0, leaders = 0;
  std::uint64_t judged = 0;  ///< How often what clients saw was judged.
  MonoTime lasted{};
  Topology topology;
  FaultPlan plan;
  Probes probes;
  std::vector<std::string> trace;

  bool passed() const { return objections.empty(); }
};

/// One fault in each minute but the first, of any kind, over within the minute.
FaultPlan make_steady_fault_plan(std::uint64_t seed, MonoTime duration);

HoursResult run_hours(const HoursSpec& spec, const PluginCatalogue& catalogue);

}  // namespace vivarium::simulator
