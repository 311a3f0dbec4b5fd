#pragma once
// Has the store remove old snapshots and logs, time and again.

#include <vivarium/log.hpp>
#include <vivarium/log_store.hpp>
#include <vivarium/loop.hpp>

#include <memory>

namespace vivarium {

struct PurgeRule {
  enum class First : std::uint8_t { at_start, after_interval };
  Millis interval{0};  ///< 0: never.
  First first = First::at_start;
  unsigned snapshots_kept = 3;
};

class Purger {
 public:
  Purger(Loop& loop, Log& log, LogStore& store, PurgeRule rule)
      : loop_(loop), log_(log), store_(store), rule_(rule) {}

  /// Once the store is open. Calls after the first do nothing.
  void start();
  /// Room is short: does not wait for the interval to pass. Nothing where nothing is to be removed.
  void hurry();
  void stop() { timer_.reset(); }

 private:
  void purge();
  void tell(const Result<PurgeReport>& outcome);

  Loop& loop_;
  Log& log_;
  LogStore& store_;
  PurgeRule rule_;
  std::unique_ptr<Timer> timer_;
  bool started_ = false, running_ = false;
};

}  // namespace vivarium
