#include "simulator/checks/explanations.hpp"

#include <algorithm>
#include <utility>

namespace vivarium::simulator {
namespace {

/// Of our election: how long it listens for a better vote while somebody is not heard of.
constexpr MonoTime kElectionSilence = Millis(200);
/// How long it takes at most until a vote that was lost with its connection is told again.
constexpr MonoTime kVoteAgain = Millis(200);
/// A learner comes to a leader that does not listen yet, and comes again.
constexpr MonoTime kLearnerAgain = Millis(100);
/// A learner waits for the machine of its leader to answer, where ticks are short.
constexpr MonoTime kAnswersAtLeast = std::chrono::seconds(2);
/// Of the network: what it holds is tried again.
constexpr MonoTime kResent = Millis(200);
/// Of our election: an attempt to connect to a machine that does not answer, which keeps from a second one.
constexpr MonoTime kDialDeadline = Millis(5'000);
/// Of our storage: how often it looks whether there is room again.
constexpr MonoTime kLooksForRoom = std::chrono::seconds(1);
/// Operations of the disk from the log's append to its sync, epochs being written, and what may stand before
/// them in the queue.
constexpr int kDiskOperations = 100;

}  // namespace

Bounds Bounds::of(const Given& given) {
  Bounds bounds;
  const auto disk = kDiskOperations * given.disk;
  // Client, follower, leader, follower, leader, follower, client.
  bounds.answer = 6 * given.delay + disk;
  bounds.told = 2 * given.delay;
  // A leader looks four times a tick at how long it has heard nothing.
  bounds.silence = given.tick * given.sync_limit + given.tick / 4;
  bounds.first_silence = given.tick * given.init_limit + given.tick / 4;
  bounds.resent = kResent + 2 * given.delay;
  bounds.reset = given.asks + bounds.resent;
  bounds.drained = kLooksForRoom + disk;
  bounds.start = kDialDeadline;
  bounds.unreachable = std::max<MonoTime>(2 * given.tick, kAnswersAtLeast);
  const auto election = kElectionSilence + kVoteAgain + 4 * given.delay;
  // FOLLOWERINFO, LEADERINFO, ACKEPOCH, NEWLEADER, ACK, UPTODATE, with two epochs and a history on disk.
  const auto synchronization = kLearnerAgain + 6 * given.delay + 3 * disk;
  bounds.recovery = election + synchronization + given.reconnects + 4 * given.delay + bounds.answer;
  return bounds;
}

Explanations::Explanations(std::size_t voters, const Bounds& bounds)
    : bounds_(bounds), moments_{{MonoTime{}, Circumstances::all_well(voters)}} {}

void Explanations::on_change(MonoTime at, const Circumstances& now, const std::string& why) {
  const auto before = moments_.back().circumstances;
  moments_.push_back({at, now});
  if (!now.worse_than(before) || (leader_ && now.can_lead(*leader_))) return;
  const auto led = leader_ ? "server " + std::to_string(leader_->value) + " led" : std::string("nobody led");
  losses_.push_back({at, before, now, leader_, difference(before, now) + " (" + why + "), and " + led});
}

void Explanations::forget_before(MonoTime moment) {
  while (moments_.size() > 1 && moments_[1].at < moment) moments_.pop_front();
  while (!losses_.empty() && losses_.front().at < moment) losses_.pop_front();
}

const Circumstances& Explanations::at(MonoTime moment) const {
  const auto later = std::find_if(moments_.begin() + 1, moments_.end(),
                                  [&](const Moment& one) { return one.at > moment; });
  return std::prev(later)->circumstances;
}

/// The first moment, not before `from`, in which it holds.
template <class Holds>
std::optional<MonoTime> Explanations::first(MonoTime from, Holds holds) const {
  for (std::size_t i = 0; i < moments_.size(); ++i) {
    const bool over = i + 1 < moments_.size() && moments_[i + 1].at <= from;
    if (!over && holds(moments_[i].circumstances)) return std::max(from, moments_[i].at);
  }
  return std::nullopt;
}

/// When it is known that something is lost, or there again.
std::optional<MonoTime> Explanations::noticed(const Loss& loss) const {
  const auto back = first(loss.at, [&](const Circumstances& now) {
    return loss.leader ? now.can_lead(*loss.leader) : !now.worse_than(loss.before);
  });
  if (loss.leader && loss.after.is_hampered(*loss.leader))
    return back ? std::optional(*back + bounds_.drained) : std::nullopt;
  // Those that have ended are missed at once. Is anything else lost?
  auto without = loss.after;
  for (const auto id : without.ids())
    if (without.of(id).powered && !without.of(id).runs) without.of(id) = loss.before.of(id);
  const bool told = loss.leader ? without.can_lead(*loss.leader) : !without.worse_than(loss.before);
  if (told) return loss.at + bounds_.told;
  const auto silence = loss.at + (loss.leader ? bounds_.silence : bounds_.first_silence);
  // A leader's machine answers again before it leads. To one that was about to lead nobody says anything.
  const auto powered = first(loss.at, [&](const Circumstances& now) {
    return std::all_of(now.servers.begin(), now.servers.end(), [](const auto& one) { return one.powered; });
  });
  const bool power = std::any_of(loss.after.servers.begin(), loss.after.servers.end(),
                                 [](const auto& one) { return !one.powered; });
  auto known = silence;
  if (power && powered && loss.leader) known = std::min(known, *powered + bounds_.reset);
  if (!power && back) known = std::min(known, *back + bounds_.resent);
  return known;
}

Explanations::Forced Explanations::forced_by(const Loss& loss) const {
  Forced forced{loss.at - bounds_.answer, std::nullopt, loss.why};
  const auto known = noticed(loss);
  if (!known) return forced;
  const auto majority = first(*known, [](const Circumstances& now) { return now.have_majority(); });
  if (!majority) return forced;
  forced.ends = *majority + bounds_.recovery;
  if (*majority > *known) *forced.ends += bounds_.start;
  if (const auto deaf = at(*majority).deaf()) {
    forced.why += ", and server " + std::to_string(deaf->value) + " is heard and hears nothing";
    *forced.ends += bounds_.unreachable + bounds_.recovery;
  }
  return forced;
}

std::optional<Explanations::Forced> Explanations::covering(MonoTime moment) const {
  std::optional<Forced> longest;
  for (const auto& loss : losses_) {
    auto forced = forced_by(loss);
    if (forced.begins > moment || (forced.ends && *forced.ends <= moment)) continue;
    const bool longer = !longest || !forced.ends || (longest->ends && *longest->ends < *forced.ends);
    if (longer) longest = std::move(forced);
  }
  return longest;
}

Explanations::Explanation Explanations::explain(const Outage& outage) const {
  Explanation explanation;
  auto covered = outage.begins;
  while (covered < outage.ends) {
    const auto forced = covering(covered);
    if (!forced) {
      explanation.unexplained = covered;
      return explanation;
    }
    explanation.why.push_back(forced->why);
    explanation.allowed = forced->ends;
    if (!forced->ends) return explanation;
    covered = *forced->ends;
  }
  return explanation;
}

MonoTime Explanations::last_change(MonoTime moment) const {
  MonoTime last{};
  for (const auto& one : moments_)
    if (one.at <= moment) last = one.at;
  return last;
}

MonoTime Explanations::refused_part(const Outage& outage) const {
  MonoTime sum{};
  for (std::size_t i = 0; i < moments_.size(); ++i) {
    if (!moments_[i].circumstances.any_refuses_writes()) continue;
    auto ends = outage.ends;
    if (i + 1 < moments_.size()) {
      const auto& next = moments_[i + 1];
      ends = std::min(ends, next.circumstances.any_refuses_writes() ? next.at : next.at + bounds_.drained);
    }
    sum += std::max(ends - std::max(moments_[i].at, outage.begins), MonoTime(0));
  }
  return sum;
}

MonoTime Explanations::forced_part(const Outage& outage) const {
  MonoTime sum{};
  auto at = outage.begins;
  while (at < outage.ends) {
    auto next = outage.ends;
    if (const auto forced = covering(at)) {
      next = std::min(next, forced->ends.value_or(next));
      sum += next - at;
    } else {
      for (const auto& loss : losses_)
        if (const auto begins = forced_by(loss).begins; begins > at) next = std::min(next, begins);
    }
    at = next;
  }
  return sum;
}

}  // namespace vivarium::simulator
