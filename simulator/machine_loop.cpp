#include "simulator/machine_loop.hpp"

#include <vivarium/assert.hpp>

#include <optional>
#include <utility>

namespace vivarium::simulator {
namespace {

class MachineTimer final : public Timer {
 public:
  MachineTimer(MachineLoop& loop, Task task) : loop_(loop), shared_(std::make_shared<Shared>()) {
    shared_->task = std::move(task);
  }
  ~MachineTimer() override { cancel(); }

  void arm(Micros after) override {
    cancel();
    shared_->event = loop_.schedule(after, "timer", [shared = shared_] {
      shared->event.reset();
      shared->task();
    });
  }
  void cancel() override {
    if (shared_->event) loop_.cancel(*std::exchange(shared_->event, std::nullopt));
  }

 private:
  /// Outlives the timer when its own task destroys it.
  struct Shared {
    Task task;
    std::optional<MachineLoop::TaskId> event;
  };
  MachineLoop& loop_;
  std::shared_ptr<Shared> shared_;
};

}  // namespace

std::int64_t MachineClock::wall_ms() const {
  // The drift of the wall clock is that of the other one.
  const auto ahead = std::chrono::floor<Millis>(now() - world_.now());
  return world_.wall_ms() + (ahead + wall_offset_).count();
}

void MachineClock::set_drift(std::int64_t ppm) {
  at_ = now();
  since_ = world_.now();
  drift_ppm_ = ppm;
}

MachineLoop::MachineLoop(SimulatedLoop& world, const MachineClock& clock, Network& network,
                         HostId host, std::uint64_t seed, ServerWatcher* watcher)
    : world_(world), clock_(clock), network_(network), host_(host), watcher_(watcher),
      generator_(seed) {}

MachineLoop::~MachineLoop() { halt(); }

MachineLoop::TaskId MachineLoop::schedule(MonoTime after, std::string_view note, Task task) {
  if (halted_) return 0;
  const auto id = ++last_task_;
  const auto event = world_.schedule(clock_.in_world(after), note, [this, id] { fire(id); });
  pending_.emplace(id, Pending{event, std::move(task)});
  return id;
}

void MachineLoop::cancel(TaskId task) {
  const auto dropped = pending_.extract(task);
  if (dropped) world_.cancel(dropped.mapped().event);
}

void MachineLoop::enter(Task task) {
  if (halted_) return;
  if (!paused_) return task();
  pending_.emplace(++last_task_, Pending{{}, std::move(task)});
  deferred_.push_back(last_task_);
}

void MachineLoop::fire(TaskId id) {
  if (paused_) return deferred_.push_back(id);
  const auto pending = pending_.extract(id);
  pending.mapped().task();
}

void MachineLoop::resume() {
  if (!std::exchange(paused_, false)) return;
  for (const auto id : std::exchange(deferred_, {}))
    if (const auto found = pending_.find(id); found != pending_.end())
      found->second.event = world_.schedule(MonoTime(0), "resumed", [this, id] { fire(id); });
}

void MachineLoop::halt() {
  halted_ = true;
  // One by one: a task's destructor may cancel others.
  while (!pending_.empty()) cancel(pending_.begin()->first);
}

void MachineLoop::random_bytes(void* bytes, std::size_t size) {
  auto* at = static_cast<unsigned char*>(bytes);
  for (std::size_t i = 0; i < size; ++i) at[i] = static_cast<unsigned char>(generator_() >> 56);
}

std::unique_ptr<Timer> MachineLoop::timer(Task task) {
  return std::make_unique<MachineTimer>(*this, std::move(task));
}

std::unique_ptr<DescriptorWatch> MachineLoop::watch(int, std::function<void(Readiness)>) {
  VIVARIUM_ASSERT(false, "there are no descriptors under simulation");
  return nullptr;
}

MachineLoop& machine_loop(PluginHost& host) { return dynamic_cast<MachineLoop&>(host.loop()); }

void MachineWorkers::submit(std::function<void()> job, std::function<void()> done) {
  const Micros takes(static_cast<std::int64_t>(loop_.random() % 10'000));
  loop_.schedule(takes, "worker", [job = std::move(job), done = std::move(done)] {
    job();
    done();
  });
}

}  // namespace vivarium::simulator
