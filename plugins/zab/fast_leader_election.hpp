#pragma once
// ZooKeeper's fast leader election as a state machine: events go in, take() tells what they led to.
//
// A server that looks proposes itself, takes over every better proposal it hears of, and tells all
// voters. Votes compare by (epoch, zxid, id). Once a quorum proposes the same, and either nothing
// new was heard for a while or nobody is left to hear from, that is the leader. Who looks while
// others have elected learns from their answers.
//
// What a vote may not do: that of a server which may have lost what it promised counts for nobody,
// its own included; and messages of servers that are not voters never have any effect but an
// answer.
//
// No I/O, no clock, no chance: the same events give the same letters.
// Source: section E.3 of the reference.

#include <vivarium/election.hpp>
#include <vivarium/loop.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "ensemble.hpp"
#include "notification.hpp"

namespace vivarium::zab {

/// A Candidacy with its texts read.
struct Ballot {
  Zxid last_durable;
  Epoch current_epoch;
  Candidacy::Vote vote = Candidacy::Vote::counts;
  Ensemble committed, last_seen;
};

/// What a vote is for.
struct Proposal {
  ServerId leader;
  Zxid zxid;
  Epoch epoch;
  bool operator==(const Proposal&) const = default;
};

/// What one server has said.
struct Vote {
  Proposal proposal;
  std::int64_t round = 0;
  PeerState state = PeerState::looking;
  std::int32_t version = 0;

  /// Two that look agree in everything; two that do not agree in the leader and its epoch, and in
  /// the leader alone if one of them is too old to know epochs.
  bool agrees_with(const Vote& other) const;
};

class FastLeaderElection {
 public:
  /// How long nothing new must be heard once a quorum agrees.
  static constexpr Millis kSilence{200};
  /// Proposals are told again after the first, then after twice as long each time, up to the last.
  static constexpr Millis kRepeatFirst{200}, kRepeatLast{60'000};
  /// So often does a server say that it looks, after the election here, in the round of that or in an earlier
  /// one, before it is believed to do so still: the first may have been on its way. In a later round it is
  /// believed at once.
  static constexpr int kLettersBelieved = 2;
  /// For so many repetitions one that is deaf is not voted for. One that is not heard is as soon as it is heard.
  static constexpr int kDeafRepetitions = 3;
  /// An onlooker is told nothing that it did not ask for, so it goes on asking.
  static constexpr Millis kOnlookerRepeatLast{2'000};

  struct Letter {
    ServerId to;
    Notification notification;  ///< Without the config text.
  };
  /// What events have led to; the letters in the order in which they are to leave.
  struct Outcome {
    std::vector<Letter> letters;
    std::optional<ServerId> leader;  ///< The election is over.
    std::optional<ServerId> looks;   ///< Who does, while this server does not.
  };

  explicit FastLeaderElection(ServerId self) : self_(self) {}

  // --- events
  /// Begins a round.
  void look(Ballot ballot, MonoTime now);
  /// The outcome was taken up, or the server has come to `leader` in another way.
  void settle(Role role, ServerId leader, Epoch epoch);
  void receive(ServerId from, const Notification& notification, MonoTime now);
  /// With whom there are connections, and with whom there may soon be.
  void reach(ServerIds connected, ServerIds connecting, MonoTime now);
  /// Time is `now`: at due(), or later.
  void expire(MonoTime now);

  /// When expire() is wanted.
  std::optional<MonoTime> due() const { return due_; }
  /// What the events since the last call have led to.
  Outcome take();

  bool looking() const { return phase_ == Phase::looking; }
  std::int64_t round() const { return round_; }
  const Proposal& proposal() const { return proposal_; }
  /// What the own vote is worth by now.
  Candidacy::Vote vote() const { return onlooker() ? ballot_.vote : Candidacy::Vote::counts; }

 private:
  enum class Phase : std::uint8_t { idle, looking, decided };
  using Votes = std::map<ServerId, Vote>;

  // --- who is who
  bool is_voter(ServerId id) const;
  bool is_member(ServerId id) const;
  ServerIds voters() const;
  /// Its own vote counts for nothing, and it counts no votes of others that look.
  bool onlooker() const;
  Proposal initial_proposal() const;
  bool beats(const Proposal& challenger, const Proposal& holder) const;

  // --- what is heard
  void hear_looking(ServerId from, const Notification& heard, MonoTime now);
  void hear_elected(ServerId from, const Notification& heard, MonoTime now);
  bool take_round(const Notification& heard);
  void count_again(MonoTime now);
  void count(ServerId from, const Notification& heard, MonoTime now);
  bool joins(const Votes& votes, const Vote& vote) const;
  bool everyone_blank() const;
  void note_looking(ServerId from, const Notification& heard);
  void forget_letters();
  void avoid_no_longer(MonoTime now);
  void pass_over(ServerId id, MonoTime now);
  bool may_lead(ServerId id) const;

  // --- what comes of it
  void propose(const Proposal& proposal);
  void announce();
  void answer(ServerId to);
  void weigh(bool news, MonoTime now);
  bool is_quorum(const ServerIds& servers) const;
  ServerIds agreeing(const Votes& votes, const Vote& vote) const;
  bool nobody_left_to_hear() const;
  void decide(const Proposal& proposal);
  void check_invariants() const;

  ServerId self_;
  Ballot ballot_;
  Phase phase_ = Phase::idle;
  std::int64_t round_ = 0;
  Proposal proposal_;
  /// Every voter was seen to look and to have nothing, while this server had nothing: there is no
  /// promise that it could have lost. Holds for as long as the voters are the same.
  bool all_is_new_ = false;

  Votes received_;                         ///< Of this round.
  Votes elected_;  ///< Of those that do not look, in any round, while they are connected.
  std::map<ServerId, Notification> looking_;  ///< The last of each voter that looks, while it is connected.
  ServerIds connected_, connecting_;

  /// Since the election here: letters of each by which it looks; and those of the one that was elected by which
  /// it has not heard of that.
  std::map<ServerId, int> looking_letters_;
  int deaf_letters_ = 0;
  // Who is not voted for: nobody would get an answer from it on the quorum port, and it would be elected again
  // and again.
  std::optional<ServerId> deaf_;  ///< It was elected the last time, and has not heard of it.
  int repetitions_ = 0;
  ServerIds passed_over_;         ///< They were proposed, and are not heard, or follow another.

  bool ending_ = false;  ///< A quorum agrees; due_ is the end of the silence.
  Millis repeat_{kRepeatFirst};
  std::optional<MonoTime> due_;

  /// What is answered while not looking.
  Vote settled_;
  Outcome outcome_;
};

}  // namespace vivarium::zab
