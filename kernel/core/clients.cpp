#include "kernel/core/clients.hpp"

#include <vivarium/assert.hpp>

#include <algorithm>

namespace vivarium {
namespace {

constexpr std::uint32_t kFirstFrameBytesMax = 8192;
constexpr std::ptrdiff_t kOutstandingBytesMax = 64 << 20;
constexpr std::size_t kUnreadBytesMax = 256u << 20;
/// Counting is a walk over all connections.
constexpr std::size_t kSentBytesUncounted = 1u << 20;
/// Who leaves no more than this unread is not to blame.
constexpr std::size_t kUnreadBytesFree = 64u << 10;
constexpr std::uint32_t kTelnetBreak = 0xFFF4FFFD;

void drop(std::vector<Connection*>& list, Connection* connection) {
  list.erase(std::remove(list.begin(), list.end(), connection), list.end());
}

}  // namespace

Clients::~Clients() = default;

Framing Clients::first_framing(const Commands& commands) {
  Framing framing;
  framing.frame_bytes_max = kFirstFrameBytesMax;
  framing.first_words.push_back(kTelnetBreak);
  for (const auto* command : commands.all())
    for (const auto& word : command->words) {
      std::uint32_t number = 0;
      for (const char c : word) number = number << 8 | static_cast<unsigned char>(c);
      framing.first_words.push_back(number);
    }
  return framing;
}

ChannelHandler* Clients::on_accept(Channel& channel) {
  if (const auto why = why_refused(channel); !why.empty()) {
    parts_.stats.connections_rejected.add();
    tell_refused("refused a connection from " + channel.peer().remote_host + ": " + why);
    return nullptr;
  }
  ++by_address_[{channel.peer().remote_host, channel.peer().encrypted}];
  auto connection = std::make_unique<Connection>(*this, channel);
  connection->number = next_connection_++;
  return connections_.emplace(connection->number, std::move(connection)).first->second.get();
}

void Clients::on_refused(const PeerIdentity& peer, std::string_view why) {
  parts_.stats.handshakes_failed.add();
  parts_.stats.auth_failed.add();
  tell_refused("a connection from " + peer.remote_host + " never opened: " + std::string(why));
}

/// Empty: it is not.
std::string Clients::why_refused(const Channel& channel) const {
  const auto& settings = parts_.settings;
  const auto reached = [](std::int32_t limit, std::size_t count) {
    return limit > 0 && std::cmp_greater_equal(count, limit);
  };
  const auto here = by_address_.find({channel.peer().remote_host, channel.peer().encrypted});
  if (here != by_address_.end() && reached(settings.max_client_connections_per_address,
                                           static_cast<std::size_t>(here->second)))
    return "too many connections from there (maxClientCnxns)";
  if (reached(settings.max_connections, connections_.size()))
    return "too many connections (maxCnxns)";
  if (reached(settings.client_descriptors, connections_.size()))
    return "the limit of open files has no room for more clients: raise it (LimitNOFILE= of the "
           "service, ulimit -n), or spread the clients";
  return {};
}

void Clients::tell_refused(const std::string& sentence) {
  const auto now = parts_.loop.now();
  if (refusal_told_ && now - *refusal_told_ < std::chrono::seconds(1)) return void(++refusals_untold_);
  refusal_told_ = now;
  const auto untold = std::exchange(refusals_untold_, 0);
  parts_.log.warn(untold == 0 ? sentence
                              : sentence + " (and " + std::to_string(untold) + " before it)");
}

void Clients::set_role(ServingRole role, BroadcastEvents::Doubt doubt) {
  const auto before = std::exchange(role_, role);
  ++term_;
  // A new leader is given nothing that was withdrawn.
  if (role != ServingRole::none || doubt == BroadcastEvents::Doubt::open) orphans_.clear();
  // Those of a read-only server never had a session that anybody else knows.
  if (before == ServingRole::read_only) return close_all();
  begin_batch(parts_.loop.now());
  for (auto& [number, connection] : connections_) connection->hold(doubt);
}

void Clients::revalidate_sessions() {
  for (auto& [number, connection] : connections_) connection->revalidate();
}

void Clients::on_applied(const AppliedEntry& entry) {
  const SessionId session{entry.header.client_id};
  const bool ends = entry.outcome.type == Op::close_session;
  const bool orphaned = take_orphan(session, false, entry.header.cxid);
  if (orphaned) parts_.stats.orphans_done.add();
  if (ends) orphans_.erase(session);
  const auto found = by_session_.find(session);
  if (found == by_session_.end()) return;
  auto& connection = *found->second;
  if (entry.outcome.type == Op::create_session) {
    connection.on_session_created();
    ++own_applied_;
  } else if (entry.outcome.type == Op::error && entry.header.cxid == kSessionMove) {
    connection.on_session_moved();
  } else if (!orphaned && connection.on_applied(entry)) {
    ++own_applied_;
  }
  if (ends) connection.close();
}

void Clients::on_synced(SessionId session, std::int32_t cxid) {
  begin_batch(parts_.loop.now());
  const bool orphaned = take_orphan(session, true, cxid);
  const auto found = by_session_.find(session);
  if (!orphaned && found != by_session_.end()) found->second->on_synced(cxid);
  flush();
}

void Clients::orphan(Connection& connection) {
  const auto unanswered = connection.give_up_waiting();
  if (unanswered.empty() || !parts_.database().sessions().contains(connection.session())) return;
  auto& orphans = orphans_[connection.session()];
  orphans.insert(orphans.end(), unanswered.begin(), unanswered.end());
}

bool Clients::take_orphan(SessionId session, bool sync, std::int32_t xid) {
  if (orphans_.empty()) return false;
  const auto found = orphans_.find(session);
  if (found == orphans_.end()) return false;
  auto& orphans = found->second;
  // Writes are in order, and syncs are; the two kinds may pass each other.
  const auto first = std::find_if(orphans.begin(), orphans.end(),
                                  [&](const Unanswered& one) { return one.sync == sync; });
  if (first == orphans.end() || first->xid != xid) return false;
  orphans.erase(first);
  if (orphans.empty()) orphans_.erase(found);
  return true;
}

void Clients::revalidate(const Connection& connection, std::int32_t timeout_ms, Claim claim) {
  parts_.broadcast.revalidate(
      connection.session(), timeout_ms, claim,
      [this, session = connection.session(), asker = connection.number, term = term_](const Result<bool>& valid) {
        on_revalidated(session, asker, term, valid);
      });
}

/// The connection that has asked may be gone, and its client have come again, perhaps by way of another server:
/// what was true of the first question says nothing of the second.
void Clients::on_revalidated(SessionId session, std::uint64_t asker, std::uint64_t term,
                             const Result<bool>& valid) {
  if (term != term_) return;  // It is what another leader said.
  begin_batch(parts_.loop.now());
  if (const auto found = by_session_.find(session);
      found != by_session_.end() && found->second->number == asker)
    found->second->on_revalidated(valid);
  flush();
}

MonoTime Clients::flush() {
  // Answering may make a connection take further frames, which may mark others.
  const auto dirty = std::exchange(dirty_, {});
  const auto now = parts_.loop.now();
  std::int64_t answered = 0;
  for (auto* connection : dirty)
    if (connection->flush(now)) ++answered;
  if (answered > 0) count_answered(answered);
  const auto waiting = std::exchange(waiting_for_room_, {});
  for (auto* connection : waiting) {
    if (connection->overloaded())
      waiting_for_room_.push_back(connection);
    else
      connection->resume();
  }
  return now;
}

void Clients::count_answered(std::int64_t sessions) {
  const auto reads = std::exchange(reads_behind_, 0);
  if (!parts_.settings.stages) return;
  parts_.stats.batches.sessions_answered.record(sessions);
  parts_.stats.batches.reads_behind.record(reads);
}

void Clients::note_read_behind(std::int64_t reads) {
  reads_behind_ += reads;
  if (reads > 0 && parts_.settings.stages) parts_.stats.batches.reads_behind_one_write.record(reads);
}

bool Clients::busy() const {
  return outstanding_.requests >= parts_.settings.outstanding_limit ||
         outstanding_.bytes >= kOutstandingBytesMax;
}

void Clients::close_all() {
  for (auto& [number, connection] : connections_) connection->close();
}

SessionId Clients::next_session_id() {
  const auto first = [&] {
    const auto clock = static_cast<std::uint64_t>(parts_.loop.wall_ms());
    const auto server = static_cast<std::uint64_t>(parts_.settings.id.value) << 56;
    return static_cast<std::int64_t>(((clock << 24) >> 8) | server);
  };
  if (last_session_id_ == 0) last_session_id_ = first();
  do {
    ++last_session_id_;
  } while (parts_.database().sessions().contains({last_session_id_}) ||
           by_session_.contains({last_session_id_}) || last_session_id_ == INT64_MIN);
  return {last_session_id_};
}

void Clients::bind(SessionId session, Connection& connection) {
  auto& holder = by_session_[session];
  auto* before = std::exchange(holder, &connection);
  if (!before || before == &connection) return;
  orphan(*before);
  parts_.broadcast.withdraw(session);
  before->close();
}

bool Clients::unbind(SessionId session, const Connection& connection) {
  const auto found = by_session_.find(session);
  if (found == by_session_.end() || found->second != &connection) return false;
  by_session_.erase(found);
  return true;
}

void Clients::submit(const Request& request) {
  parts_.memory.note_write(request.body.size());
  if (batch_.empty()) batch_since_ = now_;
  batch_.push_back(request);
}

void Clients::note_sent(std::size_t bytes) {
  sent_bytes_ += bytes;
  if (sent_bytes_ >= kSentBytesUncounted && unread_bytes_ + sent_bytes_ > kUnreadBytesMax)
    count_unread();
}

void Clients::count_unread() {
  sent_bytes_ = unread_bytes_ = 0;
  for (const auto& [number, connection] : connections_) unread_bytes_ += connection->unsent_bytes();
  if (unread_bytes_ > kUnreadBytesMax) abandon_unread();
}

void Clients::abandon_unread() {
  std::vector<Connection*> idle;
  for (const auto& [number, connection] : connections_)
    if (connection->unsent_bytes() > kUnreadBytesFree) idle.push_back(connection.get());
  std::stable_sort(idle.begin(), idle.end(), [](const Connection* a, const Connection* b) {
    return a->unread_since() < b->unread_since();
  });
  std::int64_t closed = 0;
  const auto before = unread_bytes_;
  for (auto* connection : idle) {
    if (unread_bytes_ <= kUnreadBytesMax - kUnreadBytesMax / 8) break;
    unread_bytes_ -= std::min(unread_bytes_, connection->unsent_bytes());
    connection->abandon();
    ++closed;
  }
  parts_.stats.unread_closed.add(closed);
  parts_.log.warn("closed " + std::to_string(closed) + " connections of clients that do not read their "
                  "replies: " + std::to_string(before >> 20) + " MiB waited for all of them together");
}

void Clients::submit_batch() {
  if (batch_.empty()) return;
  if (learns(role_))
    parts_.stats.batches.forwarded_together.record(static_cast<std::int64_t>(batch_.size()));
  submitting_ = true;
  parts_.broadcast.submit(batch_);
  submitting_ = false;
  batch_.clear();
}

void Clients::note_preparing(MonoTime now) {
  if (!submitting_) return;
  auto& stats = parts_.stats.batches;
  const auto writes = static_cast<std::int64_t>(batch_.size());
  stats.proposed_together.record(writes);
  stats.awaits_preparer_us.record(std::chrono::duration_cast<Micros>(now - batch_since_).count(), writes);
}

void Clients::sync(SessionId session, std::int32_t cxid) {
  submit_batch();
  parts_.broadcast.sync(session, cxid);
}

/// What it has asked for in the frames at hand is withdrawn with the rest, so it has to be submitted first.
void Clients::let_go(Connection& connection) {
  orphan(connection);
  if (!unbind(connection.session(), connection)) return;
  submit_batch();
  parts_.broadcast.withdraw(connection.session());
}

void Clients::forget(Connection& connection) {
  let_go(connection);
  parts_.watches.drop(connection);
  drop(dirty_, &connection);
  drop(waiting_for_room_, &connection);
  const auto address = by_address_.find({connection.remote_host(), connection.encrypted()});
  if (--address->second == 0) by_address_.erase(address);
  connections_.erase(connection.number);
}

std::vector<const Connection*> Clients::connections() const {
  std::vector<const Connection*> all;
  for (const auto& [number, connection] : connections_) all.push_back(connection.get());
  return all;
}

void Clients::reset_connection_stats() {
  for (auto& [number, connection] : connections_) connection->reset_stats();
}

}  // namespace vivarium
