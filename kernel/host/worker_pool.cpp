#include "kernel/host/worker_pool.hpp"

#include <utility>

namespace vivarium {

WorkerPool::WorkerPool(Loop& loop, unsigned threads) : completions_(loop) {
  for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
}

WorkerPool::~WorkerPool() {
  jobs_.close();
  for (std::thread& thread : threads_) thread.join();
}

void WorkerPool::submit(std::function<void()> job, std::function<void()> done) {
  jobs_.push({std::move(job), std::move(done)});
}

void WorkerPool::run() {
  while (auto job = jobs_.pop()) {
    job->work();
    job->work = nullptr;  // Before `done`: what the job owns may be what `done` waits to reuse.
    completions_.add(std::move(job->done));
  }
}

}  // namespace vivarium
