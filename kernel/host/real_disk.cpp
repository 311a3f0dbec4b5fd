#include "kernel/host/real_disk.hpp"

#include <utility>

namespace vivarium {

RealDisk::RealDisk(Loop& loop)
    : completions_(loop), log_thread_([this] { run(log_jobs_); }),
      bulk_thread_([this] { run(bulk_jobs_); }) {}

RealDisk::~RealDisk() {
  log_jobs_.close();
  bulk_jobs_.close();
  log_thread_.join();
  bulk_thread_.join();
}

void RealDisk::submit(Lane lane, std::function<void(FileSystem&)> job, std::function<void()> done) {
  auto& jobs = lane == Lane::log ? log_jobs_ : bulk_jobs_;
  jobs.push({std::move(job), std::move(done)});
}

void RealDisk::run(JobQueue<Job>& jobs) {
  while (auto job = jobs.pop()) {
    job->work(files_);
    job->work = nullptr;  // Before `done`: what the job owns may be what `done` waits to reuse.
    completions_.add(std::move(job->done));
  }
}

}  // namespace vivarium
