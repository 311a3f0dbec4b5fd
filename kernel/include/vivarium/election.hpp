#pragma once
// Advises who should lead. Safety never rests on it: a wrong advice costs time, no data.
//
// Threads: all on the core thread. No event comes inside the call that caused it.
// Source: section E of the ZooKeeper reference.

#include <vivarium/ids.hpp>
#include <vivarium/plugin.hpp>

#include <cstdint>
#include <string>

namespace vivarium {

class Transport;

enum class Role : std::uint8_t { looking, following, leading, observing };

/// What a server goes into an election with. Only what is durable counts (invariant S-7).
struct Candidacy {
  Zxid last_durable;
  Epoch current_epoch;
  /// How much this server's vote is worth.
  enum class Vote : std::uint8_t {
    counts,
    /// An observer's, or that of a server which may have lost what it promised: it looks on, and joins
    /// whom others have elected.
    none,
    /// It has never been part of an ensemble: either all is new, or its disk was wiped. It counts once
    /// every voter is known to look and to be as empty; until then as `none`.
    empty,
  };
  Vote vote = Vote::counts;
  /// Text of the members with the version line, in ZooKeeper's form (section E.2): those that were
  /// committed last, and those that were proposed last. Never malformed.
  std::string committed_config = {};
  std::string last_seen_config = {};
};

class ElectionEvents {
 public:
  virtual ~ElectionEvents() = default;
  /// This server should lead (leader == self), or follow or observe `leader`. `vote`: what its own was
  /// worth in the end; that of an empty server `counts` once all are known to be empty.
  virtual void on_advice(ServerId leader, Candidacy::Vote vote) = 0;
  /// This server has settled, and that one looks for a leader: if the two had to do with each other as leader
  /// and follower, that one has left its office, or lost power and come back. Told at each sign of that.
  virtual void on_looking(ServerId) {}
  /// No election is possible any more: its own address cannot be listened on, say. The last event.
  virtual void on_election_failed(const Error& error) = 0;
};

/// What an election works with; lent from run to stop.
struct ElectionParts {
  ServerId self;
  Transport& transport;
  ElectionEvents& events;
};

class Election : public Plugin {
 public:
  static constexpr InterfaceKind kKind = InterfaceKind::election;
  static constexpr std::uint32_t kRevision = 1;

  /// Called once, after start() and before anything else.
  virtual void run(const ElectionParts& parts) = 0;
  /// Starts looking, anew if it does already; on_advice follows each time the opinion changes, until
  /// settle() or the next look().
  virtual void look(const Candidacy& candidacy) = 0;
  /// The server tries a role under `leader`, or has taken it in `epoch`; peers that look are answered
  /// with that. Called at the advice, and again with the new epoch when that is established.
  virtual void settle(Role role, ServerId leader, Epoch epoch) = 0;
};

}  // namespace vivarium
