#include "fast_leader_election.hpp"

#include <vivarium/assert.hpp>

#include <algorithm>
#include <limits>
#include <tuple>
#include <utility>

namespace vivarium::zab {
namespace {

constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::min();
/// ZooKeeper passes over a looking server with this zxid.
constexpr Zxid kNoZxid{-1};
/// An epoch that is in nobody's way, and is not taken for that of a new server.
constexpr Epoch kNoEpoch{-1};

/// Wraps: the round may be one that somebody has made up.
std::int64_t after(std::int64_t round) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(round) + 1);
}

Proposal proposal_of(const Notification& heard) {
  return {heard.leader, heard.zxid, heard.peer_epoch};
}

Vote vote_of(const Notification& heard) {
  return {proposal_of(heard), heard.round, heard.state, heard.version};
}

/// Its sender has no more than what it proposes.
bool is_blank(const Notification& heard) {
  return heard.zxid <= Zxid{0} && heard.peer_epoch == Epoch{0};
}

PeerState state_of(Role role) {
  switch (role) {
    case Role::looking: break;
    case Role::following: return PeerState::following;
    case Role::leading: return PeerState::leading;
    case Role::observing: return PeerState::observing;
  }
  return PeerState::looking;
}

}  // namespace

bool Vote::agrees_with(const Vote& other) const {
  if (state == PeerState::looking || other.state == PeerState::looking)
    return proposal == other.proposal && round == other.round;
  const bool comparable = (version > 0) == (other.version > 0);
  return proposal.leader == other.proposal.leader &&
         (!comparable || proposal.epoch == other.proposal.epoch);
}

// --- events --------------------------------------------------------------------------------------

void FastLeaderElection::look(Ballot ballot, MonoTime now) {
  const auto voters_before = voters();
  ballot_ = std::move(ballot);
  const bool deaf = phase_ == Phase::decided && deaf_letters_ >= kLettersBelieved;
  deaf_ = deaf ? std::optional(settled_.proposal.leader) : std::nullopt;
  repetitions_ = 0;
  passed_over_.clear();
  if (voters() != voters_before) all_is_new_ = false;
  received_.clear();
  elected_.clear();
  looking_.clear();
  phase_ = Phase::looking;
  round_ = after(round_);
  repeat_ = kRepeatFirst;
  ending_ = false;
  all_is_new_ = all_is_new_ || everyone_blank();
  propose(initial_proposal());
  weigh(true, now);
  check_invariants();
}

void FastLeaderElection::settle(Role role, ServerId leader, Epoch epoch) {
  VIVARIUM_ASSERT(role != Role::looking, "a server settles in a role, or looks");
  if (phase_ != Phase::decided || settled_.proposal.leader != leader) {
    settled_ = {{leader, ballot_.last_durable, epoch}, round_, state_of(role),
                Notification::kVersion};
    forget_letters();
  }
  settled_.state = state_of(role);
  // The caller may not know yet what it joins; the one that was elected is not behind it.
  settled_.proposal.epoch = std::max(settled_.proposal.epoch, epoch);
  phase_ = Phase::decided;
  due_.reset();
  check_invariants();
}

void FastLeaderElection::receive(ServerId from, const Notification& notification, MonoTime now) {
  if (phase_ == Phase::idle || from == self_) return;
  const bool asks = notification.state == PeerState::looking;
  const bool behind = phase_ == Phase::decided || notification.round < round_;
  // Who had a leader when it was told, and looks now, has not kept what it was told.
  const bool missed = asks && phase_ == Phase::looking && elected_.erase(from) > 0;
  if (asks && (behind || missed || !is_voter(from))) answer(from);
  if (asks && phase_ == Phase::decided && is_member(from)) note_looking(from, notification);
  if (phase_ == Phase::decided || !is_voter(from) || !is_voter(notification.leader)) return;
  if (asks)
    hear_looking(from, notification, now);
  else if (notification.state != PeerState::observing)
    hear_elected(from, notification, now);
  check_invariants();
}

void FastLeaderElection::reach(ServerIds connected, ServerIds connecting, MonoTime now) {
  bool lost = false;
  for (const auto id : connected_) {
    if (connected.contains(id)) continue;
    looking_.erase(id);
    elected_.erase(id);
    lost = lost || id == proposal_.leader;
  }
  connected_ = std::move(connected);
  connecting_ = std::move(connecting);
  if (looking() && lost) return pass_over(proposal_.leader, now);
  if (looking() && ending_) weigh(false, now);
}

void FastLeaderElection::expire(MonoTime now) {
  if (!due_ || now < *due_) return;
  if (ending_) return may_lead(proposal_.leader) ? decide(proposal_) : pass_over(proposal_.leader, now);
  if (deaf_ && ++repetitions_ == kDeafRepetitions) avoid_no_longer(now);
  if (!looking() || ending_) return;
  repeat_ = std::min(repeat_ * 2, onlooker() ? kOnlookerRepeatLast : kRepeatLast);
  due_ = now + repeat_;
  announce();
}

FastLeaderElection::Outcome FastLeaderElection::take() {
  return std::exchange(outcome_, {});
}

// --- who is who ----------------------------------------------------------------------------------

bool FastLeaderElection::is_voter(ServerId id) const {
  return ballot_.committed.is_voter(id) || ballot_.last_seen.is_voter(id);
}

bool FastLeaderElection::is_member(ServerId id) const {
  return ballot_.committed.find(id) || ballot_.last_seen.find(id);
}

ServerIds FastLeaderElection::voters() const {
  auto all = ballot_.committed.voters();
  all.insert(ballot_.last_seen.voters().begin(), ballot_.last_seen.voters().end());
  return all;
}

bool FastLeaderElection::onlooker() const {
  if (!ballot_.committed.is_voter(self_)) return true;
  if (ballot_.vote == Candidacy::Vote::empty) return !all_is_new_;
  return ballot_.vote == Candidacy::Vote::none;
}

Proposal FastLeaderElection::initial_proposal() const {
  if (!ballot_.committed.is_voter(self_)) return {{kNever}, {kNever}, {kNever}};
  switch (ballot_.vote) {
    case Candidacy::Vote::none: return {self_, kNoZxid, kNoEpoch};
    case Candidacy::Vote::empty: return {self_, all_is_new_ ? Zxid{0} : kNoZxid, Epoch{0}};
    case Candidacy::Vote::counts: break;
  }
  return {self_, ballot_.last_durable, ballot_.current_epoch};
}

bool FastLeaderElection::beats(const Proposal& challenger, const Proposal& holder) const {
  const auto key = [](const Proposal& p) { return std::tie(p.epoch, p.zxid, p.leader); };
  const bool avoided = challenger.leader == deaf_ || passed_over_.contains(challenger.leader);
  return ballot_.committed.weight(challenger.leader) != 0 && !avoided && key(challenger) > key(holder);
}

// --- what is heard -------------------------------------------------------------------------------

void FastLeaderElection::hear_looking(ServerId from, const Notification& heard, MonoTime now) {
  passed_over_.erase(from);
  looking_[from] = heard;
  if (all_is_new_ || !everyone_blank()) return count(from, heard, now);
  all_is_new_ = true;
  propose(initial_proposal());
  weigh(true, now);
  count_again(now);
}

void FastLeaderElection::count_again(MonoTime now) {
  for (const auto& [sender, last] : std::map(looking_))
    if (looking()) count(sender, last, now);
}

void FastLeaderElection::count(ServerId from, const Notification& heard, MonoTime now) {
  if (onlooker() || heard.zxid == kNoZxid || !take_round(heard)) return;
  auto vote = vote_of(heard);
  vote.version = 0;  // As in ZooKeeper, where votes of one round are compared without.
  const auto before = received_.find(from);
  const bool news = before == received_.end() || !before->second.agrees_with(vote);
  received_[from] = vote;
  weigh(news, now);
}

/// False when the message has no part in this round.
bool FastLeaderElection::take_round(const Notification& heard) {
  const auto challenger = proposal_of(heard);
  if (heard.round < round_) return false;
  if (heard.round == round_) {
    if (beats(challenger, proposal_)) propose(challenger);
    return true;
  }
  // A round that is about to end is not given up for one that would not end better: those who ended
  // it already would have to be waited for.
  if (ending_ && !beats(challenger, proposal_)) return false;
  round_ = heard.round;
  received_.clear();
  const auto initial = initial_proposal();
  propose(beats(challenger, initial) ? challenger : initial);
  return true;
}

void FastLeaderElection::hear_elected(ServerId from, const Notification& heard, MonoTime now) {
  looking_.erase(from);
  const auto vote = vote_of(heard);
  if (heard.round == round_ && !onlooker()) {
    received_[from] = vote;
    received_[from].version = 0;
    if (joins(received_, vote)) return decide(vote.proposal);
  }
  elected_[from] = vote;
  if (joins(elected_, vote)) {
    round_ = heard.round;
    return decide(vote.proposal);
  }
  if (from == proposal_.leader && !may_lead(from)) return pass_over(from, now);
  weigh(true, now);
}

/// A quorum is with a leader that says so itself: followers may not have noticed yet that it is
/// gone.
bool FastLeaderElection::joins(const Votes& votes, const Vote& vote) const {
  const auto leader = vote.proposal.leader;
  if (!is_quorum(agreeing(votes, vote))) return false;
  if (leader == self_) return !onlooker() && vote.round == round_;
  const auto found = votes.find(leader);
  return found != votes.end() && found->second.state == PeerState::leading;
}

bool FastLeaderElection::everyone_blank() const {
  if (ballot_.vote != Candidacy::Vote::empty || !ballot_.committed.is_voter(self_)) return false;
  const auto all = voters();
  return std::all_of(all.begin(), all.end(), [&](ServerId id) {
    const auto found = looking_.find(id);
    return id == self_ || (found != looking_.end() && is_blank(found->second));
  });
}

void FastLeaderElection::note_looking(ServerId from, const Notification& heard) {
  const auto letters = ++looking_letters_[from];
  if (heard.round > settled_.round || letters >= kLettersBelieved) outcome_.looks = from;
  const bool elected = settled_.state != PeerState::leading && from == settled_.proposal.leader;
  if (elected && heard.leader == from && heard.round == settled_.round) ++deaf_letters_;
}

void FastLeaderElection::forget_letters() {
  looking_letters_.clear();
  deaf_letters_ = 0;
}

/// Perhaps it can hear by now; and perhaps nobody else can lead.
void FastLeaderElection::avoid_no_longer(MonoTime now) {
  deaf_.reset();
  count_again(now);
}

/// Whoever is for it: it is out of reach, or follows another. The best of the others in this round is proposed.
void FastLeaderElection::pass_over(ServerId id, MonoTime now) {
  passed_over_.insert(id);
  auto best = initial_proposal();
  for (const auto& [sender, vote] : received_)
    if (may_lead(vote.proposal.leader) && beats(vote.proposal, best)) best = vote.proposal;
  propose(best);
  weigh(true, now);
  count_again(now);
}

/// It is heard itself, since whoever looks tells everybody and who does not answers; and it does not say that it
/// is with another.
bool FastLeaderElection::may_lead(ServerId id) const {
  const auto elected = elected_.find(id);
  return id == self_ || looking_.contains(id) ||
         (elected != elected_.end() && elected->second.proposal.leader == id);
}

// --- what comes of it ----------------------------------------------------------------------------

void FastLeaderElection::propose(const Proposal& proposal) {
  proposal_ = proposal;
  if (!onlooker()) received_[self_] = {proposal_, round_, PeerState::looking, 0};
  announce();
}

void FastLeaderElection::announce() {
  for (const auto voter : voters())
    if (voter != self_) answer(voter);
}

void FastLeaderElection::answer(ServerId to) {
  Notification told;
  const auto& [leader, zxid, epoch] = looking() ? proposal_ : settled_.proposal;
  told.state = looking() ? PeerState::looking : settled_.state;
  told.leader = leader;
  told.zxid = zxid;
  told.peer_epoch = epoch;
  // Whoever is no voter learns the round of the clock, as in ZooKeeper.
  told.round = looking() || !is_voter(to) ? round_ : settled_.round;
  outcome_.letters.push_back({to, std::move(told)});
}

/// Is it over? Sets the time of the next look at that.
void FastLeaderElection::weigh(bool news, MonoTime now) {
  const Vote mine{proposal_, round_, PeerState::looking, 0};
  const bool agreed = !onlooker() && is_quorum(agreeing(received_, mine));
  if (!agreed) due_ = now + repeat_;
  if (agreed && (news || !ending_)) due_ = now + kSilence;
  ending_ = agreed;
  if (ending_ && may_lead(proposal_.leader) && nobody_left_to_hear()) decide(proposal_);
}

bool FastLeaderElection::is_quorum(const ServerIds& servers) const {
  const bool changing = ballot_.last_seen.version() > ballot_.committed.version();
  return ballot_.committed.is_quorum(servers) &&
         (!changing || ballot_.last_seen.is_quorum(servers));
}

ServerIds FastLeaderElection::agreeing(const Votes& votes, const Vote& vote) const {
  ServerIds agree;
  for (const auto& [sender, theirs] : votes)
    if (vote.agrees_with(theirs)) agree.insert(sender);
  return agree;
}

/// Everyone who could say something new has agreed. That spares waiting for the silence.
bool FastLeaderElection::nobody_left_to_hear() const {
  const auto agree = agreeing(received_, {proposal_, round_, PeerState::looking, 0});
  ServerIds heard{self_};
  for (const auto id : voters()) {
    if (id == self_) continue;
    if (connected_.contains(id)) heard.insert(id);
    if (connected_.contains(id) ? !agree.contains(id) : connecting_.contains(id)) return false;
  }
  return is_quorum(heard);
}

void FastLeaderElection::decide(const Proposal& proposal) {
  const bool voter = ballot_.committed.is_voter(self_);
  auto state = voter ? PeerState::following : PeerState::observing;
  if (proposal.leader == self_) state = PeerState::leading;
  settled_ = {proposal, round_, state, Notification::kVersion};
  forget_letters();
  phase_ = Phase::decided;
  ending_ = false;
  due_.reset();
  outcome_.leader = proposal.leader;
  check_invariants();
}

void FastLeaderElection::check_invariants() const {
  VIVARIUM_ASSERT(looking() == due_.has_value(), "who looks looks again, and nobody else does");
  VIVARIUM_ASSERT(!looking() || !onlooker() || received_.empty(), "an onlooker counts no votes");
  VIVARIUM_ASSERT(phase_ != Phase::decided || settled_.state != PeerState::looking,
                  "who has decided does not look");
}

}  // namespace vivarium::zab
