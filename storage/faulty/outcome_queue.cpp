#include "outcome_queue.hpp"

#include <algorithm>
#include <utility>

namespace vivarium {

OutcomeQueue::OutcomeQueue(Loop& loop)
    : loop_(loop), timer_(loop.timer([this] { hand_on(); })) {}

void OutcomeQueue::push(Micros delay, Task outcome) {
  if (delay == Micros(0) && waiting_.empty() && !handing_on_) return outcome();
  const MonoTime behind = waiting_.empty() ? MonoTime(0) : waiting_.back().due;
  waiting_.push_back({std::max(behind, loop_.now() + delay), std::move(outcome)});
  if (waiting_.size() == 1 && !handing_on_) wait();
}

void OutcomeQueue::clear() {
  waiting_.clear();
  timer_->cancel();
}

void OutcomeQueue::hand_on() {
  const std::weak_ptr<void> alive = alive_;
  handing_on_ = true;
  while (!waiting_.empty() && waiting_.front().due <= loop_.now()) {
    const Task outcome = std::move(waiting_.front().outcome);
    waiting_.pop_front();
    outcome();
    if (alive.expired()) return;
  }
  handing_on_ = false;
  if (!waiting_.empty()) wait();
}

void OutcomeQueue::wait() {
  const MonoTime left = waiting_.front().due - loop_.now();
  timer_->arm(std::max(Micros(0), std::chrono::ceil<Micros>(left)));
}

}  // namespace vivarium
