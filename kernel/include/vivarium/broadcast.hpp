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
#include <vivarium/plugin.hpp>
#include <vivarium/state_machine.hpp>
#include <vivarium/transport.hpp>

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace vivarium {

/// What a server is for its clients at the moment.
enum class ServingRole : std::uint8_t {
  none,        ///< No leader: nothing is served.
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
  /// The role changed. On leaving a serving role, writes that were submitted and not applied are in
  /// doubt: `lost` tells whether the broadcast will still resolve them (false) or not (true).
  virtual void on_role(ServingRole role, bool lost) = 0;
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
  const OpenedLog& opened;     ///< What log.open() gave; the state is already loaded from it.
  Election* election;          ///< nullptr when the config names none.
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

  /// Writes of this server's clients, in order. Views are valid during the call.
  virtual void submit(std::span<const Request> requests) = 0;
  /// A `sync` of one session, ordered with its submits; on_synced follows.
  virtual void sync(SessionId session, std::int32_t cxid) = 0;
  /// A client came with a session: asks the leader whether it lives, and claims it for this server.
  virtual void revalidate(SessionId session, std::int32_t timeout_ms, Done<bool> done) = 0;
  /// Sessions heard from since the last call, with their timeouts: passed on with the next ping.
  virtual void touch(SessionId session, std::int32_t timeout_ms) = 0;

  /// The leader's view for `srvr`, `mntr` and admin pages; empty elsewhere.
  struct PeerStatus {
    ServerId id;
    std::string address;
    bool synced = false;
    bool voter = false;
    Zxid last_acknowledged;
  };
  virtual std::vector<PeerStatus> peers() const { return {}; }
};

}  // namespace vivarium
