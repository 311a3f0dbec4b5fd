#include "history.hpp"

#include <vivarium/assert.hpp>

#include <algorithm>
#include <vector>

namespace vivarium::zab {

History::History(const BroadcastParts& parts, const PutBack& put_back)
    : put_back_(put_back),
      state_(parts.state),
      log_(parts.log),
      last_logged_(parts.opened.last_durable),
      last_durable_(parts.opened.last_durable) {}

bool History::continues(Zxid zxid) const {
  if (zxid.epoch() == last_logged_.epoch()) return zxid == last_logged_.next();
  return zxid.epoch() > last_logged_.epoch() && zxid.counter() == 1;
}

void History::append(std::span<const LogEntry> entries) {
  if (entries.empty()) return;
  for (const auto& entry : entries) {
    VIVARIUM_ASSERT(entry.zxid > last_logged_, "the history would go back");
    last_logged_ = entry.zxid;
    unapplied_.push_back(entry);
  }
  if (loses_) return on_durable(last_logged_);
  log_.append(entries);
}

void History::on_durable(Zxid zxid) {
  // What was discarded by a truncation may still be reported from before it.
  last_durable_ = std::max(last_durable_, std::min(zxid, last_logged_));
}

void History::apply(Zxid committed,
                    const std::function<void(std::span<const LogEntry>)>& applied) {
  const auto end =
      put_back_.has_bug(Bug::zk4882) ? committed : std::min(committed, last_durable_);
  std::vector<LogEntry> batch;
  while (!unapplied_.empty() && unapplied_.front().zxid <= end) {
    batch.push_back(std::move(unapplied_.front()));
    unapplied_.pop_front();
  }
  if (batch.empty()) return;
  applied(batch);
  state_.apply(batch);
}

void History::truncate(Zxid zxid, Done<void> done) {
  while (!unapplied_.empty() && unapplied_.back().zxid > zxid) unapplied_.pop_back();
  Done<void> guarded = [alive = std::weak_ptr(alive_), done = std::move(done)](Result<void> outcome) {
    if (!alive.expired()) done(outcome);
  };
  log_.truncate_after(zxid, [this, zxid, alive = std::weak_ptr(alive_),
                             done = std::move(guarded)](Result<void> cut) {
    if (!cut || alive.expired()) return done(cut);
    last_logged_ = last_durable_ = zxid;
    loses_ = put_back_.has_bug(Bug::zk1489);
    if (state_.last_applied() <= zxid) return done(cut);
    unapplied_.clear();
    state_.reload(done);
  });
}

void History::replaced(Zxid zxid) {
  unapplied_.clear();
  last_logged_ = last_durable_ = zxid;
  distrusted_ = false;
}

}  // namespace vivarium::zab
