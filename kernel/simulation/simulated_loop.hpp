#pragma once
// The Loop of the simulator: virtual time that jumps from event to event.
//
// Everything that runs is an event at (virtual time, sequence). A run is a pure function of the
// seed, and the event hash is its fingerprint: equal hashes mean the same events in the same order.

#include <vivarium/loop.hpp>

#include <map>
#include <random>
#include <string_view>
#include <thread>
#include <utility>

namespace vivarium {

class SimulatedLoop final : public Loop {
 public:
  explicit SimulatedLoop(std::uint64_t seed);
  ~SimulatedLoop() override;
  SimulatedLoop(const SimulatedLoop&) = delete;
  SimulatedLoop& operator=(const SimulatedLoop&) = delete;

  /// Identifies a scheduled event until it has run.
  using EventKey = std::pair<MonoTime, std::uint64_t>;

  /// Runs the task `after` from now. The note says what it is, for the event hash.
  EventKey schedule(MonoTime after, std::string_view note, Task task);
  void cancel(const EventKey& event) { events_.erase(event); }

  /// Runs the next event. False when there is none.
  bool step();
  /// Runs events until the predicate holds. False when no event is left or `limit` of virtual time
  /// has passed before it did.
  bool run_until(const std::function<bool()>& predicate, MonoTime limit = std::chrono::hours(1));
  /// Runs everything that happens within `duration`, and lets that much time pass.
  void run_for(MonoTime duration);

  /// Mixes something that happened inside an event into the hash.
  void note(std::string_view what);
  std::uint64_t event_hash() const { return hash_; }
  std::uint64_t events_run() const { return events_run_; }

  /// Sets the wall clock, which then runs on with virtual time.
  void set_wall_ms(std::int64_t wall_ms);

  MonoTime now() const override { return now_; }
  std::int64_t wall_ms() const override;
  std::uint64_t random() override { return generator_(); }
  void random_bytes(void* bytes, std::size_t size) override;
  std::unique_ptr<Timer> timer(Task task) override;
  void post(Task task) override;
  std::unique_ptr<DescriptorWatch> watch(int descriptor,
                                         std::function<void(Readiness)> callback) override;
  bool on_core_thread() const override { return core_thread_ == std::this_thread::get_id(); }

 private:
  struct Event {
    std::string_view note;  ///< A literal.
    Task task;
  };
  void mix(std::uint64_t value);

  std::map<EventKey, Event> events_;
  MonoTime now_{0};
  MonoTime wall_at_zero_;
  std::uint64_t last_sequence_ = 0;
  std::uint64_t events_run_ = 0;
  std::uint64_t hash_ = 0;
  std::mt19937_64 generator_;
  std::thread::id core_thread_ = std::this_thread::get_id();
  bool ending_ = false;
};

}  // namespace vivarium
