#pragma once
// The Disk of the simulator. A job runs at one moment of virtual time, a seeded while after its
// turn came, and its completion follows when its operations would have ended.

#include "kernel/simulation/simulated_file_system.hpp"
#include "kernel/simulation/simulated_loop.hpp"

#include <array>
#include <deque>
#include <optional>

namespace vivarium {

class SimulatedDisk final : public Disk {
 public:
  explicit SimulatedDisk(SimulatedLoop& loop);
  ~SimulatedDisk() override;
  SimulatedDisk(const SimulatedDisk&) = delete;
  SimulatedDisk& operator=(const SimulatedDisk&) = delete;

  void submit(Lane lane, std::function<void(FileSystem&)> job, std::function<void()> done) override;
  FileSystem& blocking() override { return files_; }

  /// The files, with their faults and crash points. A crash destroys what is pending unrun, and the
  /// disk takes no job until the files are restarted.
  SimulatedFileSystem& files() { return files_; }

  /// The longest that one operation takes. Default: 100 us.
  void set_longest_operation(Micros longest) { longest_ = longest; }
  Micros longest_operation() const { return longest_; }

 private:
  struct Job {
    std::function<void(FileSystem&)> work;
    std::function<void()> done;
  };
  struct LaneState {
    std::deque<Job> jobs;  ///< The first one is running while `event` is set.
    std::optional<SimulatedLoop::EventKey> event;
  };

  MonoTime some_time(std::uint64_t operations);
  void begin(LaneState& lane);
  void run(LaneState& lane);
  void finish(LaneState& lane);
  void drop_pending();

  SimulatedLoop& loop_;
  SimulatedFileSystem files_;
  Micros longest_ = std::chrono::microseconds(100);
  std::array<LaneState, 2> lanes_;
};

}  // namespace vivarium
