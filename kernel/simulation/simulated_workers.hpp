#pragma once
// The Workers of the simulator: a job runs, and ends, at a seeded later time.

#include "kernel/simulation/simulated_loop.hpp"

#include <vivarium/workers.hpp>

#include <memory>
#include <set>

namespace vivarium {

class SimulatedWorkers final : public Workers {
 public:
  explicit SimulatedWorkers(SimulatedLoop& loop) : loop_(loop) {}
  ~SimulatedWorkers() override;
  SimulatedWorkers(const SimulatedWorkers&) = delete;
  SimulatedWorkers& operator=(const SimulatedWorkers&) = delete;

  void submit(std::function<void()> job, std::function<void()> done) override;

  /// The longest that a job takes. Default: 10 ms.
  void set_longest(Micros longest) { longest_ = longest; }

 private:
  SimulatedLoop& loop_;
  Micros longest_ = std::chrono::milliseconds(10);
  std::set<SimulatedLoop::EventKey> pending_;
};

}  // namespace vivarium
