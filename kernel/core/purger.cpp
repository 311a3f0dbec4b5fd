#include "kernel/core/purger.hpp"

#include <string>
#include <utility>

namespace vivarium {

void Purger::start() {
  if (rule_.interval <= Millis(0) || std::exchange(started_, true)) return;
  timer_ = loop_.timer([this] { purge(); });
  timer_->arm(rule_.first == PurgeRule::First::at_start ? Millis(0) : rule_.interval);
}

void Purger::hurry() {
  if (timer_ && !running_) timer_->arm(Micros(0));
}

void Purger::purge() {
  running_ = true;
  store_.purge(rule_.snapshots_kept, [this](Result<PurgeReport> outcome) {
    running_ = false;
    tell(outcome);
    if (timer_) timer_->arm(rule_.interval);
  });
}

void Purger::tell(const Result<PurgeReport>& outcome) {
  if (!outcome)
    return log_.warn("old snapshots and logs were not removed: " + outcome.error().what);
  if (outcome->snapshots == 0 && outcome->logs == 0) return;
  log_.info("removed " + std::to_string(outcome->snapshots) + " old snapshots and " +
            std::to_string(outcome->logs) + " old logs, " + std::to_string(outcome->bytes) +
            " bytes");
}

}  // namespace vivarium
