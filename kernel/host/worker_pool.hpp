#pragma once
// The real Workers: a few threads that take jobs from one queue.

#include "kernel/host/completions.hpp"
#include "kernel/host/job_queue.hpp"

#include <vivarium/workers.hpp>

#include <thread>
#include <vector>

namespace vivarium {

class WorkerPool final : public Workers {
 public:
  WorkerPool(Loop& loop, unsigned threads);
  /// Waits for the jobs that are running.
  ~WorkerPool() override;

  void submit(std::function<void()> job, std::function<void()> done) override;

 private:
  struct Job {
    std::function<void()> work, done;
  };
  void run();

  Completions completions_;
  JobQueue<Job> jobs_;
  std::vector<std::thread> threads_;
};

}  // namespace vivarium
