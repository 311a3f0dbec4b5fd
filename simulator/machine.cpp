#include "simulator/machine.hpp"

#include "simulator/checks/observed_broadcast.hpp"
#include "simulator/network_transport.hpp"

#include <vivarium/abi.hpp>
#include <vivarium/assert.hpp>

#include <stdexcept>
#include <utility>

namespace vivarium::simulator {
namespace {

/// As serves() for plugins, with the descriptor that a library would have.
constexpr PluginInterface kInterfaces[] = {
    serves<Transport, NetworkTransport>("network"),
    serves<Broadcast, ObservedBroadcast>("observed", kObservedOptions),
};
constexpr PluginDescriptor kDescriptor = {
    kPluginMagic, sizeof(PluginDescriptor), 0,           VIVARIUM_ABI_TAG,
    "simulator",  "0.1.0",                  kInterfaces, std::size(kInterfaces)};

std::uint64_t mixed(std::uint64_t seed, std::uint64_t number) {
  std::uint64_t z = seed + number * 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  return z ^ (z >> 31);
}

}  // namespace

void add_simulator_offers(PluginCatalogue& catalogue) {
  for (const PluginInterface& interface : kInterfaces)
    catalogue.add_offer({"simulator", nullptr, &kDescriptor, &interface});
}

struct Machine::Process {
  Process(const World& world, const Machine& machine, Disk& disk)
      : loop(world.loop, machine.clock_, world.network, machine.host_,
             mixed(machine.spec_.seed, machine.incarnation_), machine.watcher_),
        disk(loop, disk),
        workers(loop) {}

  void assemble(const World& world, const MachineSpec& spec, Log& log) {
    Findings findings;
    auto config = ServerConfig::read_text(spec.name, spec.config, spec.id, findings);
    const Plan plan = make_plan(config, world.catalogue, findings);
    if (!findings.errors.empty()) throw std::runtime_error(findings.errors.front());
    assembly.emplace(std::move(config), plan, Doors{loop, disk, workers, log},
                     About{"0.1.0-simulated, built on 01/01/2026 00:00 GMT", {}});
  }

  MachineLoop loop;
  MachineDisk disk;
  MachineWorkers workers;
  std::optional<Assembly> assembly;
};

Machine::Machine(const World& world, MachineSpec spec, Log& log, ServerWatcher* watcher)
    : world_(world),
      spec_(std::move(spec)),
      log_(log),
      watcher_(watcher),
      host_(world.network.add_host(spec_.address)),
      clock_(world.loop),
      disk_(std::make_unique<SimulatedDisk>(world.loop)) {
  listen_to_disk();
}

Machine::~Machine() { end_process(); }

void Machine::start() {
  if (process_) return;
  world_.network.power_back(host_);
  disk_->files().restart();
  ++incarnation_;
  failed_ = false;
  last_failure_.clear();
  process_ = std::make_unique<Process>(world_, *this, *disk_);
  process_->assemble(world_, spec_, log_);
  if (paused_) process_->loop.pause();
  process_->assembly->server().on_fatal([this](const Error& error) { fail(error); });
  process_->assembly->start([this](Result<void> serving) {
    if (!serving) fail(serving.error());
  });
}

/// Nothing that the process has not said yet may be said any more.
void Machine::fail(const Error& error) {
  last_failure_ = error.what;
  log_.error(error.what);
  world_.network.process_ended(host_);
  process_->loop.halt();
  failed_ = true;
}

void Machine::settle() {
  if (process_ && disk_->files().down()) {
    world_.network.power_lost(host_);
    end_process();
  }
  if (std::exchange(failed_, false)) kill();
}

void Machine::kill() {
  if (!process_) return;
  world_.network.process_ended(host_);
  process_->loop.halt();
  if (!disk_->files().down()) disk_->files().kill();
  end_process();
}

void Machine::lose_power(CrashLoss loss) {
  world_.network.power_lost(host_);
  if (process_) process_->loop.halt();
  disk_->files().crash(loss);
  end_process();
}

void Machine::lose_power_at(std::uint64_t operations_from_now, Moment moment, CrashLoss loss) {
  auto& files = disk_->files();
  const auto at = files.operations() + operations_from_now;
  moment == Moment::before ? files.crash_before(at, loss) : files.crash_at(at, loss);
}

void Machine::lose_power_at_epoch(std::uint64_t operations_later, CrashLoss loss) {
  at_operation_ = [this, operations_later, loss, met = false](const std::string& what) mutable {
    if (met || what.find("currentEpoch") == what.npos) return;
    met = true;
    auto& files = disk_->files();
    files.crash_before(files.operations() + operations_later, loss);
  };
}

void Machine::disarm() {
  disk_->files().disarm();
  at_operation_ = {};
}

void Machine::listen_to_disk() {
  disk_->files().on_operation([this](const std::string& what) {
    if (disk_watch_) disk_watch_(what);
    if (at_operation_) at_operation_(what);
  });
}

void Machine::end_process() {
  if (!process_) return;
  process_->loop.halt();
  process_.reset();
}

void Machine::wipe() {
  VIVARIUM_ASSERT(!process_, "a disk is not replaced while its server runs");
  disk_ = std::make_unique<SimulatedDisk>(world_.loop);
  listen_to_disk();
}

void Machine::pause() {
  paused_ = true;
  if (process_) process_->loop.pause();
}

void Machine::resume() {
  paused_ = false;
  if (process_) process_->loop.resume();
}

Server* Machine::server() { return process_ ? &process_->assembly->server() : nullptr; }

}  // namespace vivarium::simulator
