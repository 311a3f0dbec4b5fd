#pragma once
// Does to an ensemble what a fault plan says, undoes it in time, and begins processes that have ended anew.

#include "simulator/checks/protocol_checks.hpp"
#include "simulator/faults.hpp"
#include "simulator/machine.hpp"
#include "simulator/probes.hpp"
#include "simulator/trace.hpp"

#include <cstdint>
#include <memory>
#include <set>
#include <vector>

namespace vivarium::simulator {

class Nemesis {
 public:
  struct Targets {
    SimulatedLoop& loop;
    Network& network;
    std::vector<std::unique_ptr<Machine>>& machines;  ///< machines[i] is server i + 1.
    std::size_t voters;                               ///< The first ones; the others observe.
    std::vector<HostId> clients;
    ProtocolChecks& protocol;
    Trace& trace;
    Probes& probes;
  };
  explicit Nemesis(const Targets& targets);

  /// Schedules the plan, but for the actions whose numbers are in `left_out`.
  void begin(const FaultPlan& plan, const std::set<std::size_t>& left_out);
  /// Everything is in order from now on.
  void end();
  /// Behind each event: what ended from inside begins anew.
  void settle();

 private:
  void carry_out(const FaultAction& action);
  void to_machine(const FaultAction& action, Machine& machine);
  void relay(const FaultAction& action, std::size_t index);
  bool others_suffice(std::size_t machine) const;
  void to_network(const FaultAction& action, std::size_t server);
  void to_disk(const FaultAction& action, Machine& machine);
  void undo(const FaultAction& action);
  void restart_after(std::size_t machine, MonoTime after);
  void block_both(HostId a, HostId b);
  void split(std::uint64_t which, bool with_bridge);
  void recover(Machine& machine);
  std::size_t index_of(const Machine& machine) const;
  HostId host(std::size_t machine) const { return targets_.machines[machine]->host(); }

  Targets targets_;
  std::vector<bool> restarting_;
  bool over_ = false;
};

}  // namespace vivarium::simulator
