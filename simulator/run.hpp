#pragma once
// One run: an ensemble, its clients and their troubles, from a seed; then a time of quiet in which all has to
// come right; and what the checks say.
//
// A run is a function of its seed and of the build: its event hash is its fingerprint.

#include "simulator/faults.hpp"
#include "simulator/probes.hpp"
#include "simulator/topology.hpp"
#include "simulator/trace.hpp"

#include "kernel/host/plugin_loader.hpp"

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

namespace vivarium::simulator {

struct RunSpec {
  std::uint64_t seed = 1;
  Tracing tracing = Tracing::off;
  std::size_t trace_lines = 400;
  std::set<std::size_t> left_out;  ///< Actions of the fault plan that do not happen.
  std::string config;  ///< Further lines of every server's config.
};

struct RunResult {
  std::vector<std::string> objections;  ///< Empty: the run has passed.
  std::uint64_t event_hash = 0;
  std::uint64_t events = 0;
  std::uint64_t transactions = 0;
  std::uint64_t operations = 0;  ///< Answered ones.
  MonoTime lasted{};
  Topology topology;
  FaultPlan plan;
  Probes probes;
  std::vector<std::string> trace;

  bool passed() const { return objections.empty(); }
};

/// `catalogue` has the plugins of production and add_simulator_offers(). Whether it offers `zab` decides
/// between ensembles and a server alone.
RunResult run(const RunSpec& spec, const PluginCatalogue& catalogue);

/// The same with as few faults as still make it fail in the same way, found by leaving out ever smaller
/// parts of the plan. Returns which are left out.
std::set<std::size_t> shorten(const RunSpec& failing, const RunResult& failed,
                              const std::function<RunResult(const RunSpec&)>& run);

}  // namespace vivarium::simulator
