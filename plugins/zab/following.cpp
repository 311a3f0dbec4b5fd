#include "following.hpp"

#include "zxid_text.hpp"

#include <vivarium/assert.hpp>
#include <vivarium/jute.hpp>
#include <vivarium/opcodes.hpp>

#include <algorithm>

namespace vivarium::zab {
namespace {

/// The leader may have come to its office a little later; each wait is twice as long as the last.
constexpr int kTries = 7;
constexpr Millis kFirstWait{5};
/// For a machine to answer at all; where ticks are short.
constexpr Millis kAnswersAtLeast{2'000};
constexpr std::size_t kSinkBytesMax = 8u << 20;

}  // namespace

Following::Following(Ground& ground, Address leader)
    : ground_(ground), address_(std::move(leader)) {}

Following::~Following() {
  if (link_) link_->close();
}

void Following::end() {
  const Error lost(Errc::closed, "the leader is lost");
  for (const auto& told : std::exchange(told_, {}))
    if (told.revalidation) told.revalidation(lost);
  for (const auto& [session, all] : std::exchange(revalidations_, {}))
    for (const auto& done : all) done(lost);
}

bool Following::observes() const { return !ground_.ensemble.is_voter(ground_.parts.self); }

void Following::leave(std::string why) {
  if (std::exchange(left_, true)) return;
  ground_.leave(std::move(why));
}

// --- connecting -----------------------------------------------------------------------------------

void Following::begin() {
  heard_ = ground_.loop.now();
  retry_timer_ = ground_.loop.timer([this] { connect(); });
  silence_timer_ = ground_.loop.timer([this] { arm_silence(); });
  arm_silence();
  connect();
}

/// What lasts long here, while the link is paused, is no silence of the leader's. This fires before a lag that
/// began since has lasted too long.
void Following::arm_silence() {
  const bool serving = phase_ == Phase::serving;
  const auto now = ground_.loop.now();
  if (link_ && link_->paused()) heard_ = now;
  MonoTime end = heard_ + (serving ? ground_.timing.sync() : ground_.timing.init());
  if (now >= end)
    return leave(std::string("the leader was silent for ") + (serving ? "syncLimit" : "initLimit"));
  if (!lag_.empty()) end = std::min(end, lag_.front().since + ground_.timing.sync());
  if (now >= end)
    return leave("the log here has not taken " + text_of(lag_.front().committed) +
                 ", which is committed, within syncLimit");
  silence_timer_->arm(std::chrono::duration_cast<Micros>(end - now) + Micros(1));
}

void Following::connect() {
  ++tries_;
  ConnectSpec spec;
  spec.host = address_.host;
  spec.port = address_.port;
  spec.framing = PacketLink::framing();
  // A leader that was just elected gathers no longer than that.
  spec.deadline = std::min(spec.deadline, std::max(ground_.timing.gather(), kAnswersAtLeast));
  connecting_ = ground_.parts.quorum->connect(spec, *this);
}

void Following::on_connect_failed(const Error& error) {
  if (tries_ >= kTries || error.is(Errc::timed_out))
    return leave("the leader cannot be reached: " + error.what);
  retry_timer_->arm(kFirstWait * (1 << tries_));
}

ChannelHandler* Following::on_connected(Channel& channel) {
  if (left_) return nullptr;
  link_ = PacketLink::open(channel, *this);
  phase_ = Phase::discovery;
  const auto info = LearnerInfo{ground_.parts.self, kProtocolVersion, ground_.ensemble.version().value};
  link_->send(observes() ? PacketType::observer_info : PacketType::follower_info,
              Zxid::of(ground_.promises.accepting(), 0).value, info.encode());
  return link_.get();
}

void Following::on_link_closed(std::string_view why) {
  leave("the connection to the leader ended: " + std::string(why));
}

/// A leader that has lost power and come back knows of no connection, but who only waits for it is not told.
/// A leader that is established is not given up for a word on the election port: something is sent to it that
/// says nothing new, and the connection ends if that is all that is left of it.
void Following::on_looking(ServerId) {
  if (left_) return;
  if (phase_ != Phase::serving) return leave("the leader looks for one itself");
  link_->send(PacketType::ack, Zxid::of(epoch_, 0).value);
}

// --- packets --------------------------------------------------------------------------------------

void Following::on_packet(const QuorumPacket& packet) {
  if (left_) return;
  heard_ = ground_.loop.now();
  const Zxid zxid{packet.zxid};
  switch (packet.type) {
    case PacketType::leader_info:
      if (phase_ == Phase::discovery && epoch_ == Epoch{}) return on_leader_info(packet);
      return refuse(packet);
    case PacketType::diff:
    case PacketType::trunc:
    case PacketType::snap:
      if (phase_ == Phase::discovery && epoch_ != Epoch{}) return begin_sync(packet);
      return refuse(packet);
    case PacketType::new_leader:
      if (phase_ == Phase::syncing) return on_new_leader(packet);
      return refuse(packet);
    case PacketType::up_to_date:
      if (phase_ == Phase::joining && joined_) return on_up_to_date();
      return refuse(packet);
    case PacketType::proposal:
      if (phase_ >= Phase::syncing) return on_proposal(packet.zxid, packet.data.value_or(""));
      return refuse(packet);
    case PacketType::commit:
      if (phase_ >= Phase::syncing) return on_commit(zxid);
      return refuse(packet);
    case PacketType::inform:
      if (phase_ >= Phase::syncing) return on_inform(packet);
      return refuse(packet);
    case PacketType::ping: return on_ping(packet.zxid);
    case PacketType::revalidate: return on_revalidated(packet.data.value_or(""));
    case PacketType::sync: return on_synced();
    default: return refuse(packet);
  }
}

void Following::refuse(const QuorumPacket& packet) {
  leave("the leader sent " + std::string(name_of(packet.type)) + " where it does not belong");
}

void Following::on_batch_end() {
  if (left_) return;
  if (phase_ == Phase::serving) apply_committed();
}

// --- discovery ------------------------------------------------------------------------------------

void Following::on_leader_info(const QuorumPacket& packet) {
  epoch_ = Zxid{packet.zxid}.epoch();
  const auto accepting = ground_.promises.accepting();
  if (epoch_ < accepting || epoch_ == Epoch{})
    return leave("the leader's epoch " + std::to_string(epoch_.value) + " is below " +
                 std::to_string(accepting.value) + ", which was accepted here");
  if (epoch_ == ground_.promises.accepted()) return send_ack_epoch(false);
  if (ground_.has_bug(Bug::zk335)) return send_ack_epoch(ground_.promises_count);
  ground_.promises.accept(epoch_, guarded<Result<void>>([this](Result<void> kept) {
    if (!kept) return ground_.die(kept.error());
    send_ack_epoch(ground_.promises_count);
  }));
}

/// An epoch that was accepted before counts no second time, and that of a server whose promises may be
/// lost not at all.
void Following::send_ack_epoch(bool counts) {
  std::string data;
  append_jute(data, counts ? static_cast<std::int32_t>(ground_.promises.current().value) : -1);
  link_->send(PacketType::ack_epoch, ground_.history.claimed().value, data);
}

// --- synchronization ------------------------------------------------------------------------------

void Following::begin_sync(const QuorumPacket& packet) {
  phase_ = Phase::syncing;
  sync_began_ = ground_.loop.now();
  committed_ = Zxid{packet.zxid};
  if (packet.type != PacketType::snap && ground_.history.claimed() < ground_.history.last_durable())
    return ground_.die({Errc::out_of_range,
                        "the leader has the history cut where it cannot be cut here, and sends no "
                        "state to put in its place; move the data directory away, and this server is "
                        "filled by the others"});
  if (packet.type == PacketType::trunc) return truncate(committed_);
  if (packet.type == PacketType::snap) return begin_snapshot(committed_);
}

void Following::truncate(Zxid zxid) {
  ground_.log.info("the leader has the history cut after " + text_of(zxid));
  link_->pause();
  ground_.history.truncate(zxid, guarded<Result<void>>([this, zxid](Result<void> cut) {
    if (cut) return link_->resume();
    if (!cut.error().is(Errc::out_of_range)) return ground_.die(cut.error());
    ground_.log.warn("the history cannot be cut after " + text_of(zxid) + ": " + cut.error().what +
                     "; the leader is asked for all of it");
    ground_.history.distrust();
    leave("the history here does not contain where the leader cuts it");
  }));
}

void Following::begin_snapshot(Zxid zxid) {
  ground_.log.info("the leader sends its state at " + text_of(zxid));
  auto loader = ground_.parts.state.load();
  auto sink = ground_.parts.log.install_snapshot(zxid);
  if (!sink) return leave("a snapshot cannot be taken in now: " + sink.error().what);
  incoming_.emplace(Incoming{zxid, std::move(loader), std::move(*sink), {}});
  doubt_ = BroadcastEvents::Doubt::open;
  link_->begin_raw();
}

std::size_t Following::on_raw(std::string_view bytes) {
  heard_ = ground_.loop.now();
  if (left_ || !incoming_) return bytes.size();
  auto& loader = *incoming_->loader;
  std::size_t taken = 0;
  if (!loader.complete()) {
    const auto fed = loader.feed(bytes);
    if (!fed) {
      leave("the leader's snapshot is malformed: " + fed.error().what);
      return bytes.size();
    }
    taken = *fed;
    incoming_->sink->write(SharedBytes::copy_of(bytes.substr(0, taken)));
  }
  if (loader.complete() && taken < bytes.size()) {
    const auto wanted = kSnapshotSignature.size() - incoming_->signature.size();
    const auto part = bytes.substr(taken, wanted);
    take_signature(part);
    return taken + part.size();
  }
  if (incoming_ && incoming_->sink->queued_bytes() > kSinkBytesMax) {
    link_->pause();
    incoming_->sink->on_drained(guarded<>([this] { link_->resume(); }));
  }
  return taken;
}

void Following::take_signature(std::string_view bytes) {
  incoming_->signature += bytes;
  if (!kSnapshotSignature.starts_with(incoming_->signature))
    return leave("the leader's snapshot does not end as it should");
  if (incoming_->signature.size() == kSnapshotSignature.size()) end_snapshot();
}

void Following::end_snapshot() {
  link_->end_raw();
  if (ground_.has_bug(Bug::zk3642)) {
    ground_.history.replaced(incoming_->zxid);
    (void)std::exchange(incoming_, std::nullopt)->loader->finish(ground_.history.last_logged());
    return;
  }
  link_->pause();
  auto incoming = std::move(*std::exchange(incoming_, std::nullopt));
  ground_.history.install(std::move(incoming.sink), std::move(incoming.loader), incoming.zxid,
                          guarded<Result<void>>([this](Result<void> kept) {
                            if (kept) return link_->resume();
                            if (kept.error().is(Errc::corrupt)) return ground_.die(kept.error());
                            leave("the leader's snapshot cannot be kept: " + kept.error().what);
                          }));
}

void Following::on_proposal(std::int64_t number, std::string_view transaction) {
  ground_.metrics.proposals_received.add();
  const Zxid zxid{number};
  auto& history = ground_.history;
  if (zxid <= history.last_logged() && phase_ == Phase::syncing) return;  // Known already.
  // Another leader will have that epoch, and may propose something else by the same number.
  if (zxid.epoch() > epoch_)
    return leave("the leader proposes " + text_of(zxid) + ": the counter of its epoch " +
                 std::to_string(epoch_.value) + " has run over");
  if (!history.continues(zxid) && late_.empty())
    return leave("the leader proposes " + text_of(zxid) + " after " + text_of(history.last_logged()));
  const LogEntry entry{zxid, SharedBytes::copy_of(transaction)};
  const bool late = ground_.has_bug(Bug::zk3911) ? phase_ < Phase::serving
                                                 : ground_.has_bug(Bug::zk4785) && phase_ == Phase::syncing;
  if (late) return late_.push_back(entry);
  history.append(std::span(&entry, 1));
}

void Following::on_commit(Zxid zxid) {
  ground_.metrics.commits_received.add();
  if (zxid <= committed_) {
    if (phase_ == Phase::serving)
      leave("the leader commits " + text_of(zxid) + " for the second time");
    return;
  }
  if (zxid > ground_.history.last_logged() && late_.empty())
    return leave("the leader commits " + text_of(zxid) + ", which it has not proposed");
  committed_ = zxid;
}

void Following::on_inform(const QuorumPacket& packet) {
  ground_.metrics.commits_received.add();
  on_proposal(packet.zxid, packet.data.value_or(""));
  if (!left_) committed_ = std::max(committed_, Zxid{packet.zxid});
}

void Following::on_new_leader(const QuorumPacket& packet) {
  if (Zxid{packet.zxid}.epoch() != epoch_) return refuse(packet);
  phase_ = Phase::joining;
  sync_end_ = ground_.history.last_logged();
  finish_sync();
}

/// History durable, then currentEpoch durable, then the acknowledgement, then those of single
/// proposals: any other order loses data (ZOOKEEPER-3911, 4643, 4646, 4685).
void Following::finish_sync() {
  const bool durable = ground_.history.last_durable() >= *sync_end_;
  const bool waits = !ground_.has_bug(Bug::zk4643) && !ground_.has_bug(Bug::zk4646) &&
                     !ground_.has_bug(Bug::zk4785);
  if (entering_ || (waits && !durable)) return;
  entering_ = true;
  if (ground_.has_bug(Bug::zk1282)) return acknowledge_new_leader();
  ground_.promises.enter(epoch_, guarded<Result<void>>([this](Result<void> kept) {
    if (!kept) return ground_.die(kept.error());
    acknowledge_new_leader();
  }));
}

void Following::acknowledge_new_leader() {
  if (ground_.has_bug(Bug::zk4785)) ground_.history.append(std::exchange(late_, {}));
  if (ground_.has_bug(Bug::zk4643) && ground_.history.last_durable() < *sync_end_) return;
  joined_ = true;
  acknowledged_ = committed_;
  link_->send(PacketType::ack, Zxid::of(epoch_, 0).value);
  acknowledge();
}

void Following::on_up_to_date() {
  phase_ = Phase::serving;
  arm_silence();  // With syncLimit from now on.
  last_ping_ = confirmed_ = ground_.loop.now();
  ground_.promises_count = true;
  if (ground_.has_bug(Bug::zk1282)) ground_.promises.enter(epoch_, [](Result<void>) {});
  if (ground_.has_bug(Bug::zk3911)) ground_.history.append(std::exchange(late_, {}));
  if (!ground_.has_bug(Bug::zk3023)) apply_committed();
  if (left_) return;
  link_->send(PacketType::ack, Zxid::of(epoch_, 0).value);
  auto& took = observes() ? ground_.metrics.observer_sync_ms : ground_.metrics.follower_sync_ms;
  took.record(std::chrono::duration_cast<Millis>(last_ping_ - sync_began_).count());
  ground_.established(observes() ? ServingRole::observer : ServingRole::follower, epoch_, doubt_);
  on_submitted();
}

// --- broadcast ------------------------------------------------------------------------------------

void Following::on_durable() {
  if (left_) return;
  if (ground_.has_bug(Bug::zk4685)) acknowledge();
  if (phase_ == Phase::joining && !joined_) {
    if (entering_ && ground_.has_bug(Bug::zk4643) && ground_.promises.current() == epoch_)
      return acknowledge_new_leader();
    return finish_sync();
  }
  acknowledge();
  if (phase_ == Phase::serving) apply_committed();
}

/// What is durable and neither committed nor acknowledged yet.
void Following::acknowledge() {
  const bool early = ground_.has_bug(Bug::zk4685) && phase_ == Phase::joining;
  if ((!joined_ && !early) || observes()) return;
  for (const auto& entry : ground_.history.unapplied()) {
    if (entry.zxid > ground_.history.last_durable()) break;
    if (entry.zxid <= acknowledged_) continue;
    append_packet(acks_, PacketType::ack, entry.zxid.value);
    acknowledged_ = entry.zxid;
  }
  link_->send(SharedBytes(std::exchange(acks_, {})));
}

void Following::apply_committed() {
  ground_.apply(committed_);
  note_lag();
  pass_on_told();
}

/// Who cannot apply what the others have done shows its clients what is ever more out of date.
void Following::note_lag() {
  const auto applied = ground_.history.last_applied();
  while (!lag_.empty() && lag_.front().committed <= applied) lag_.pop_front();
  if (committed_ > applied && (lag_.empty() || lag_.back().committed < committed_))
    lag_.push_back({committed_, ground_.loop.now()});
}

void Following::on_submitted() {
  if (left_ || phase_ != Phase::serving) return;
  auto& submissions = ground_.submissions;
  while (submissions.first_unsent() < submissions.size()) {
    send_request(submissions.at(submissions.first_unsent()));
    submissions.mark_sent(epoch_);
  }
}

void Following::send_request(const Submissions::Write& write) {
  std::string data, packet;
  append_jute(data, write.session.value, write.cxid, write.op);
  data += write.body;
  append_packet(packet, PacketType::request, -1, data, write.identities);
  link_->send(SharedBytes(std::move(packet)));
}

void Following::sync(SessionId session, std::int32_t cxid) {
  syncs_.emplace_back(session, cxid);
  send_sync(session, cxid);
}

void Following::send_sync(SessionId session, std::int32_t cxid) {
  if (left_) return;
  std::string data, packet;
  append_jute(data, session.value, cxid, static_cast<std::int32_t>(Op::sync));
  append_packet(packet, PacketType::request, -1, data);
  link_->send(SharedBytes(std::move(packet)));
}

/// Answers come in the order of the questions, and behind what was committed before.
void Following::on_synced() {
  if (syncs_.empty()) return leave("the leader answers a sync that was not asked for");
  const auto [session, cxid] = syncs_.front();
  syncs_.pop_front();
  told_.push_back({committed_, [this, session = session, cxid = cxid] { ground_.synced(session, cxid); }, {}});
}

void Following::pass_on_told() {
  while (!left_ && !told_.empty() && told_.front().after <= ground_.history.last_applied()) {
    const auto tell = std::move(told_.front().tell);
    told_.pop_front();
    tell();
  }
}

void Following::revalidate(SessionId session, std::int32_t timeout_ms, Claim claim,
                           Done<bool> done) {
  revalidations_[session].push_back(std::move(done));
  std::string data;
  append_jute(data, session.value, timeout_ms);
  // ZooKeeper's leader reads no further, and takes every claim for a fresh one.
  if (claim == Claim::kept) append_jute(data, true);
  link_->send(PacketType::revalidate, -1, data);
}

void Following::on_revalidated(std::string_view data) {
  JuteIn in(data);
  SessionId session;
  bool valid = false;
  in(session.value, valid);
  const auto found = revalidations_.find(session);
  if (!in.ok() || found == revalidations_.end())
    return leave("the leader answers for a session that was not asked about");
  const auto done = std::move(found->second.front());
  found->second.erase(found->second.begin());
  if (found->second.empty()) revalidations_.erase(found);
  told_.push_back({committed_, [done, valid] { done(valid); }, done});
}

void Following::touch(SessionId session, std::int32_t timeout_ms) {
  touched_[session] = timeout_ms;
}

/// The leader sends no ping before the last was answered, so this one says that it has heard of what
/// was touched until then.
void Following::on_ping(std::int64_t zxid) {
  confirmed_ = std::exchange(last_ping_, ground_.loop.now());
  std::string data;
  for (const auto& [session, timeout] : touched_) append_jute(data, session.value, timeout);
  touched_.clear();
  link_->send(PacketType::ping, zxid, data);
}

}  // namespace vivarium::zab
