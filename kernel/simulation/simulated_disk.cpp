#include "kernel/simulation/simulated_disk.hpp"

#include <utility>

namespace vivarium {

SimulatedDisk::SimulatedDisk(SimulatedLoop& loop)
    : loop_(loop), files_([&loop] { return loop.random(); }) {
  files_.on_crash([this] { drop_pending(); });
}

SimulatedDisk::~SimulatedDisk() { drop_pending(); }

void SimulatedDisk::submit(Lane lane, std::function<void(FileSystem&)> job,
                           std::function<void()> done) {
  if (files_.down()) return;
  LaneState& state = lanes_[static_cast<std::size_t>(lane)];
  state.jobs.push_back({std::move(job), std::move(done)});
  if (!state.event) begin(state);
}

MonoTime SimulatedDisk::some_time(std::uint64_t operations) {
  const auto most = static_cast<std::uint64_t>(MonoTime(longest_).count()) * operations + 1;
  return MonoTime(static_cast<std::int64_t>(loop_.random() % most));
}

void SimulatedDisk::begin(LaneState& lane) {
  lane.event = loop_.schedule(some_time(1), "disk job", [this, &lane] { run(lane); });
}

void SimulatedDisk::run(LaneState& lane) {
  // Out of the queue while it runs: a crash inside it empties the queue.
  Job job = std::move(lane.jobs.front());
  const auto before = files_.operations();
  try {
    std::exchange(job.work, nullptr)(files_);
  } catch (const SimulatedCrash&) {
    return;
  }
  lane.jobs.front().done = std::move(job.done);
  const auto takes = some_time(files_.operations() - before);
  lane.event = loop_.schedule(takes, "disk done", [this, &lane] { finish(lane); });
}

void SimulatedDisk::finish(LaneState& lane) {
  const auto done = std::move(lane.jobs.front().done);
  lane.jobs.pop_front();
  lane.event.reset();
  if (!lane.jobs.empty()) begin(lane);
  done();
}

void SimulatedDisk::drop_pending() {
  for (LaneState& lane : lanes_) {
    if (lane.event) loop_.cancel(*lane.event);
    lane.event.reset();
    const auto dropped = std::exchange(lane.jobs, {});
  }
}

}  // namespace vivarium
