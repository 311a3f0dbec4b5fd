#include "kernel/core/log_timeline.hpp"

#include <vivarium/jute.hpp>

#include <algorithm>

namespace vivarium {
namespace {

std::int64_t us_between(MonoTime from, MonoTime to) {
  return std::max<std::int64_t>(std::chrono::duration_cast<Micros>(to - from).count(), 0);
}

/// Behind the session, the cxid and the zxid (section D.1); 0: it is too short.
std::int64_t made_ms(const LogEntry& entry) {
  JuteReader in(entry.payload.view());
  in.take<std::int64_t>();
  in.take<std::int32_t>();
  in.take<std::int64_t>();
  const auto time = in.take<std::int64_t>();
  return in.ok() ? time : 0;
}

/// The clocks of two servers differ.
std::int64_t ms_since(std::int64_t made_ms, std::int64_t wall_ms) {
  return std::max<std::int64_t>(wall_ms - made_ms, 0);
}

}  // namespace

/// What lies at or above `first` was cut off the history.
void LogTimeline::cut(Marks& marks, Zxid first) {
  while (!marks.empty() && marks.back().last >= first) marks.pop_back();
}

void LogTimeline::set_role(ServingRole role) {
  role_ = role;
  preparing_since_.reset();
}

void LogTimeline::on_append(std::span<const LogEntry> entries, MonoTime now) {
  if (entries.empty()) return;
  cut_all(entries.front().zxid);
  const Mark mark{entries.back().zxid, now, static_cast<std::int64_t>(entries.size()),
                  made_ms(entries.back())};
  auto& batches = stats_.batches;
  batches.appended.add(mark.entries);
  batches.not_durable.record(not_durable_);
  if (learns(role_))
    batches.arrived_ms.record(ms_since(mark.made_ms, loop_.wall_ms()), mark.entries);
  if (preparing_since_)
    batches.prepare_us.record(us_between(*preparing_since_, now) / mark.entries, mark.entries);
  preparing_since_.reset();
  appends_.push_back(mark);
  written_.push_back(mark);
  not_durable_ += mark.entries;
}

void LogTimeline::on_truncate(Zxid last) { cut_all({last.value + 1}); }

void LogTimeline::cut_all(Zxid first) {
  for (auto* marks : {&appends_, &durables_}) cut(*marks, first);
  for (; !written_.empty() && written_.back().last >= first; written_.pop_back())
    not_durable_ -= written_.back().entries;
}

void LogTimeline::on_sync(const LogSync& sync) {
  begun_ = sync.begun;
  stats_.sync_us.record(us_between(sync.begun, sync.ended));
  stats_.sync_entries.record(static_cast<std::int64_t>(sync.entries));
  if (syncs_.size() < kSyncsKept) syncs_.emplace_back();
  auto& known = syncs_[next_sync_++ % kSyncsKept];
  known.sync = sync;
  known.sync.file = {};  // Valid during the call.
  known.file = sync.file;
}

void LogTimeline::on_durable(Zxid zxid, MonoTime now) {
  const bool among_others = role_ == ServingRole::leader || learns(role_);
  const auto wall_ms = among_others ? loop_.wall_ms() : 0;
  durables_.push_back({zxid, now});
  for (; !written_.empty() && written_.front().last <= zxid; written_.pop_front()) {
    const auto& mark = written_.front();
    not_durable_ -= mark.entries;
    stats_.logged_us.record(us_between(mark.at, now), mark.entries);
    if (begun_) stats_.log_queue_us.record(us_between(mark.at, *begun_), mark.entries);
    if (among_others) stats_.batches.durable_ms.record(ms_since(mark.made_ms, wall_ms), mark.entries);
  }
  begun_.reset();
}

std::optional<MonoTime> LogTimeline::time_of_later(const Marks& marks, Zxid zxid) {
  const auto mark =
      std::find_if(marks.begin(), marks.end(), [zxid](const Mark& one) { return one.last >= zxid; });
  return mark == marks.end() ? std::nullopt : std::optional(mark->at);
}

std::optional<AwaitedSync> LogTimeline::awaited(MonoTime from, MonoTime to) const {
  const auto shared = [&](const Known& one) {
    return std::min(to, one.sync.ended) - std::max(from, one.sync.begun);
  };
  const auto longest =
      std::max_element(syncs_.begin(), syncs_.end(),
                       [&](const Known& a, const Known& b) { return shared(a) < shared(b); });
  if (longest == syncs_.end() || shared(*longest) <= MonoTime::zero()) return {};
  const auto& sync = longest->sync;
  return AwaitedSync{sync.first, sync.last, sync.entries, sync.bytes,
                     us_between(sync.begun, sync.ended), us_between({}, shared(*longest)),
                     longest->file};
}

}  // namespace vivarium
