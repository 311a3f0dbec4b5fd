#pragma once
// Puts transactions into one order on all servers.
//
// The kernel hands over writes; the broadcast has them prepared by whoever leads, logged, acknowledged
// by a quorum, and applied on every server through StateMachine. A server's own clients get their
// answers when StateMachine::apply meets their (session, cxid), in the order of submission; the
// broadcast itself answers nobody.
//
// Threads: all on the core thread. No event comes inside submit().
// Source: sections C.1, D.1 and F of the ZooKeeper reference.

#include <vivarium/election.hpp>
#include <vivarium/log_store.hpp>
#include <vivarium/loop.hpp>
#include <vivarium/plugin.hpp>
#include <vivarium/state_machine.hpp>
#include <vivarium/transport.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace vivarium {

/// What a server is for its clients at the moment.
enum class ServingRole : std::uint8_t {
  none,        ///< No established leader: what clients ask for is held.
  standalone,
  leader,
  follower,
  observer,
  read_only,   ///< No quorum, and the config allows reads meanwhile.
};
std::string_view name_of(ServingRole role);

/// What the kernel implements for the broadcast, beside StateMachine.
class BroadcastEvents {
 public:
  virtual ~BroadcastEvents() = default;
  /// What becomes of the writes that were submitted and not applied.
  enum class Doubt : std::uint8_t {
    resolved,  ///< Each will still be applied, as a refusal perhaps.
    open,      ///< The broadcast cannot tell any more whether they were done, and forgets them.
  };
  /// The role changed. With a role other than `none` the state is up to date, and all sessions that the
  /// server keeps are to be revalidated: those calls, made inside this one, reach the leader before any
  /// write that was held. `leader`: this server's own clients and all others are its business from now
  /// on, and each session gets its full time.
  virtual void on_role(ServingRole role, Doubt doubt) = 0;
  /// A sync() has caught up with the leader.
  virtual void on_synced(SessionId session, std::int32_t cxid) = 0;
  /// The server cannot go on: the log failed, or an invariant of the protocol was broken by a peer.
  /// The process ends with this sentence.
  virtual void on_fatal(const Error& error) = 0;
  /// The log's free space crossed the watermark or ran out (LogStoreEvents::on_space). While low the
  /// kernel refuses the writes of its clients, and submits ends of sessions all the same.
  virtual void on_space(bool low, std::uint64_t free_bytes) = 0;
};

/// What a broadcast works with; lent from start to stop.
struct BroadcastParts {
  ServerId self;
  StateMachine& state;
  LogStore& log;
  /// What log.open() gave. The state is loaded from it, down to the last durable transaction, and there
  /// is a snapshot.
  const OpenedLog& opened;
  Election* election;          ///< nullptr when the config names none; not run yet otherwise.
  Transport* election_transport;  ///< nullptr when the config names none.
  Transport* quorum;           ///< nullptr when the config names none.
  BroadcastEvents& events;
};

class Broadcast : public Plugin {
 public:
  static constexpr InterfaceKind kKind = InterfaceKind::broadcast;
  static constexpr std::uint32_t kRevision = 1;

  /// How events of the log reach the broadcast: the kernel opens the store with this object.
  virtual LogStoreEvents& log_events() = 0;

  /// Takes up work after the state was loaded. Called once, after start().
  virtual void run(const BroadcastParts& parts) = 0;

  /// Writes of this server's clients, in order. Views are valid during the call. Without a role they are
  /// kept, and go to the next leader.
  virtual void submit(std::span<const Request> requests) = 0;
  /// The connection that submitted writes of this session has ended: what of them is kept for a next
  /// leader is not to be given to that, who may meanwhile have what the session's next connection asks.
  virtual void withdraw(SessionId session) = 0;
  /// A `sync` of one session, ordered with its submits; on_synced follows.
  virtual void sync(SessionId session, std::int32_t cxid) = 0;
  /// A client came with a session, or a new leader with the sessions that were kept: asks the leader
  /// whether it lives, and claims it for this server. Errc::closed when no leader answers any more.
  virtual void revalidate(SessionId session, std::int32_t timeout_ms, Claim claim,
                  Done<bool> done) = 0;
  /// Sessions heard from since the last call, with their timeouts: passed on with the next ping.
  virtual void touch(SessionId session, std::int32_t timeout_ms) = 0;

  /// The last moment at which the leader, or this server as the leader, was certainly in office, by
  /// Loop::now(). What a session's client is promised rests on it: the others may have expired it once
  /// its timeout has passed since. Moves while a leader serves; standing alone, it is always now.
  virtual MonoTime confirmed() const = 0;

  /// The leader's view for `srvr`, `mntr` and admin pages; empty elsewhere.
  struct PeerStatus {
    ServerId id;
    std::string address;
    bool synced = false;
    bool voter = false;
    Zxid last_acknowledged;
  };
  virtual std::vector<PeerStatus> peers() const { return {}; }
  /// Whom this server serves under, itself perhaps; nothing while it looks, and where there is none.
  virtual std::optional<ServerId> leader() const { return {}; }
};

}  // namespace vivarium
