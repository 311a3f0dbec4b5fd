#include "learner_handler.hpp"

#include "zxid_text.hpp"

#include <vivarium/jute.hpp>

#include <algorithm>
#include <utility>

namespace vivarium::zab {
namespace {

constexpr std::size_t kSliceBytes = 1u << 20;
constexpr std::size_t kSnapshotPieceBytes = 256u << 10;
constexpr std::size_t kQueuedBytesHigh = 4u << 20;  ///< Above this the stream waits for the learner,
constexpr std::size_t kQueuedBytesLow = 1u << 20;   ///< until it has read down to this.

}  // namespace

LearnerHandler::LearnerHandler(Ground& ground, LearnerHandlerUser& user, Channel& channel)
    : ground_(ground),
      user_(user),
      link_(PacketLink::open(channel, *this)),
      heard_(ground.loop.now()) {
  link_->await_drained(kQueuedBytesLow);
}

LearnerHandler::~LearnerHandler() {
  end_sync();
  link_->close();
}

void LearnerHandler::drop(std::string_view why) {
  if (std::exchange(stage_, Stage::gone) == Stage::gone) return;
  link_->close();
  cursor_.reset();
  end_sync();
  user_.on_learner_gone(*this, why);
}

// --- what it says ---------------------------------------------------------------------------------

void LearnerHandler::on_packet(const QuorumPacket& packet) {
  if (stage_ == Stage::gone) return;
  heard_ = ground_.loop.now();
  switch (packet.type) {
    case PacketType::follower_info:
    case PacketType::observer_info:
      if (stage_ == Stage::fresh) return on_info(packet);
      break;
    case PacketType::ack_epoch:
      if (stage_ == Stage::greeted) return on_ack_epoch(packet);
      break;
    case PacketType::ack:
      if (stage_ == Stage::syncing && new_leader_sent_) return;  // A bug is put back.
      if (stage_ >= Stage::live) return on_ack({packet.zxid});
      break;
    case PacketType::ping:
      if (stage_ == Stage::serving) return on_ping_answer(packet.data.value_or(""));
      break;
    case PacketType::request:
      if (stage_ == Stage::serving) return user_.on_request(*this, packet);
      break;
    case PacketType::revalidate:
      if (stage_ == Stage::serving) return on_revalidate(packet);
      break;
    default: break;
  }
  drop("it sent " + std::string(name_of(packet.type)) + " where it does not belong");
}

void LearnerHandler::on_batch_end() {
  if (stage_ != Stage::gone) user_.on_learner_batch_end();
}

void LearnerHandler::on_info(const QuorumPacket& packet) {
  const auto info = LearnerInfo::decode(packet.data.value_or(""));
  if (!info) return drop("it speaks a protocol before ZooKeeper 3.5");
  const auto* member = ground_.ensemble.find(info->id);
  if (!member || info->id == ground_.parts.self)
    return drop("server " + std::to_string(info->id.value) + " is no other member of the ensemble");
  if (Zxid{info->config_version} > ground_.ensemble.version())
    return drop("it knows of a newer configuration");
  id_ = info->id;
  metrics_ = &ground_.metrics.of(id_);
  accepted_ = Zxid{packet.zxid}.epoch();
  stage_ = Stage::informed;
  user_.on_informed(*this);
}

void LearnerHandler::greet(Epoch epoch) {
  epoch_ = epoch;
  stage_ = Stage::greeted;
  std::string version;
  append_jute(version, kProtocolVersion);
  link_->send(PacketType::leader_info, Zxid::of(epoch, 0).value, version);
}

void LearnerHandler::on_ack_epoch(const QuorumPacket& packet) {
  JuteIn in(packet.data.value_or(""));
  const auto current = in.take<std::int32_t>();
  if (!in.ok()) return drop("its ACKEPOCH is malformed");
  if (current >= 0) current_ = Epoch{current};
  last_zxid_ = {packet.zxid};
  stage_ = Stage::acknowledged;
  user_.on_epoch_acknowledged(*this);
}

/// The first that counts is that of NEWLEADER; of learners before 3.8.6 some for earlier proposals may
/// come before it.
void LearnerHandler::on_ack(Zxid zxid) {
  if (stage_ == Stage::live) {
    if (zxid != Zxid::of(epoch_, 0)) {
      if (ground_.has_bug(Bug::zk4685)) drop("its first ACK is not that of NEWLEADER");
      return;
    }
    stage_ = Stage::joined;
    acknowledged_ = zxid;
    end_sync();
    return user_.on_joined(*this);
  }
  acknowledged_ = std::max(acknowledged_, zxid);
  count_ack(zxid);
  user_.on_progress(*this);
}

void LearnerHandler::propose(const SharedBytes& packets, std::int64_t entries, Zxid last) {
  link_->send(packets);
  if (stage_ != Stage::serving) return;
  metrics_->under_way.record(under_way_);
  proposed_.push_back({last, entries, ground_.loop.now()});
  under_way_ += entries;
}

void LearnerHandler::count_ack(Zxid zxid) {
  for (; !proposed_.empty() && proposed_.front().last <= zxid; proposed_.pop_front()) {
    const auto& acknowledged = proposed_.front();
    metrics_->ack_us.record(micros_since(acknowledged.at), acknowledged.entries);
    under_way_ -= acknowledged.entries;
  }
}

std::int64_t LearnerHandler::micros_since(MonoTime time) const {
  return std::chrono::duration_cast<Micros>(ground_.loop.now() - time).count();
}

void LearnerHandler::on_ping_answer(std::string_view data) {
  if (!pings_.empty()) {
    confirmed_ = pings_.front();
    pings_.pop_front();
    metrics_->ping_us.record(micros_since(confirmed_));
  }
  JuteIn in(data);
  while (!in.rest().empty()) {
    SessionId session;
    std::int32_t timeout = 0;
    in(session.value, timeout);
    if (!in.ok()) return drop("its answer to a ping is malformed");
    ground_.parts.state.touch(session, timeout, id_);
  }
  user_.on_progress(*this);
}

void LearnerHandler::on_revalidate(const QuorumPacket& packet) {
  JuteIn in(packet.data.value_or(""));
  SessionId session;
  std::int32_t timeout = 0;
  in(session.value, timeout);
  if (!in.ok()) return drop("its REVALIDATE is malformed");
  ground_.metrics.revalidations.add();
  const auto claim = in.rest().empty() ? Claim::fresh : Claim::kept;
  user_.on_revalidate(*this, session, timeout, claim, [this, session, zxid = packet.zxid](bool valid) {
    std::string data;
    append_jute(data, session.value, valid);
    link_->send(PacketType::revalidate, zxid, data);
  });
}

void LearnerHandler::ping(Zxid last_proposed) {
  if (stage_ == Stage::serving && pings_.empty()) ping_now(last_proposed);
}

void LearnerHandler::ping_now(Zxid last_proposed) {
  if (stage_ != Stage::serving) return;
  pings_.push_back(ground_.loop.now());
  link_->send(PacketType::ping, last_proposed.value);
}

// --- synchronization ------------------------------------------------------------------------------

void LearnerHandler::read(Zxid after, std::size_t bytes,
                          std::function<void(Result<LogSlice>)> then) {
  ground_.parts.log.read(after, bytes,
                         [this, alive = std::weak_ptr(alive_),
                          then = std::move(then)](Result<LogSlice> slice) {
                           if (!alive.expired() && stage_ != Stage::gone) then(std::move(slice));
                         });
}

void LearnerHandler::begin_sync(Epoch epoch) {
  epoch_ = epoch;
  stage_ = Stage::syncing;
  choose_sync();
}

/// Section F.3: by where the learner's last transaction stands in the history here. What it has beyond
/// the commits goes, even if it was proposed here: DIFF says that all it has is committed.
void LearnerHandler::choose_sync() {
  const auto committed = user_.committed();
  const auto theirs = last_zxid_;
  const bool begins_epoch = theirs.counter() == 0 && theirs != Zxid{};
  const bool begins_this = theirs == Zxid::of(epoch_, 0);
  if (theirs == committed || (theirs > committed && begins_this)) return send_diff();
  if (theirs > committed && ground_.has_bug(Bug::zk1154)) return send_diff();
  if (theirs > committed) return begins_epoch ? send_snapshot() : truncate_and_send(committed);
  const auto first = ground_.parts.log.first_contiguous();
  if (first > theirs && ground_.has_bug(theirs == Zxid{} ? Bug::zk4352 : Bug::zk2846)) {
    link_->send(PacketType::diff, user_.committed().value);
    sent_ = first;
    return read_on();
  }
  if (theirs < first) return send_snapshot();
  if (theirs == Zxid{} || begins_epoch) return send_diff();
  // Is it in the history here? Then it is the first one from itself on.
  read({theirs.value - 1}, 1, [this, theirs](Result<LogSlice> slice) {
    if (!slice || slice->entries.empty()) return send_snapshot();
    const auto found = slice->entries.front().zxid;
    if (found == theirs) return send_diff();
    if (found.epoch() == theirs.epoch()) return send_snapshot();  // It never had a history of ours.
    find_end_of_epoch(theirs.epoch(), 0, theirs.counter() - 1);
  });
}

/// The learner's last transactions of an older epoch were never committed. The history here has those
/// of that epoch up to a counter between `low` and `high`, perhaps none: everything after is to go.
void LearnerHandler::find_end_of_epoch(Epoch epoch, std::uint32_t low, std::uint32_t high) {
  if (low == high)
    return low == 0 ? send_snapshot() : truncate_and_send(Zxid::of(epoch, low));
  const auto middle = low + (high - low) / 2;
  read(Zxid::of(epoch, middle), 1, [this, epoch, low, middle, high](Result<LogSlice> slice) {
    if (!slice) return send_snapshot();
    const bool later = !slice->entries.empty() && slice->entries.front().zxid.epoch() == epoch;
    later ? find_end_of_epoch(epoch, middle + 1, high) : find_end_of_epoch(epoch, low, middle);
  });
}

void LearnerHandler::truncate_and_send(Zxid zxid) {
  ground_.log.info("server " + std::to_string(id_.value) + " has its history cut after " +
                   text_of(zxid));
  count_sync(ground_.metrics.diffs);
  link_->send(PacketType::trunc, zxid.value);
  sent_ = zxid;
  read_on();
}

void LearnerHandler::send_diff() {
  count_sync(ground_.metrics.diffs);
  link_->send(PacketType::diff, std::max(user_.committed(), last_zxid_).value);
  sent_ = last_zxid_;
  read_on();
}

void LearnerHandler::send_snapshot() {
  waits_for_snapshot_ = !user_.may_send_snapshot();
  if (waits_for_snapshot_) return;
  count_sync(ground_.metrics.snapshots);
  cursor_ = ground_.parts.state.snapshot();
  sent_ = cursor_->zxid();
  ground_.log.info("server " + std::to_string(id_.value) + " is sent the state at " + text_of(sent_));
  link_->send(PacketType::snap, sent_.value);
  pump_snapshot();
}

void LearnerHandler::count_sync(Syncs& kind) {
  sync_ = &kind;
  kind.begin();
}

void LearnerHandler::end_sync() {
  if (auto* const sync = std::exchange(sync_, nullptr)) sync->end();
}

void LearnerHandler::go_on() {
  if (std::exchange(waits_for_snapshot_, false)) send_snapshot();
}

void LearnerHandler::pump_snapshot() {
  while (cursor_ && link_->queued_bytes() < kQueuedBytesHigh) {
    auto piece = cursor_->next(kSnapshotPieceBytes);
    if (!piece.empty()) {
      link_->send(std::move(piece));
      continue;
    }
    cursor_.reset();
    link_->send(SharedBytes::copy_of(kSnapshotSignature));
    if (ground_.has_bug(Bug::zk3104)) send_new_leader();
    read_on();
  }
}

void LearnerHandler::on_drained() {
  heard_ = ground_.loop.now();  // It reads: that takes long when there is much.
  if (stage_ != Stage::syncing) return;
  if (cursor_) return pump_snapshot();
  if (reading_waits_) read_on();
}

/// Goes on with what lies on the disk, as fast as the learner takes it.
void LearnerHandler::read_on() {
  reading_waits_ = link_->queued_bytes() >= kQueuedBytesHigh;
  if (reading_waits_) return;
  if (sent_ >= end_of_disk()) return finish();
  read(sent_, kSliceBytes, [this](Result<LogSlice> slice) {
    if (!slice) return drop("its history cannot be read here: " + slice.error().what);
    on_slice(*slice);
  });
}

/// An observer hears of nothing that is not committed.
Zxid LearnerHandler::end_of_disk() const {
  const auto durable = ground_.history.last_durable();
  return voter() ? durable : std::min(durable, user_.committed());
}

void LearnerHandler::on_slice(const LogSlice& slice) {
  std::string packets;
  append_late_commits(packets);
  const auto committed = user_.committed();
  for (const auto& entry : slice.entries) {
    if (entry.zxid > committed && !voter()) break;
    append_packet(packets, PacketType::proposal, entry.zxid.value, entry.payload.view());
    if (entry.zxid <= committed)
      append_packet(packets, PacketType::commit, entry.zxid.value);
    else
      uncommitted_.push_back(entry.zxid);
    sent_ = entry.zxid;
  }
  link_->send(SharedBytes(std::move(packets)));
  read_on();
}

/// Of what was proposed before it was committed; in order, so before any later one.
void LearnerHandler::append_late_commits(std::string& packets) {
  if (ground_.has_bug(Bug::zk962)) return;
  while (!uncommitted_.empty() && uncommitted_.front() <= user_.committed()) {
    append_packet(packets, PacketType::commit, uncommitted_.front().value);
    uncommitted_.pop_front();
  }
}

/// What is on the disk has been sent; what is not there yet is in the leader's memory.
void LearnerHandler::finish() {
  std::string commits;
  append_late_commits(commits);
  link_->send(SharedBytes(std::move(commits)));
  stage_ = Stage::live;
  user_.on_caught_up(*this, sent_);
  if (stage_ != Stage::gone && !new_leader_sent_) send_new_leader();
}

void LearnerHandler::send_new_leader() {
  new_leader_sent_ = true;
  link_->send(PacketType::new_leader, Zxid::of(epoch_, 0).value,
              ground_.parts.state.last_seen_config());
}

void LearnerHandler::commit(const SharedBytes& packets) {
  if (stage_ == Stage::live || stage_ == Stage::joined) return held_commits_.push_back(packets);
  link_->send(packets);
}

void LearnerHandler::set_up_to_date() {
  stage_ = Stage::serving;
  link_->send(PacketType::up_to_date, -1);
  for (const auto& packets : std::exchange(held_commits_, {})) link_->send(packets);
  confirmed_ = ground_.loop.now();
}

}  // namespace vivarium::zab
