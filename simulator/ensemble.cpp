#include "simulator/ensemble.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace vivarium::simulator {

SimulatedEnsemble::SimulatedEnsemble(std::mt19937_64& generator, Tracing tracing,
                                     std::size_t trace_lines, const PluginCatalogue& catalogue,
                                     Verdict& verdict, Probes& probes)
    : loop(generator()),
      trace(loop, tracing, trace_lines),
      network(loop, generator()),
      world{loop, network, catalogue},
      protocol(verdict, probes, trace) {
  network.set_tap([this](const Line& line, std::size_t from_end, std::string_view bytes) {
    on_bytes(line, from_end, bytes);
  });
}

SimulatedEnsemble::~SimulatedEnsemble() { end(); }

void SimulatedEnsemble::build(const Topology& topology, std::mt19937_64& generator) {
  for (std::int64_t id = 1; id <= topology.servers(); ++id) {
    const auto name = "server " + std::to_string(id);
    logs_.push_back(std::make_unique<TraceLog>(trace, name));
    const auto votes = id <= topology.voters ? ProtocolChecks::Votes::yes : ProtocolChecks::Votes::no;
    machines.push_back(std::make_unique<Machine>(
        world,
        MachineSpec{name, topology.address(id), topology.config(), std::to_string(id), generator()},
        *logs_.back(), &protocol.add_server({id}, votes)));
  }
}

void SimulatedEnsemble::start() {
  for (const auto& machine : machines) machine->start();
}

void SimulatedEnsemble::on_bytes(const Line& line, std::size_t from_end, std::string_view bytes) {
  if (line.ends[1].port != kQuorumPort) return;
  // Machines are the first hosts.
  const auto id = [&](std::size_t end) {
    return ServerId{static_cast<std::int64_t>(line.ends[end].host) + 1};
  };
  protocol.on_quorum_bytes(line.number, id(from_end), id(1 - from_end), from_end == 0, bytes);
}

ServingRole SimulatedEnsemble::role(std::int64_t id) const {
  auto* server = machines[static_cast<std::size_t>(id) - 1]->server();
  return server ? server->view().role() : ServingRole::none;
}

bool SimulatedEnsemble::all_serve(std::optional<std::size_t> but_for) const {
  std::size_t leaders = 0;
  for (std::int64_t id = 1; id <= servers(); ++id) {
    if (but_for == static_cast<std::size_t>(id) - 1) continue;
    const auto does = role(id);
    if (does == ServingRole::none) return false;
    if (does == ServingRole::leader || does == ServingRole::standalone) ++leaders;
  }
  return leaders == 1;
}

bool SimulatedEnsemble::all_agree() const {
  const auto& first = machines.front()->server()->state();
  return std::all_of(machines.begin(), machines.end(), [&](const auto& machine) {
    const auto& state = machine->server()->state();
    return state.last_applied() == first.last_applied() && state.digest() == first.digest();
  });
}

std::string SimulatedEnsemble::roles() const {
  std::string roles;
  for (std::int64_t id = 1; id <= servers(); ++id) {
    auto* server = machines[static_cast<std::size_t>(id) - 1]->server();
    roles += fmt::format("{}{}:{}{}", id > 1 ? " " : "", id, name_of(role(id)),
                         server ? fmt::format("@{:x}", server->state().last_applied().value) : "(down)");
  }
  return roles;
}

}  // namespace vivarium::simulator
