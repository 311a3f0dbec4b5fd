#include "simulator/nemesis.hpp"

#include <string>

namespace vivarium::simulator {
namespace {

constexpr MonoTime kSupervisorWaits = std::chrono::milliseconds(400);
constexpr Micros kUsualOperation{100};
constexpr MonoTime kRelayedAfter = std::chrono::seconds(5);

CrashLoss loss_of(std::uint64_t which) {
  constexpr CrashLoss kLosses[] = {CrashLoss::everything, CrashLoss::something,
                                   CrashLoss::something, CrashLoss::nothing};
  return kLosses[which / 16 % 4];
}

}  // namespace

Nemesis::Nemesis(const Targets& targets)
    : targets_(targets), restarting_(targets.machines.size(), false) {}

void Nemesis::begin(const FaultPlan& plan, const std::set<std::size_t>& left_out) {
  for (std::size_t i = 0; i < plan.actions.size(); ++i) {
    if (left_out.contains(i)) continue;
    targets_.loop.schedule(plan.actions[i].at, "fault", [this, action = plan.actions[i]] {
      if (!over_) carry_out(action);
    });
  }
}

void Nemesis::carry_out(const FaultAction& action) {
  targets_.trace.add("fault", to_text(action));
  targets_.probes.met("fault: " + std::string(name_of(action.fault)));
  const auto server = action.which % targets_.machines.size();
  if (action.fault <= Fault::drift_clock || action.fault >= Fault::lose_power_at_epoch)
    to_machine(action, *targets_.machines[server]);
  else if (action.fault <= Fault::sever_connection) to_network(action, server);
  else to_disk(action, *targets_.machines[server]);
  if (action.lasts.count() > 0)
    targets_.loop.schedule(action.lasts, "undo", [this, action] {
      if (!over_) undo(action);
    });
}

void Nemesis::to_machine(const FaultAction& action, Machine& machine) {
  const auto index = index_of(machine);
  switch (action.fault) {
    case Fault::kill: machine.kill(); break;
    case Fault::lose_power: machine.lose_power(loss_of(action.which)); break;
    case Fault::lose_power_at:
      machine.lose_power_at(1 + action.which / 64 % 300,
                            action.which / 7 % 2 == 0 ? Machine::Moment::before
                                                      : Machine::Moment::behind,
                            loss_of(action.which));
      return;
    case Fault::lose_power_at_epoch:
      return machine.lose_power_at_epoch(action.which / 64 % 8, loss_of(action.which));
    case Fault::relay: return relay(action, index);
    case Fault::lose_all_power:
      for (std::size_t i = 0; i < targets_.machines.size(); ++i) {
        targets_.machines[i]->lose_power(loss_of(action.which + 16 * i));
        restart_after(i, action.lasts + Millis(37) * static_cast<int>(i));
      }
      return;
    case Fault::wipe:
      if (!others_suffice(index)) return;
      machine.kill();
      machine.wipe();
      targets_.protocol.on_wiped({static_cast<std::int64_t>(index) + 1});
      break;
    case Fault::pause: return machine.pause();
    case Fault::jump_clock:
      return machine.clock().jump_wall(Millis(static_cast<std::int64_t>(action.which / 16 % 7'200'000) -
                                              3'600'000));
    case Fault::drift_clock:
      return machine.clock().set_drift(static_cast<std::int64_t>(action.which / 16 % 200'001) - 100'000);
    default: return;
  }
  restart_after(index, action.lasts);
}

void Nemesis::relay(const FaultAction& action, std::size_t index) {
  const auto count = targets_.machines.size();
  const auto other = (index + 1 + action.which / 64 % std::max<std::size_t>(count - 1, 1)) % count;
  targets_.machines[index]->kill();
  restart_after(index, action.lasts);
  targets_.loop.schedule(action.lasts, "relay", [this, other] {
    if (over_) return;
    targets_.machines[other]->kill();
    restart_after(other, kRelayedAfter);
  });
}

/// A server that never took part cannot be told from one whose disk was replaced, and neither may vote: those
/// that have a history must be a majority of the voters without it, or nobody could ever lead again.
bool Nemesis::others_suffice(std::size_t machine) const {
  std::size_t with_history = 0;
  for (std::size_t i = 0; i < targets_.voters; ++i) {
    const ServerId id{static_cast<std::int64_t>(i) + 1};
    if (i != machine && targets_.protocol.durable(id).value > 0) ++with_history;
  }
  return 2 * with_history > targets_.voters;
}

void Nemesis::to_network(const FaultAction& action, std::size_t server) {
  auto& network = targets_.network;
  const auto count = targets_.machines.size();
  const auto other = (server + 1 + action.which / 64 % std::max<std::size_t>(count - 1, 1)) % count;
  switch (action.fault) {
    case Fault::isolate:
      for (std::size_t i = 0; i < count; ++i)
        if (i != server) block_both(host(server), host(i));
      return;
    case Fault::split: return split(action.which / 64, false);
    case Fault::bridge: return split(action.which / 64, true);
    case Fault::deafen:
      for (std::size_t i = 0; i < count; ++i)
        if (i != server) network.block(host(i), host(server));
      return;
    case Fault::mute:
      for (std::size_t i = 0; i < count; ++i)
        if (i != server) network.block(host(server), host(i));
      return;
    case Fault::one_link: return network.block(host(server), host(other));
    case Fault::slow_link:
      for (const auto& [from, to] : {std::pair(server, other), std::pair(other, server)})
        network.set_delay(host(from), host(to), {Millis(20), Millis(800)});
      return;
    case Fault::cut_client:
      if (!targets_.clients.empty())
        block_both(targets_.clients[action.which / 64 % targets_.clients.size()], host(server));
      return;
    case Fault::reset_connection: return network.reset_one(action.which);
    case Fault::sever_connection: return network.sever_one(action.which);
    default: return;
  }
}

void Nemesis::to_disk(const FaultAction& action, Machine& machine) {
  auto& files = machine.disk().files();
  switch (action.fault) {
    case Fault::slow_disk: return machine.disk().set_longest_operation(Millis(200));
    case Fault::full_disk: return files.set_capacity(0);
    case Fault::fail_sync: return files.set_syncs(SimulatedFileSystem::Syncs::fail);
    case Fault::fail_operation: return files.fail_at(files.operations() + 1 + action.which / 64 % 100);
    default: return;
  }
}

/// Links heal all at once, whoever else may have cut them: the next fault cuts others.
void Nemesis::undo(const FaultAction& action) {
  auto& machine = *targets_.machines[action.which % targets_.machines.size()];
  switch (action.fault) {
    case Fault::pause: return machine.resume();
    case Fault::jump_clock: return machine.clock().set_wall_right();
    case Fault::drift_clock: return machine.clock().set_drift(0);
    case Fault::slow_disk: return machine.disk().set_longest_operation(kUsualOperation);
    case Fault::full_disk: return machine.disk().files().set_capacity(std::uint64_t{1} << 50);
    default:
      if (action.fault >= Fault::isolate && action.fault <= Fault::cut_client) targets_.network.heal();
  }
}

void Nemesis::block_both(HostId a, HostId b) {
  targets_.network.block(a, b);
  targets_.network.block(b, a);
}

void Nemesis::split(std::uint64_t which, bool with_bridge) {
  const auto count = targets_.machines.size();
  const auto bridge = which / 128 % count;
  for (std::size_t a = 0; a < count; ++a)
    for (std::size_t b = 0; b < a; ++b) {
      if (with_bridge && (a == bridge || b == bridge)) continue;
      if ((which >> a & 1) != (which >> b & 1)) block_both(host(a), host(b));
    }
}

void Nemesis::restart_after(std::size_t machine, MonoTime after) {
  if (restarting_[machine]) return;
  restarting_[machine] = true;
  targets_.loop.schedule(after, "restart", [this, machine] {
    restarting_[machine] = false;
    recover(*targets_.machines[machine]);
  });
}

void Nemesis::recover(Machine& machine) {
  if (machine.running()) return;
  machine.disarm();
  targets_.trace.add(machine.spec().name, "begins");
  machine.start();
}

void Nemesis::settle() {
  for (std::size_t i = 0; i < targets_.machines.size(); ++i) {
    auto& machine = *targets_.machines[i];
    machine.settle();
    if (machine.running() || restarting_[i]) continue;
    targets_.trace.add(machine.spec().name, "has ended: " + machine.last_failure());
    targets_.probes.met("a process ends from inside");
    restart_after(i, kSupervisorWaits);
  }
}

void Nemesis::end() {
  over_ = true;
  targets_.trace.add("fault", "everything is in order from now on");
  targets_.network.heal();
  for (const auto& machine : targets_.machines) {
    machine->disarm();
    machine->disk().files().set_capacity(std::uint64_t{1} << 50);
    machine->disk().set_longest_operation(kUsualOperation);
    machine->clock().set_drift(0);
    machine->clock().set_wall_right();
    machine->resume();
  }
}

std::size_t Nemesis::index_of(const Machine& machine) const {
  std::size_t index = 0;
  while (targets_.machines[index].get() != &machine) ++index;
  return index;
}

}  // namespace vivarium::simulator
