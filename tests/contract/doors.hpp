#pragma once
// The doors that each contract suite runs on: the real ones and the simulated ones, under one
// shape.

#include "kernel/host/asio_loop.hpp"
#include "kernel/host/real_disk.hpp"
#include "kernel/host/worker_pool.hpp"
#include "kernel/simulation/simulated_disk.hpp"
#include "kernel/simulation/simulated_loop.hpp"
#include "kernel/simulation/simulated_workers.hpp"

#include <cstdlib>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>

#include <ftw.h>
#include <unistd.h>

namespace vivarium::test {

/// A directory that goes with the object.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    const char* base = std::getenv("TMPDIR");
    path_ = std::string(base ? base : "/tmp") + "/vivarium-test-XXXXXX";
    if (::mkdtemp(path_.data()) == nullptr) throw std::runtime_error("no directory " + path_);
  }
  ~TemporaryDirectory() {
    ::nftw(
        path_.c_str(),
        [](const char* path, const struct stat*, int, FTW*) { return ::remove(path); }, 16,
        FTW_DEPTH | FTW_PHYS);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

struct RealDoors {
  using LoopType = AsioLoop;
  using DiskType = RealDisk;

  TemporaryDirectory temporary;
  std::unique_ptr<AsioLoop> loop = std::make_unique<AsioLoop>();

  std::unique_ptr<RealDisk> disk() { return std::make_unique<RealDisk>(*loop); }
  /// As at the end of a process: what runs ends, what is pending never runs, the files stay.
  void restart(std::unique_ptr<RealDisk>& disk) {
    disk.reset();
    disk = this->disk();
  }
  std::unique_ptr<WorkerPool> workers() { return std::make_unique<WorkerPool>(*loop, 2); }
  bool run_until(const std::function<bool()>& predicate) {
    return loop->run_until(predicate, std::chrono::seconds(60));
  }
  std::string directory() const { return temporary.path(); }
};

struct SimulatedDoors {
  using LoopType = SimulatedLoop;
  using DiskType = SimulatedDisk;

  std::unique_ptr<SimulatedLoop> loop = std::make_unique<SimulatedLoop>(1);

  std::unique_ptr<SimulatedDisk> disk() { return std::make_unique<SimulatedDisk>(*loop); }
  void restart(std::unique_ptr<SimulatedDisk>& disk) {
    disk->files().crash(CrashLoss::nothing);
    disk->files().restart();
  }
  std::unique_ptr<SimulatedWorkers> workers() { return std::make_unique<SimulatedWorkers>(*loop); }
  bool run_until(const std::function<bool()>& predicate) { return loop->run_until(predicate); }
  std::string directory() const { return "/"; }
};

}  // namespace vivarium::test
