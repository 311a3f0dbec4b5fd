#include "kernel/host/completions.hpp"

#include <utility>

namespace vivarium {

Completions::~Completions() {
  queue_->closed = true;
  std::vector<Task> dropped;
  const std::lock_guard lock(queue_->mutex);
  dropped.swap(queue_->tasks);
}

void Completions::add(Task done) {
  {
    const std::lock_guard lock(queue_->mutex);
    queue_->tasks.push_back(std::move(done));
    if (queue_->tasks.size() > 1) return;
  }
  loop_.post([queue = queue_] { run_all(*queue); });
}

void Completions::run_all(Queue& queue) {
  std::vector<Task> tasks;
  {
    const std::lock_guard lock(queue.mutex);
    tasks.swap(queue.tasks);
  }
  for (Task& task : tasks) {
    if (queue.closed) return;  // One of these ended the door.
    std::exchange(task, nullptr)();
  }
}

}  // namespace vivarium
