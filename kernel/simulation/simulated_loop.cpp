#include "kernel/simulation/simulated_loop.hpp"

#include <optional>

#include <vivarium/assert.hpp>

namespace vivarium {
namespace {

// Some moment, the same in every run.
constexpr std::int64_t kFirstWallMs = 1'600'000'000'000;

class SimulatedTimer final : public Timer {
 public:
  SimulatedTimer(SimulatedLoop& loop, Task task)
      : loop_(loop), shared_(std::make_shared<Shared>()) {
    shared_->task = std::move(task);
  }
  ~SimulatedTimer() override { cancel(); }

  void arm(Micros after) override {
    cancel();
    shared_->event = loop_.schedule(after, "timer", [shared = shared_] {
      shared->event.reset();
      shared->task();
    });
  }

  void cancel() override {
    if (shared_->event) loop_.cancel(*shared_->event);
    shared_->event.reset();
  }

 private:
  /// Outlives the timer when its own task destroys it.
  struct Shared {
    Task task;
    std::optional<SimulatedLoop::EventKey> event;
  };
  SimulatedLoop& loop_;
  std::shared_ptr<Shared> shared_;
};

}  // namespace

SimulatedLoop::SimulatedLoop(std::uint64_t seed)
    : wall_at_zero_(Millis(kFirstWallMs)), hash_(seed), generator_(seed) {}

SimulatedLoop::~SimulatedLoop() {
  ending_ = true;
  // One by one: a task's destructor may cancel other events.
  while (!events_.empty()) const auto dropped = events_.extract(events_.begin());
}

SimulatedLoop::EventKey SimulatedLoop::schedule(MonoTime after, std::string_view note, Task task) {
  VIVARIUM_ASSERT(on_core_thread(), "the simulated loop has one thread");
  const EventKey key{now_ + std::max(after, MonoTime(0)), ++last_sequence_};
  if (!ending_) events_.emplace(key, Event{note, std::move(task)});
  return key;
}

bool SimulatedLoop::step() {
  if (events_.empty()) return false;
  const auto next = events_.extract(events_.begin());
  now_ = next.key().first;
  ++events_run_;
  mix(static_cast<std::uint64_t>(now_.count()));
  mix(next.key().second);
  note(next.mapped().note);
  next.mapped().task();
  return true;
}

bool SimulatedLoop::run_until(const std::function<bool()>& predicate, MonoTime limit) {
  const MonoTime end = now_ + limit;
  while (!predicate()) {
    if (events_.empty() || events_.begin()->first.first > end) return false;
    step();
  }
  return true;
}

void SimulatedLoop::run_for(MonoTime duration) {
  const MonoTime end = now_ + duration;
  run_until([] { return false; }, duration);
  now_ = end;
}

void SimulatedLoop::note(std::string_view what) {
  for (const char c : what) mix(static_cast<unsigned char>(c));
  mix(what.size());
}

void SimulatedLoop::mix(std::uint64_t value) {
  // splitmix64's finalizer over the running value.
  std::uint64_t z = hash_ + value + 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  hash_ = z ^ (z >> 31);
}

void SimulatedLoop::set_wall_ms(std::int64_t wall_ms) { wall_at_zero_ = Millis(wall_ms) - now_; }

std::int64_t SimulatedLoop::wall_ms() const {
  return std::chrono::floor<Millis>(wall_at_zero_ + now_).count();
}

void SimulatedLoop::random_bytes(void* bytes, std::size_t size) {
  auto* at = static_cast<unsigned char*>(bytes);
  for (std::size_t i = 0; i < size; ++i) at[i] = static_cast<unsigned char>(generator_() >> 56);
}

std::unique_ptr<Timer> SimulatedLoop::timer(Task task) {
  return std::make_unique<SimulatedTimer>(*this, std::move(task));
}

void SimulatedLoop::post(Task task) { schedule(MonoTime(0), "post", std::move(task)); }

std::unique_ptr<DescriptorWatch> SimulatedLoop::watch(int, std::function<void(Readiness)>) {
  VIVARIUM_ASSERT(false, "there are no descriptors under simulation");
  return nullptr;
}

}  // namespace vivarium
