#pragma once
// The calls that a session owes to its user, in order.
//
// What happens to a session adds calls while it is dealt with, and they are made when that is done: no
// user code runs in the middle of it. This object outlives the session in whoever runs it, so that a
// call may destroy the session; the rest are dropped then. On the core thread.

#include <vivarium/loop.hpp>

#include <deque>
#include <memory>

namespace vivarium::client {

class Deliveries : public std::enable_shared_from_this<Deliveries> {
 public:
  explicit Deliveries(Loop& loop) : loop_(loop) {}

  void add(Task call) { calls_.push_back(std::move(call)); }
  /// Makes all calls, those included that are added meanwhile.
  void run();
  /// Has them made from the loop, unless that is under way.
  void run_soon();
  /// Drops what is not made yet.
  void abandon() { calls_.clear(); }

 private:
  Loop& loop_;
  std::deque<Task> calls_;
  bool running_ = false;
  bool posted_ = false;
};

}  // namespace vivarium::client
