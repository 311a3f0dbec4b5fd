#include "leading.hpp"

#include "quorum_position.hpp"
#include "zxid_text.hpp"

#include <vivarium/assert.hpp>
#include <vivarium/jute.hpp>
#include <vivarium/opcodes.hpp>

#include <algorithm>
#include <utility>

namespace vivarium::zab {
namespace {

/// A learner that is so far behind with reading is dropped; it comes back and reads from the disk.
constexpr std::size_t kUnreadBytesMax = 256u << 20;

void append_proposal(std::string& out, const LogEntry& entry) {
  append_packet(out, PacketType::proposal, entry.zxid.value, entry.payload.view());
}

}  // namespace

Leading::Leading(Ground& ground)
    : ground_(ground),
      started_at_(ground.history.last_logged()),
      current_before_(ground.promises.current()),
      committed_(started_at_),
      // Answers to REVALIDATE are among them here.
      pending_syncs_(ground.metrics.add("pending_syncs", [this] {
        return static_cast<double>(awaited_.size());
      })) {}

Leading::~Leading() {
  left_ = true;
  listener_.reset();
  for (auto& learner : learners_) learner->drop("the leader has left its office");
  ground_.parts.state.discard_pending();
}

void Leading::leave(std::string why) {
  if (std::exchange(left_, true)) return;
  ground_.leave(std::move(why));
}

// --- the beginning --------------------------------------------------------------------------------

void Leading::begin() {
  phase_end_ = ground_.loop.now() + ground_.timing.gather();
  tick_timer_ = ground_.loop.timer([this] { tick(); });
  sweep_timer_ = ground_.loop.timer([this] { sweep(); });
  listen();
  tick();
  choose_epoch();
}

void Leading::listen() {
  const auto& own = ground_.ensemble.find(ground_.parts.self)->quorum;
  ListenSpec spec;
  spec.host = ground_.listens_everywhere ? "" : own.host;
  spec.port = own.port;
  spec.framing = PacketLink::framing();
  auto listener = ground_.parts.quorum->listen(spec, *this);
  if (!listener) return leave("the quorum port cannot be listened on: " + listener.error().what);
  listener_ = std::move(*listener);
}

ChannelHandler* Leading::on_accept(Channel& channel) {
  if (left_) return nullptr;
  learners_.push_back(std::make_unique<LearnerHandler>(
      ground_, static_cast<LearnerHandlerUser&>(*this), channel));
  return learners_.back()->link();
}

void Leading::on_informed(LearnerHandler& learner) {
  for (auto& other : learners_)
    if (other.get() != &learner && other->id() == learner.id())
      other->drop("it has connected anew");
  // One that can follow nobody any more is no reason to leave an office, and chooses no epoch.
  if (learner.accepted_epoch() >= kLastEpoch && epoch_ < kLastEpoch)
    return learner.drop("it has accepted the last epoch that there is");
  if (phase_ == Phase::gathering) return choose_epoch();
  // It can follow nobody below the epoch that it has accepted. The next epoch can be above that.
  if (learner.voter() && learner.accepted_epoch() > epoch_)
    return leave("server " + std::to_string(learner.id().value) + " has accepted epoch " +
                 std::to_string(learner.accepted_epoch().value));
  if (phase_ >= Phase::asking) learner.greet(epoch_);
}

/// Above all that a quorum has accepted. Only voters count: nobody else shall drive the epochs.
void Leading::choose_epoch() {
  const auto came = [](const LearnerHandler& learner) {
    return learner.voter() && learner.stage() == Stage::informed;
  };
  if (left_ || phase_ != Phase::gathering || !is_quorum_with_self(ids_with(came))) return;
  phase_ = Phase::accepting;
  phase_end_ = ground_.loop.now() + ground_.timing.init();
  auto highest = ground_.promises.accepting();
  for (const auto& learner : learners_)
    if (came(*learner)) highest = std::max(highest, learner->accepted_epoch());
  epoch_ = {highest.value + 1};
  if (ground_.has_bug(Bug::zk335)) return on_accepted();
  ground_.promises.accept(epoch_, guarded<Result<void>>([this](Result<void> kept) {
    if (!kept) return ground_.die(kept.error());
    on_accepted();
  }));
}

void Leading::on_accepted() {
  if (left_) return;
  phase_ = Phase::asking;
  for (auto& learner : learners_)
    if (learner->stage() == Stage::informed) learner->greet(epoch_);
  count_epochs();
}

void Leading::on_epoch_acknowledged(LearnerHandler& learner) {
  if (phase_ > Phase::entering) return learner.begin_sync(epoch_);
  const auto theirs = learner.current_epoch();
  if (!theirs) return;
  const auto own = std::pair(current_before_, started_at_);
  if (std::pair(*theirs, learner.last_zxid()) > own)
    return learner.drop("its history is newer than the leader's");
  count_epochs();
}

void Leading::count_epochs() {
  const auto counts = [](const LearnerHandler& learner) {
    return learner.voter() && learner.stage() == Stage::acknowledged && learner.current_epoch();
  };
  if (left_ || phase_ != Phase::asking || !ground_.promises_count ||
      !is_quorum_with_self(ids_with(counts)))
    return;
  phase_ = Phase::entering;
  ground_.promises.enter(epoch_, guarded<Result<void>>([this](Result<void> kept) {
    if (!kept) return ground_.die(kept.error());
    synchronize();
  }));
}

void Leading::synchronize() {
  if (left_) return;
  phase_ = Phase::synchronizing;
  phase_end_ = ground_.loop.now() + ground_.timing.init();
  last_prepared_ = Zxid::of(epoch_, 0);
  if (ground_.has_bug(Bug::zk790)) ground_.history.apply(committed_, [](auto) {});
  for (std::size_t i = 0; i < learners_.size(); ++i)
    if (learners_[i]->stage() == Stage::acknowledged) learners_[i]->begin_sync(epoch_);
  establish();
}

void Leading::on_caught_up(LearnerHandler& learner, Zxid sent) {
  std::string packets;
  const bool misses = ground_.has_bug(Bug::zk962);
  for (const auto& entry : ground_.history.unapplied())
    if (!misses && entry.zxid > sent && (learner.voter() || entry.zxid <= committed_)) {
      append_proposal(packets, entry);
      if (entry.zxid <= committed_) append_packet(packets, PacketType::commit, entry.zxid.value);
    }
  learner.send(SharedBytes(std::move(packets)));
  for (auto& other : learners_) other->go_on();
}

/// Pings find out what has become of those that serve. To the others little is said, and a learner that has lost
/// power and come back would be waited for.
void Leading::on_looking(ServerId who) {
  for (auto& learner : learners_)
    if (learner->id() == who && learner->stage() < Stage::serving) learner->drop("it looks for a leader");
}

void Leading::on_joined(LearnerHandler& learner) {
  if (phase_ == Phase::serving) return learner.set_up_to_date();
  establish();
}

void Leading::establish() {
  const auto joined = [](const LearnerHandler& learner) {
    return learner.voter() && learner.stage() == Stage::joined;
  };
  if (left_ || phase_ != Phase::synchronizing || !is_quorum_with_self(ids_with(joined))) return;
  serve();
}

void Leading::serve() {
  phase_ = Phase::serving;
  ground_.apply(committed_);
  for (auto& learner : learners_)
    if (learner->stage() == Stage::joined) learner->set_up_to_date();
  ground_.established(ServingRole::leader, epoch_, BroadcastEvents::Doubt::resolved);
  on_submitted();
}

// --- broadcast ------------------------------------------------------------------------------------

void Leading::on_submitted() {
  auto& submissions = ground_.submissions;
  while (!left_ && phase_ == Phase::serving && !used_up() &&
         submissions.first_unsent() < submissions.size()) {
    const auto& write = submissions.at(submissions.first_unsent());
    submissions.mark_sent(epoch_);
    prepare(write.request());
  }
  propose();
}

void Leading::submit_own(std::span<const Request> requests) {
  for (const auto& request : requests)
    if (!left_ && phase_ == Phase::serving) prepare(request);
  propose();
}

void Leading::on_request(LearnerHandler& learner, const QuorumPacket& packet) {
  JuteReader in(packet.data.value_or(""));
  Request request;
  request.session = {in.take<std::int64_t>()};
  request.cxid = in.take<std::int32_t>();
  request.op = in.take<std::int32_t>();
  if (!in.ok()) return learner.drop("its REQUEST is malformed");
  request.body = in.rest();
  request.identities = packet.identities;
  request.owner = learner.id();
  if (static_cast<Op>(request.op) != Op::sync) return prepare(request);
  await(&learner, [&learner] {
    if (learner.stage() == Stage::serving) learner.answer(PacketType::sync, 0);
  });
}

void Leading::on_revalidate(LearnerHandler& learner, SessionId session, std::int32_t timeout_ms, Claim claim,
                            std::function<void(bool)> tell) {
  const bool valid = claim_session(session, timeout_ms, learner.id(), claim);
  await(&learner, [tell = std::move(tell), valid] { tell(valid); });
}

void Leading::prepare(const Request& request) {
  if (left_ || used_up()) return;
  last_prepared_ = last_prepared_.next();
  batch_.push_back(ground_.parts.state.prepare(request, last_prepared_, ground_.loop.wall_ms()));
}

void Leading::propose() {
  const auto batch = std::exchange(batch_, {});
  if (batch.empty() || left_) return;
  std::string packets;
  const auto now = ground_.loop.now();
  for (const auto& entry : batch) {
    append_proposal(packets, entry);
    outstanding_.push_back({entry.zxid, now});
  }
  ground_.history.append(batch);
  const SharedBytes bytes(std::move(packets));
  for (auto& learner : learners_)
    if (learner->stage() >= Stage::live && learner->stage() != Stage::gone && learner->voter())
      learner->propose(bytes, static_cast<std::int64_t>(batch.size()), batch.back().zxid);
}

void Leading::on_learner_batch_end() {
  propose();
  if (std::exchange(progress_, false)) advance();
}

void Leading::on_durable() {
  if (!left_ && phase_ == Phase::serving) advance();
}

/// Commits what a quorum has acknowledged, and what is durable here: nothing is applied before that.
void Leading::advance() {
  if (left_ || phase_ != Phase::serving) return;
  const auto durable = ground_.history.last_durable();
  std::map<ServerId, Zxid> positions;
  if (ground_.ensemble.is_voter(ground_.parts.self)) positions[ground_.parts.self] = durable;
  for (const auto& learner : learners_)
    if (learner->voter() && (learner->stage() == Stage::joined || learner->stage() == Stage::serving))
      positions[learner->id()] = learner->acknowledged();
  const auto reached = quorum_position(ground_.ensemble, positions);
  if (reached) commit(std::min(*reached, durable));
  if (!left_ && used_up() && committed_ == last_prepared_)
    return leave("the zxids of epoch " + std::to_string(epoch_.value) + " are used up after " +
                 text_of(committed_) + ", and a new leader begins the next one");
  tell_awaited();
}

void Leading::commit(Zxid zxid) {
  const auto hears = [](const auto& learner) {
    return learner->stage() >= Stage::live && learner->stage() != Stage::gone;
  };
  const bool observed = std::any_of(learners_.begin(), learners_.end(), [&](const auto& learner) {
    return hears(learner) && !learner->voter();
  });
  std::string commits, informs;
  bool any = false;
  for (const auto& entry : ground_.history.unapplied()) {
    if (entry.zxid > zxid) break;
    any = true;
    append_packet(commits, PacketType::commit, entry.zxid.value);
    if (observed)
      append_packet(informs, PacketType::inform, entry.zxid.value, entry.payload.view());
    committed_ = entry.zxid;
  }
  if (!any) return;
  const auto now = ground_.loop.now();
  for (; !outstanding_.empty() && outstanding_.front().zxid <= committed_; outstanding_.pop_front())
    ground_.metrics.quorum_ack_us.record(
        std::chrono::duration_cast<Micros>(now - outstanding_.front().proposed).count());
  const SharedBytes to_voters(std::move(commits)), to_observers(std::move(informs));
  for (auto& learner : learners_)
    if (hears(learner))
      learner->commit(learner->voter() ? to_voters : to_observers);
  ground_.apply(committed_);
}

// --- syncs, sessions ------------------------------------------------------------------------------

void Leading::sync(SessionId session, std::int32_t cxid) {
  await(nullptr, [this, session, cxid] { ground_.synced(session, cxid); });
  ground_.loop.post(guarded<>([this] { tell_awaited(); }));
}

void Leading::await(LearnerHandler* learner, std::function<void()> tell, Done<bool> revalidation) {
  awaited_.push_back({last_prepared_, ground_.loop.now(), learner, std::move(tell),
                      std::move(revalidation)});
  progress_ = true;
}

void Leading::tell_awaited() {
  while (!left_ && !awaited_.empty() && covers(awaited_.front().after)) {
    if (confirmed() < awaited_.front().asked && !ground_.has_bug(Bug::zk1675))
      return ask_whether_in_office();
    const auto tell = std::move(awaited_.front().tell);
    awaited_.pop_front();
    tell();
  }
}

/// Zxid (epoch, 0) stands before the first transaction of the epoch.
bool Leading::covers(Zxid zxid) const { return zxid.counter() == 0 || zxid <= committed_; }

void Leading::ask_whether_in_office() {
  if (confirmed() < asked_) return;  // The last round is still under way.
  asked_ = ground_.loop.now();
  for (auto& learner : learners_) learner->ping_now(last_prepared_);
}

/// A session that has ended has ended for good when its client hears of it: the transaction that closes
/// it is committed by then. ZooKeeper's leader says so at once, also one that is cut off from a majority
/// in which the session lives, and holds its locks. One that lives has come to its new server with all that
/// it had asked for at the old one: what comes of that later is refused, and none of it can be taken for an
/// answer to what its client asks for from then on, which may have the same numbers.
void Leading::revalidate(SessionId session, std::int32_t timeout_ms, Claim claim,
                         Done<bool> done) {
  revalidations_.push_back(std::move(done));
  ground_.loop.post(guarded<>([this, session, timeout_ms, claim] {
    if (revalidations_.empty()) return;
    const auto first = std::move(revalidations_.front());
    revalidations_.pop_front();
    const bool valid = claim_session(session, timeout_ms, ground_.parts.self, claim);
    propose();
    await(nullptr, [first, valid] { first(valid); }, first);
    tell_awaited();
  }));
}

/// That a session has come to another server is in the history before its client hears that it lives. The
/// server that it has left may be cut off from it without knowing, and gives what it has kept of its writes to
/// the next leader, unless it meets this in that one's history first.
bool Leading::claim_session(SessionId session, std::int32_t timeout_ms, ServerId owner, Claim claim) {
  auto& state = ground_.parts.state;
  const bool comes = claim == Claim::fresh && state.owner(session) != owner;
  const bool valid = state.revalidate(session, timeout_ms, owner, claim);
  if (comes && valid)
    prepare({session, kSessionMove, static_cast<std::int32_t>(Op::error), {}, {}, {}, false, owner});
  return valid;
}

void Leading::end() {
  const Error left(Errc::closed, "the leader has left its office");
  for (const auto& done : std::exchange(revalidations_, {})) done(left);
  for (const auto& awaited : std::exchange(awaited_, {}))
    if (awaited.revalidation) awaited.revalidation(left);
}

void Leading::touch(SessionId session, std::int32_t timeout_ms) {
  ground_.parts.state.touch(session, timeout_ms, ground_.parts.self);
}

MonoTime Leading::confirmed() const {
  if (phase_ != Phase::serving) return {};
  std::map<ServerId, MonoTime> times;
  times[ground_.parts.self] = ground_.loop.now();
  for (const auto& learner : learners_)
    if (learner->voter() && learner->stage() == Stage::serving)
      times[learner->id()] = learner->confirmed();
  return quorum_position(ground_.ensemble, times).value_or(MonoTime{});
}

// --- time -----------------------------------------------------------------------------------------

void Leading::tick() {
  if (left_) return;
  tick_timer_->arm(ground_.timing.ping());
  const auto now = ground_.loop.now();
  if (phase_ < Phase::serving) {
    if (now > phase_end_) return leave("no quorum came in time");
    return drop_the_silent();
  }
  drop_the_silent();
  if (!has_synced_quorum()) return leave("a quorum is no longer heard");
  if (!outstanding_.empty() && ground_.history.last_durable() < outstanding_.front().zxid &&
      now > outstanding_.front().proposed + ground_.timing.sync())
    return leave("the log here takes longer than syncLimit");
  for (auto& learner : learners_) learner->ping(last_prepared_);
}

void Leading::drop_the_silent() {
  const auto now = ground_.loop.now();
  for (std::size_t i = 0; i < learners_.size(); ++i) {
    auto& learner = *learners_[i];
    const bool serving = learner.stage() == Stage::serving;
    const auto limit = serving ? ground_.timing.sync() : ground_.timing.init();
    if (learner.stage() == Stage::gone) continue;
    if (now > learner.heard() + limit)
      learner.drop("it was silent for too long");
    else if (serving && learner.voter() && !outstanding_.empty() &&
             learner.acknowledged() < outstanding_.front().zxid &&
             now > outstanding_.front().proposed + limit)
      learner.drop("it has not acknowledged a proposal within syncLimit");
    else if (learner.stage() >= Stage::live && learner.queued_bytes() > kUnreadBytesMax)
      learner.drop("it does not read what it is sent");
  }
}

bool Leading::has_synced_quorum() const {
  return is_quorum_with_self(ids_with([](const LearnerHandler& learner) {
    return learner.voter() && learner.stage() == Stage::serving;
  }));
}

void Leading::on_learner_gone(LearnerHandler& learner, std::string_view why) {
  if (learner.id() != ServerId{-1} && !left_)
    ground_.log.info("server " + std::to_string(learner.id().value) + " follows no more: " +
                     std::string(why));
  std::erase_if(awaited_, [&](const Awaited& one) { return one.learner == &learner; });
  sweep_timer_->arm(Micros(0));
}

void Leading::sweep() {
  std::erase_if(learners_, [](const auto& learner) { return learner->stage() == Stage::gone; });
  if (left_) return;
  if (!may_go_on()) {
    if (phase_ < Phase::serving) ground_.metrics.offices_given_up.add();
    return leave("too few are left of those who follow");
  }
  for (std::size_t i = 0; i < learners_.size(); ++i) learners_[i]->go_on();
}

/// Whoever has lost this leader looks for another, and finds one sooner when this one does so too. Of two
/// that each wait until initLimit for the same server, which comes and goes, none would ever be established.
bool Leading::may_go_on() const {
  if (phase_ == Phase::gathering) return true;
  if (phase_ == Phase::serving) return has_synced_quorum();
  return is_quorum_with_self(ids_with([](const LearnerHandler& learner) {
    return learner.voter() && learner.stage() >= Stage::informed && learner.stage() < Stage::gone;
  }));
}

// --- counting -------------------------------------------------------------------------------------

std::size_t Leading::snapshots_under_way() const {
  return static_cast<std::size_t>(std::count_if(
      learners_.begin(), learners_.end(), [](const auto& one) { return one->sends_snapshot(); }));
}

ServerIds Leading::ids_with(const std::function<bool(const LearnerHandler&)>& holds) const {
  ServerIds ids;
  for (const auto& learner : learners_)
    if (holds(*learner)) ids.insert(learner->id());
  return ids;
}

bool Leading::is_quorum_with_self(ServerIds ids) const {
  ids.insert(ground_.parts.self);
  return ground_.ensemble.is_quorum(ids);
}

std::vector<Broadcast::PeerStatus> Leading::peers() const {
  std::vector<Broadcast::PeerStatus> all;
  for (const auto& learner : learners_)
    if (learner->id() != ServerId{-1} && learner->stage() != Stage::gone)
      all.push_back({learner->id(), learner->peer(), learner->stage() == Stage::serving,
                     learner->voter(), learner->acknowledged()});
  return all;
}

}  // namespace vivarium::zab
