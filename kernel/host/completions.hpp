#pragma once
// What worker threads have finished, on its way to the loop. Owned by the door whose threads those
// are, so that what is still pending when the door ends is destroyed with it and not left in the
// loop.

#include <vivarium/loop.hpp>

#include <memory>
#include <mutex>
#include <vector>

namespace vivarium {

class Completions {
 public:
  explicit Completions(Loop& loop) : loop_(loop), queue_(std::make_shared<Queue>()) {}
  ~Completions();
  Completions(const Completions&) = delete;
  Completions& operator=(const Completions&) = delete;

  /// Runs `done` on the core thread, after those added before. Any thread. One task posted to the
  /// loop serves all that gather until it runs.
  void add(Task done);

 private:
  struct Queue {
    std::mutex mutex;
    std::vector<Task> tasks;
    bool closed = false;  ///< Core thread only.
  };
  static void run_all(Queue& queue);

  Loop& loop_;
  std::shared_ptr<Queue> queue_;
};

}  // namespace vivarium
