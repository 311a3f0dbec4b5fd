#pragma once
// One simulated machine: its disk, its clocks, its place in the network, and the server that runs on it,
// assembled from the plugin libraries of production by a config text.
//
// Only the transports are not those of production: the config says `network` for them, which
// simulator_offers() brings; and storage and broadcast may stand behind decorators that look on
// (simulator/checks).
//
// Everything here is called from events of the world, never from inside the machine's own.

#include "kernel/host/assembly.hpp"
#include "kernel/simulation/simulated_disk.hpp"
#include "simulator/machine_loop.hpp"
#include "simulator/network.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace vivarium::simulator {

/// What all machines of a run share.
struct World {
  SimulatedLoop& loop;
  Network& network;
  const PluginCatalogue& catalogue;
};

struct MachineSpec {
  std::string name;     ///< For people: "server 1".
  std::string address;  ///< What its host is called in the network.
  std::string config;   ///< The text of its zoo.cfg.
  std::string id;       ///< The text of its myid.
  std::uint64_t seed = 0;
};

class Machine {
 public:
  /// What it does is told to `log`, and to `watcher` if there is one; both outlive it.
  Machine(const World& world, MachineSpec spec, Log& log, ServerWatcher* watcher = nullptr);
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  // --- power and process -------------------------------------------------------------------------
  /// Begins the process, and gives power first where there is none.
  void start();
  /// The process dies, as by kill -9.
  void kill();
  /// The machine dies, and what its disk had not synced is lost, or part of it.
  void lose_power(CrashLoss loss);
  /// Power fails in the midst of the disk's work: before the operation so many from now, or behind it.
  enum class Moment : std::uint8_t { before, behind };
  void lose_power_at(std::uint64_t operations_from_now, Moment moment, CrashLoss loss);
  /// Power fails so many operations of the disk behind the first one that next concerns currentEpoch.
  void lose_power_at_epoch(std::uint64_t operations_later, CrashLoss loss);
  /// Takes back what was to happen at an operation of the disk.
  void disarm();
  /// The disk is replaced by an empty one. The process must not run.
  void wipe();
  void pause();
  void resume();
  /// To be called behind each event: takes notice of an end that came from inside.
  void settle();

  bool running() const { return process_ != nullptr; }
  bool paused() const { return paused_; }
  /// The server that runs; nullptr for none. Serving clients is another matter.
  Server* server();
  /// Why the last process ended by itself; empty when it did not.
  const std::string& last_failure() const { return last_failure_; }

  const MachineSpec& spec() const { return spec_; }
  HostId host() const { return host_; }
  MachineClock& clock() { return clock_; }
  SimulatedDisk& disk() { return *disk_; }
  /// Called as each operation of the disk begins, of a later one's too, with what it is.
  void watch_disk(std::function<void(const std::string& what)> callback) {
    disk_watch_ = std::move(callback);
  }

 private:
  struct Process;
  void end_process();
  void fail(const Error& error);
  void listen_to_disk();

  const World world_;
  MachineSpec spec_;
  Log& log_;
  ServerWatcher* watcher_;
  HostId host_;
  MachineClock clock_;
  std::unique_ptr<SimulatedDisk> disk_;
  std::function<void(const std::string&)> disk_watch_;    ///< Of whoever looks on.
  std::function<void(const std::string&)> at_operation_;  ///< Something that is to happen at one.
  std::unique_ptr<Process> process_;
  std::uint64_t incarnation_ = 0;
  bool paused_ = false;
  bool failed_ = false;  ///< The process has ended from inside, and is to be destroyed.
  std::string last_failure_;
};

/// Adds the plugins that only a simulated machine has: the transport `network`, and `observed` for
/// storage and broadcast.
void add_simulator_offers(PluginCatalogue& catalogue);

}  // namespace vivarium::simulator
