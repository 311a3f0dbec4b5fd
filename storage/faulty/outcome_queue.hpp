#pragma once
// Outcomes on their way out of a faulty store: in the order in which they came, each not before its
// time. One that is not delayed, and has none before it, passes at once.

#include <vivarium/loop.hpp>

#include <deque>
#include <memory>

namespace vivarium {

class OutcomeQueue {
 public:
  explicit OutcomeQueue(Loop& loop);

  void push(Micros delay, Task outcome);
  /// Forgets what has not been handed on.
  void clear();

 private:
  struct Waiting {
    MonoTime due;
    Task outcome;
  };
  void hand_on();
  void wait();

  Loop& loop_;
  std::deque<Waiting> waiting_;
  std::unique_ptr<Timer> timer_;
  bool handing_on_ = false;
  /// An outcome may destroy the queue.
  std::shared_ptr<void> alive_ = std::make_shared<int>();
};

}  // namespace vivarium
