#include "standalone.hpp"

#include <algorithm>

namespace vivarium {

void Standalone::run(const BroadcastParts& parts) {
  parts_.emplace(parts);
  last_prepared_ = last_committed_ = parts.state.last_applied();
  post([](BroadcastParts& lent) { lent.events.on_role(ServingRole::standalone, BroadcastEvents::Doubt::resolved); });
}

void Standalone::stop() {
  alive_.reset();
  parts_.reset();
}

void Standalone::post(std::function<void(BroadcastParts&)> task) {
  loop_.post([alive = std::weak_ptr(alive_), task = std::move(task)] {
    const auto self = alive.lock();
    if (self && (*self)->parts_) task(*(*self)->parts_);
  });
}

void Standalone::submit(std::span<const Request> requests) {
  if (!parts_) return;
  batch_.clear();
  const auto now = loop_.wall_ms();
  for (const auto& request : requests) {
    last_prepared_ = last_prepared_.next();
    batch_.push_back(parts_->state.prepare(request, last_prepared_, now));
  }
  uncommitted_.insert(uncommitted_.end(), batch_.begin(), batch_.end());
  parts_->log.append(batch_);
}

void Standalone::on_durable(Zxid zxid) {
  if (!parts_) return;
  std::vector<LogEntry> committed;
  while (!uncommitted_.empty() && uncommitted_.front().zxid <= zxid) {
    committed.push_back(std::move(uncommitted_.front()));
    uncommitted_.pop_front();
  }
  if (committed.empty()) return;
  last_committed_ = committed.back().zxid;
  parts_->state.apply(committed);  // May submit more; this object's state is complete by now.
  answer_syncs();
}

void Standalone::sync(SessionId session, std::int32_t cxid) {
  if (!parts_) return;
  syncs_.push_back({last_prepared_, session, cxid});
  if (last_committed_ == last_prepared_)
    post([this](BroadcastParts&) { answer_syncs(); });
}

void Standalone::answer_syncs() {
  while (parts_ && !syncs_.empty() && syncs_.front().after <= last_committed_) {
    const auto sync = syncs_.front();
    syncs_.pop_front();
    parts_->events.on_synced(sync.session, sync.cxid);
  }
}

void Standalone::revalidate(SessionId session, std::int32_t timeout_ms, Claim claim,
                            Done<bool> done) {
  post([=](BroadcastParts& parts) {
    done(parts.state.revalidate(session, timeout_ms, parts.self, claim));
  });
}

void Standalone::touch(SessionId session, std::int32_t timeout_ms) {
  if (parts_) parts_->state.touch(session, timeout_ms, parts_->self);
}

void Standalone::on_failed(const Error& error) {
  if (parts_) parts_->events.on_fatal(error);
}

void Standalone::on_space(bool low, std::uint64_t free_bytes) {
  if (parts_) parts_->events.on_space(low, free_bytes);
}

}  // namespace vivarium
