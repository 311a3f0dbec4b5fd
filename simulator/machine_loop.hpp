#pragma once
// The Loop of one process on a simulated machine: a view of the world's loop with the machine's own
// clocks, a generator of its own, and an end of its own.
//
// A paused machine does nothing, and catches up with what came meanwhile when it goes on. When the
// process ends, whatever it had scheduled is gone with it. Time passes on a machine at the machine's
// rate: timers of a slow clock are late, and nobody there can tell.

#include "kernel/simulation/simulated_loop.hpp"
#include "simulator/network.hpp"

#include <vivarium/disk.hpp>
#include <vivarium/loop.hpp>
#include <vivarium/plugin.hpp>
#include <vivarium/workers.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string_view>
#include <vector>

namespace vivarium::simulator {

class ServerWatcher;

/// The clocks of a machine, which outlive its processes.
class MachineClock {
 public:
  explicit MachineClock(SimulatedLoop& world) : world_(world) {}

  MonoTime now() const { return at_ + scaled(world_.now() - since_, kMillion + drift_ppm_, kMillion); }
  std::int64_t wall_ms() const;
  /// How long the world takes for this much time of the machine, at least: whoever waits for a moment
  /// finds that it has come.
  MonoTime in_world(MonoTime duration) const {
    if (drift_ppm_ == 0 || duration <= MonoTime(0)) return duration;
    return scaled(duration, kMillion, kMillion + drift_ppm_) + Micros(2);
  }

  /// Parts in a million by which the clocks are fast, from now on.
  void set_drift(std::int64_t ppm);
  void jump_wall(Millis by) { wall_offset_ += by; }
  /// As somebody would who cares about the time.
  void set_wall_right() { wall_offset_ = Millis(0); }

 private:
  static constexpr std::int64_t kMillion = 1'000'000;
  static MonoTime scaled(MonoTime duration, std::int64_t by, std::int64_t of) {
    const auto micros = std::chrono::duration_cast<Micros>(duration);
    const auto rest = duration - MonoTime(micros);
    return MonoTime(Micros(micros.count() * by / of)) + rest;
  }

  SimulatedLoop& world_;
  MonoTime at_{0}, since_{0};
  std::int64_t drift_ppm_ = 0;
  Millis wall_offset_{0};
};

class MachineLoop final : public Loop {
 public:
  MachineLoop(SimulatedLoop& world, const MachineClock& clock, Network& network, HostId host,
              std::uint64_t seed, ServerWatcher* watcher = nullptr);
  ~MachineLoop() override;
  MachineLoop(const MachineLoop&) = delete;
  MachineLoop& operator=(const MachineLoop&) = delete;

  using TaskId = std::uint64_t;
  /// Runs the task `after` from now, by the machine's clock. The note is for the event hash.
  TaskId schedule(MonoTime after, std::string_view note, Task task);
  void cancel(TaskId task);
  /// Runs the task now, or later if the machine is paused.
  void enter(Task task);

  void pause() { paused_ = true; }
  void resume();
  /// The process has ended: nothing runs any more.
  void halt();

  Network& network() const { return network_; }
  HostId host() const { return host_; }
  /// Who looks on at the doors of the server's plugins; nullptr for nobody.
  ServerWatcher* watcher() const { return watcher_; }

  MonoTime now() const override { return clock_.now(); }
  std::int64_t wall_ms() const override { return clock_.wall_ms(); }
  std::uint64_t random() override { return generator_(); }
  void random_bytes(void* bytes, std::size_t size) override;
  std::unique_ptr<Timer> timer(Task task) override;
  void post(Task task) override { schedule(MonoTime(0), "post", std::move(task)); }
  std::unique_ptr<DescriptorWatch> watch(int descriptor,
                                         std::function<void(Readiness)> callback) override;
  bool on_core_thread() const override { return world_.on_core_thread(); }

 private:
  struct Pending {
    SimulatedLoop::EventKey event;
    Task task;
  };
  void fire(TaskId id);

  SimulatedLoop& world_;
  const MachineClock& clock_;
  Network& network_;
  HostId host_;
  ServerWatcher* watcher_;
  std::mt19937_64 generator_;
  std::map<TaskId, Pending> pending_;
  std::vector<TaskId> deferred_;  ///< Were due while the machine was paused.
  TaskId last_task_ = 0;
  bool paused_ = false;
  bool halted_ = false;
};

/// The loop that a plugin of the simulator was lent.
MachineLoop& machine_loop(PluginHost& host);

/// The disk of a machine as one process sees it: what completes is told on the process's loop.
class MachineDisk final : public Disk {
 public:
  MachineDisk(MachineLoop& loop, Disk& disk) : loop_(loop), disk_(disk) {}
  void submit(Lane lane, std::function<void(FileSystem&)> job, std::function<void()> done) override {
    disk_.submit(lane, std::move(job),
                 [this, done = std::move(done)]() mutable { loop_.enter(std::move(done)); });
  }
  FileSystem& blocking() override { return disk_.blocking(); }

 private:
  MachineLoop& loop_;
  Disk& disk_;
};

/// Workers of one process: a job runs, and ends, at a seeded later time.
class MachineWorkers final : public Workers {
 public:
  explicit MachineWorkers(MachineLoop& loop) : loop_(loop) {}
  void submit(std::function<void()> job, std::function<void()> done) override;

 private:
  MachineLoop& loop_;
};

}  // namespace vivarium::simulator
