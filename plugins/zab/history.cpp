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
  if (zxid == last_logged_.next()) return true;
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

/// The office that asked may be gone by then; the history is what it is all the same.
Done<void> History::end_of_change(Done<void> done) {
  VIVARIUM_ASSERT(!changing_, "one change of the history at a time");
  changing_ = true;
  return [this, alive = std::weak_ptr(alive_), done = std::move(done)](Result<void> outcome) {
    if (alive.expired()) return;
    changing_ = false;
    done(outcome);
    if (on_changed_) on_changed_();
  };
}

void History::truncate(Zxid zxid, Done<void> done) {
  while (!unapplied_.empty() && unapplied_.back().zxid > zxid) unapplied_.pop_back();
  log_.truncate_after(zxid, [this, zxid, alive = std::weak_ptr(alive_),
                             ended = end_of_change(std::move(done))](Result<void> cut) {
    if (!cut || alive.expired()) return ended(cut);
    last_logged_ = last_durable_ = zxid;
    loses_ = put_back_.has_bug(Bug::zk1489);
    if (state_.last_applied() <= zxid) return ended(cut);
    unapplied_.clear();
    state_.reload(ended);
  });
}

void History::install(std::shared_ptr<SnapshotSink> sink, std::shared_ptr<SnapshotLoader> loader,
                      Zxid zxid, Done<void> done) {
  auto& committing = *sink;
  committing.commit(std::nullopt, [this, sink = std::move(sink), loader = std::move(loader), zxid,
                                   alive = std::weak_ptr(alive_),
                                   ended = end_of_change(std::move(done))](
                                      const Result<SnapshotInfo>& kept) {
    if (alive.expired()) return;
    if (!kept) return ended(kept.error());
    replaced(zxid);
    ended(loader->finish(zxid));
  });
}

void History::replaced(Zxid zxid) {
  unapplied_.clear();
  last_logged_ = last_durable_ = zxid;
  distrusted_ = false;
}

}  // namespace vivarium::zab
