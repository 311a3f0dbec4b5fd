#include "kernel/simulation/simulated_workers.hpp"

#include <utility>

namespace vivarium {

SimulatedWorkers::~SimulatedWorkers() {
  for (const auto& event : pending_) loop_.cancel(event);
}

void SimulatedWorkers::submit(std::function<void()> job, std::function<void()> done) {
  const auto most = static_cast<std::uint64_t>(longest_.count()) + 1;
  const Micros takes(static_cast<std::int64_t>(loop_.random() % most));
  const auto key = std::make_shared<SimulatedLoop::EventKey>();
  *key = loop_.schedule(takes, "worker", [this, key, job = std::move(job), done = std::move(done)] {
    pending_.erase(*key);
    job();
    done();
  });
  pending_.insert(*key);
}

}  // namespace vivarium
