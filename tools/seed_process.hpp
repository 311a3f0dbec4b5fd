#pragma once
// A run of the simulator in a process of its own, so that a failed assertion ends that run and nothing else.

#include "simulator/run.hpp"

#include <functional>
#include <memory>

namespace vivarium::tools {

class SeedProcess {
 public:
  using Work = std::function<simulator::RunResult()>;

  /// Begins at once. Throws std::runtime_error when there is no process to be had.
  explicit SeedProcess(const Work& work);
  ~SeedProcess();
  SeedProcess(const SeedProcess&) = delete;
  SeedProcess& operator=(const SeedProcess&) = delete;

  /// Waits for the end. A run that ended in the midst has one objection, "abort: ", with what it said last.
  simulator::RunResult wait();
  /// Readable when there is something to take; for poll().
  int descriptor() const { return descriptor_; }
  /// Takes what is there. True when the run has ended, and wait() will not block.
  bool take();

 private:
  int process_ = -1;
  int descriptor_ = -1;
  std::string text_;
};

}  // namespace vivarium::tools
