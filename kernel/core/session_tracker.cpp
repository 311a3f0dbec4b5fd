#include "kernel/core/session_tracker.hpp"

#include <algorithm>

namespace vivarium {

std::int64_t SessionTracker::now_ms() const {
  return std::chrono::duration_cast<Millis>(loop_.now()).count();
}

void SessionTracker::put(SessionId id, Session& session, std::int32_t timeout_ms) {
  session.expires_ms = ((now_ms() + timeout_ms) / tick_ms_ + 1) * tick_ms_;
  if (session.listed_ms != 0 && session.listed_ms <= session.expires_ms) return;
  session.listed_ms = session.expires_ms;
  lists_[session.listed_ms].push_back(id);
}

void SessionTracker::track(SessionId session, std::int32_t timeout_ms) {
  put(session, sessions_[session], timeout_ms);
}

bool SessionTracker::touch(SessionId session, std::int32_t timeout_ms) {
  const auto found = sessions_.find(session);
  if (found == sessions_.end() || found->second.closing) return false;
  put(session, found->second, timeout_ms);
  return true;
}

WireError SessionTracker::check(SessionId session, ServerId owner) {
  const auto found = sessions_.find(session);
  if (found == sessions_.end() || found->second.closing) return WireError::session_expired;
  if (!found->second.owner) found->second.owner = owner;
  return *found->second.owner == owner ? WireError::ok : WireError::session_moved;
}

void SessionTracker::set_owner(SessionId session, ServerId owner) {
  if (const auto found = sessions_.find(session); found != sessions_.end())
    found->second.owner = owner;
}

std::optional<ServerId> SessionTracker::owner(SessionId session) const {
  const auto found = sessions_.find(session);
  return found == sessions_.end() ? std::nullopt : found->second.owner;
}

bool SessionTracker::closing(SessionId session) const {
  const auto found = sessions_.find(session);
  return found != sessions_.end() && found->second.closing;
}

void SessionTracker::mark_closing(SessionId session) {
  if (const auto found = sessions_.find(session); found != sessions_.end())
    found->second.closing = true;
}

void SessionTracker::forget_all() {
  sessions_.clear();
  lists_.clear();
}

bool SessionTracker::due(SessionId id, std::int64_t bucket) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return false;
  auto& session = found->second;
  if (session.listed_ms != bucket || session.closing) return false;
  if (session.expires_ms <= bucket) return session.closing = true;
  session.listed_ms = session.expires_ms;
  lists_[session.listed_ms].push_back(id);
  return false;
}

std::vector<SessionId> SessionTracker::expire() {
  std::vector<SessionId> expired;
  while (!lists_.empty() && lists_.begin()->first <= now_ms()) {
    const auto [bucket, ids] = *lists_.begin();
    lists_.erase(lists_.begin());
    std::copy_if(ids.begin(), ids.end(), std::back_inserter(expired),
                 [&, bucket = bucket](SessionId id) { return due(id, bucket); });
  }
  std::sort(expired.begin(), expired.end());
  return expired;
}

Micros SessionTracker::until_next() const {
  const auto now = now_ms();
  return Millis((now / tick_ms_ + 1) * tick_ms_ - now);
}

std::map<std::int64_t, std::vector<SessionId>> SessionTracker::buckets() const {
  std::map<std::int64_t, std::vector<SessionId>> buckets;
  const auto now = now_ms();
  for (const auto& [id, session] : sessions_)
    if (!session.closing) buckets[session.expires_ms - now].push_back(id);
  for (auto& [end, ids] : buckets) std::sort(ids.begin(), ids.end());
  return buckets;
}

}  // namespace vivarium
