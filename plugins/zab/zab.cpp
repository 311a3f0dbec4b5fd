#include "zab.hpp"

#include "following.hpp"
#include "leading.hpp"
#include "zxid_text.hpp"

#include <vivarium/assert.hpp>

#include <charconv>
#include <utility>

namespace vivarium::zab {
namespace {

std::int64_t setting(PluginHost& host, std::string_view key, std::int64_t otherwise) {
  const auto text = host.server_setting(key);
  std::int64_t value = otherwise;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

PutBack bug_put_back([[maybe_unused]] PluginHost& host) {
#ifdef VIVARIUM_BUGS
  return PutBack(bug_named(host.options().text("bug")));
#else
  return PutBack();
#endif
}

Ensemble members_of(const StateMachine& state) {
  auto ensemble = Ensemble::parse(state.committed_config());
  VIVARIUM_ASSERT(ensemble.has_value(), ensemble.has_value() ? "" : ensemble.error().what);
  return std::move(*ensemble);
}

}  // namespace

struct Zab::Work {
  Work(const BroadcastParts& lent, Zab& zab)
      : parts(lent),
        ensemble(members_of(lent.state)),
        history(parts, zab.put_back_),
        promises(lent.log, lent.opened),
        ground{zab.loop_, zab.log_,  parts,    ensemble,    zab.timing_,
               history,   promises, submissions, zab.metrics_} {}

  BroadcastParts parts;
  Ensemble ensemble;
  History history;
  Promises promises;
  Submissions submissions;
  Ground ground;
};

Zab::Zab(PluginHost& host)
    : loop_(host.loop()),
      log_(host.log()),
      timing_{setting(host, "tickTime", 3000), setting(host, "initLimit", 10),
              setting(host, "syncLimit", 5)},
      counter_max_(static_cast<std::uint32_t>(host.options().integer("counter_max"))),
      put_back_(bug_put_back(host)),
      listens_everywhere_(host.server_setting("quorumListenOnAllIPs") == "true"),
      metrics_(host.metrics()) {}

Zab::~Zab() = default;

void Zab::post(std::function<void()> task) {
  loop_.post([this, alive = std::weak_ptr(alive_), task = std::move(task)] {
    if (!alive.expired() && work_) task();
  });
}

void Zab::run(const BroadcastParts& parts) {
  VIVARIUM_ASSERT(parts.election && parts.election_transport && parts.quorum,
                  "an ensemble needs an election and transports");
  work_ = std::make_unique<Work>(parts, *this);
  damaged_ = !parts.opened.may_vote;
  auto& ground = work_->ground;
  ground.listens_everywhere = listens_everywhere_;
  ground.put_back = put_back_;
  ground.counter_max = counter_max_;
  away_since_ = loop_.now();
  ground.leave = [this](std::string why) {
    leaving_ = std::move(why);
    post([this] { end_office(); });
  };
  work_->history.on_changed([this] {
    if (looking_ && !dead_) look();
  });
  ground.die = [this](const Error& error) { on_failed(error); };
  ground.synced = [this](SessionId session, std::int32_t cxid) { on_synced(session, cxid); };
  ground.established = [this](ServingRole role, Epoch epoch, BroadcastEvents::Doubt doubt) {
    on_established(role, epoch, doubt);
  };
  parts.election->run({parts.self, *parts.election_transport, *this});
  look();
}

void Zab::stop() {
  alive_.reset();
  office_.reset();
  work_.reset();
}

// --- looking for a leader -------------------------------------------------------------------------

Candidacy Zab::candidacy() const {
  const auto& work = *work_;
  Candidacy candidacy{work.history.claimed(), work.promises.current()};
  const bool empty = !work.promises.ever_kept() && work.history.last_durable() == Zxid{};
  if (empty && !put_back_.has_bug(Bug::zk261)) candidacy.vote = Candidacy::Vote::empty;
  if (damaged_ || !work.ensemble.is_voter(work.parts.self)) candidacy.vote = Candidacy::Vote::none;
  candidacy.committed_config = work.parts.state.committed_config();
  candidacy.last_seen_config = work.parts.state.last_seen_config();
  return candidacy;
}

/// Votes rest on what is durable, so the log has to come to rest first (ZOOKEEPER-4541, 4712).
void Zab::look() {
  if (!std::exchange(looking_, true)) {
    looking_since_ = loop_.now();
    metrics_.looked.add();
  }
  if (dead_) return;
  if (work_->promises.accepted() >= kLastEpoch)
    return on_failed({Errc::out_of_range,
                      "epoch " + std::to_string(kLastEpoch.value) +
                          " was accepted here, the last one that there is: no leader comes after it"});
  auto& history = work_->history;
  if (history.at_rest() || put_back_.has_bug(Bug::zk4541)) return work_->parts.election->look(candidacy());
  if (!log_full_ || history.changing()) return;  // on_durable() comes, or the end of the change.
  history.truncate(history.last_durable(), [this](Result<void> cut) {
    if (!cut) on_failed(cut.error());
  });
}

void Zab::on_advice(ServerId leader, Candidacy::Vote vote) {
  if (!work_ || !looking_ || dead_) return;
  if (!work_->ensemble.find(leader)) return;
  looking_ = false;
  metrics_.election_ms.record(ms_since(looking_since_));
  work_->ground.promises_count = vote == Candidacy::Vote::counts;
  if (!work_->ground.promises_count || work_->promises.ever_kept()) return take_office(leader);
  // All is new: from now on this server is known to be, also to itself when it starts again, and not
  // taken for one whose disk was wiped.
  work_->promises.enter(work_->promises.current(), [this, leader](Result<void> kept) {
    if (!kept) return on_failed(kept.error());
    if (!dead_) take_office(leader);
  });
}

void Zab::take_office(ServerId leader) {
  leader_ = leader;
  const auto* member = work_->ensemble.find(leader);
  auto& ground = work_->ground;
  const auto self = work_->parts.self;
  const auto role = leader == self                     ? Role::leading
                    : work_->ensemble.is_voter(self) ? Role::following
                                                       : Role::observing;
  work_->parts.election->settle(role, leader, work_->promises.current());
  log_.info(leader == self ? "trying to lead"
                           : "trying to follow server " + std::to_string(leader.value));
  if (role == Role::leading)
    office_ = std::make_unique<Leading>(ground);
  else
    office_ = std::make_unique<Following>(ground, member->quorum);
  office_->begin();
}

void Zab::on_looking(ServerId who) {
  const bool matters = who == leader_ || leader_ == work_->parts.self;
  if (office_ && !leaving_ && matters) office_->on_looking(who);
}

void Zab::on_election_failed(const Error& error) { on_failed(error); }

std::int64_t Zab::ms_since(MonoTime begun) const {
  return std::chrono::duration_cast<Millis>(loop_.now() - begun).count();
}

void Zab::on_established(ServingRole role, Epoch epoch, BroadcastEvents::Doubt doubt) {
  role_ = role;
  metrics_.unavailable_ms.record(ms_since(away_since_));
  if (role == ServingRole::leader) metrics_.leader_unavailable_ms.record(ms_since(away_since_));
  damaged_ = false;
  auto& work = *work_;
  // This leader may still hold, and propose, what it was sent before.
  if (work.submissions.any_sent_in(epoch)) doubt = BroadcastEvents::Doubt::open;
  if (doubt == BroadcastEvents::Doubt::open) {
    work.submissions.forget();
    syncs_.clear();
  }
  const auto election_role = role == ServingRole::leader     ? Role::leading
                             : role == ServingRole::follower ? Role::following
                                                             : Role::observing;
  work.parts.election->settle(election_role, leader_, epoch);
  log_.info(std::string(name_of(role)) + " in epoch " + std::to_string(epoch.value) + " at " +
            text_of(work.history.last_applied()));
  for (const auto& [session, cxid] : syncs_) office_->sync(session, cxid);
  work.parts.events.on_role(role, doubt);
}

void Zab::end_office() {
  if (!leaving_ || !office_) return;
  const auto why = *std::exchange(leaving_, std::nullopt);
  log_.warn("looking for a leader: " + why);
  confirmed_ = std::max(confirmed_, office_->confirmed());
  office_->end();
  office_.reset();
  work_->submissions.unsend();
  if (put_back_.has_bug(Bug::zk2845)) work_->history.forget_unapplied();
  if (std::exchange(role_, ServingRole::none) != ServingRole::none) {
    away_since_ = loop_.now();
    work_->parts.events.on_role(ServingRole::none, BroadcastEvents::Doubt::resolved);
  }
  look();
}

// --- the log --------------------------------------------------------------------------------------

void Zab::on_durable(Zxid zxid) {
  if (!work_ || dead_) return;
  work_->history.on_durable(zxid);
  if (office_ && !leaving_) return office_->on_durable();
  if (looking_ && work_->history.at_rest()) look();
}

void Zab::on_failed(const Error& error) {
  if (!work_ || std::exchange(dead_, true)) return;
  auto& events = work_->parts.events;
  post([this] { office_.reset(); });
  events.on_fatal(error);
}

void Zab::on_space(bool low, std::uint64_t free_bytes) {
  if (!work_) return;
  log_full_ = low && free_bytes == 0;
  work_->parts.events.on_space(low, free_bytes);
  if (log_full_ && looking_ && !work_->history.at_rest()) look();
}

// --- clients --------------------------------------------------------------------------------------

void Zab::submit(std::span<const Request> requests) {
  if (!work_ || dead_) return;
  for (const auto& request : requests) {
    const std::span one(&request, 1);
    if (has_client(request))
      work_->submissions.add(one, work_->history.last_logged());
    else if (office_ && serves())
      office_->submit_own(one);
  }
  if (office_ && serves() && !leaving_) office_->on_submitted();
}

void Zab::withdraw(SessionId session) {
  if (work_) work_->submissions.withdraw(session);
}

void Zab::sync(SessionId session, std::int32_t cxid) {
  syncs_.emplace_back(session, cxid);
  if (office_ && serves() && !leaving_) office_->sync(session, cxid);
}

void Zab::on_synced(SessionId session, std::int32_t cxid) {
  VIVARIUM_ASSERT(!syncs_.empty() && syncs_.front() == std::pair(session, cxid),
                  "syncs are answered in their order");
  syncs_.pop_front();
  work_->parts.events.on_synced(session, cxid);
}

void Zab::revalidate(SessionId session, std::int32_t timeout_ms, Claim claim,
                     Done<bool> done) {
  if (office_ && serves() && !leaving_)
    return office_->revalidate(session, timeout_ms, claim, std::move(done));
  post([done = std::move(done)] { done(Error(Errc::closed, "there is no leader")); });
}

void Zab::touch(SessionId session, std::int32_t timeout_ms) {
  if (office_ && serves()) office_->touch(session, timeout_ms);
}

MonoTime Zab::confirmed() const {
  return office_ && serves() ? std::max(confirmed_, office_->confirmed()) : confirmed_;
}

std::vector<Broadcast::PeerStatus> Zab::peers() const {
  return office_ ? office_->peers() : std::vector<PeerStatus>();
}

std::optional<ServerId> Zab::leader() const {
  return serves() ? std::optional(leader_) : std::nullopt;
}

}  // namespace vivarium::zab
