#pragma once
// The servers of a run with the world that they live in, and whoever looks on at them.

#include "simulator/checks/protocol_checks.hpp"
#include "simulator/checks/verdict.hpp"
#include "simulator/machine.hpp"
#include "simulator/probes.hpp"
#include "simulator/topology.hpp"
#include "simulator/trace.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace vivarium::simulator {

class SimulatedEnsemble {
 public:
  SimulatedEnsemble(std::mt19937_64& generator, Tracing tracing, std::size_t trace_lines,
                    const PluginCatalogue& catalogue, Verdict& verdict, Probes& probes);
  ~SimulatedEnsemble();
  SimulatedEnsemble(const SimulatedEnsemble&) = delete;
  SimulatedEnsemble& operator=(const SimulatedEnsemble&) = delete;

  /// Sets the machines up. Before anybody else has a host in the network.
  void build(const Topology& topology, std::mt19937_64& generator);
  void start();
  /// The machines go; clients have to be gone by then.
  void end() { machines.clear(); }

  std::int64_t servers() const { return static_cast<std::int64_t>(machines.size()); }
  Machine& machine(std::int64_t id) { return *machines[static_cast<std::size_t>(id) - 1]; }
  const Machine& machine(std::int64_t id) const { return *machines[static_cast<std::size_t>(id) - 1]; }
  /// What a server's process does now, whatever the one before it did.
  ServingRole role(std::int64_t id) const;
  /// There is one leader, and everybody else serves, `but_for` one of the machines.
  bool all_serve(std::optional<std::size_t> but_for = std::nullopt) const;
  /// Everybody has the same state. They must run.
  bool all_agree() const;
  /// What each server does and how far it has come, for people.
  std::string roles() const;

  SimulatedLoop loop;
  Trace trace;
  Network network;
  World world;
  ProtocolChecks protocol;
  std::vector<std::unique_ptr<Machine>> machines;  ///< machines[i] is server i + 1.

 private:
  void on_bytes(const Line& line, std::size_t from_end, std::string_view bytes);

  std::vector<std::unique_ptr<TraceLog>> logs_;
};

}  // namespace vivarium::simulator
