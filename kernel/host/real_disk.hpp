#pragma once
// The real Disk: one thread for each lane, on the files of the system.

#include "kernel/host/completions.hpp"
#include "kernel/host/job_queue.hpp"
#include "kernel/host/posix_file_system.hpp"

#include <vivarium/disk.hpp>

#include <thread>

namespace vivarium {

class RealDisk final : public Disk {
 public:
  explicit RealDisk(Loop& loop);
  /// Waits for the jobs that are running.
  ~RealDisk() override;

  void submit(Lane lane, std::function<void(FileSystem&)> job, std::function<void()> done) override;
  FileSystem& blocking() override { return files_; }

 private:
  struct Job {
    std::function<void(FileSystem&)> work;
    std::function<void()> done;
  };
  void run(JobQueue<Job>& jobs);

  /// The log, its record, a snapshot, a directory, and what peers are sent: seldom more at once.
  static constexpr std::size_t kSpareDescriptors = 8;

  PosixFileSystem files_{kSpareDescriptors};
  Completions completions_;
  JobQueue<Job> log_jobs_, bulk_jobs_;
  std::thread log_thread_, bulk_thread_;
};

}  // namespace vivarium
