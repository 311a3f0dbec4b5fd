#pragma once
// What every office of a server works with: the doors, the history, the promises, and the way out.
//
// Threads: all on the core thread.

#include "bug.hpp"
#include "ensemble.hpp"
#include "history.hpp"
#include "member_metrics.hpp"
#include "promises.hpp"
#include "submissions.hpp"

#include <vivarium/broadcast.hpp>
#include <vivarium/log.hpp>
#include <vivarium/loop.hpp>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace vivarium::zab {

/// ZooKeeper's limits (section H.4), in ticks of tick_ms.
struct Timing {
  std::int64_t tick_ms = 3000;
  std::int64_t init_limit = 10;
  std::int64_t sync_limit = 5;
  Millis init() const { return Millis(tick_ms * init_limit); }
  Millis sync() const { return Millis(tick_ms * sync_limit); }
  /// How long one who thinks that it should lead waits for a quorum: whoever thinks so too comes at
  /// once.
  Millis gather() const { return std::min(init(), Millis(2 * tick_ms)); }
  /// Between two pings of the leader. ZooKeeper's is half a tick; this one is shorter, because a touch
  /// is confirmed by the ping after the next, and that has to come within a third of the shortest
  /// session, which lasts two ticks.
  Millis ping() const { return Millis(std::max<std::int64_t>(tick_ms / 4, 1)); }
};

/// The upper half of a zxid, which is signed: no leader comes after this one.
inline constexpr Epoch kLastEpoch{0x7FFFFFFF};

/// Outlives the offices, which borrow it.
struct Ground {
  Loop& loop;
  Log& log;
  const BroadcastParts& parts;
  const Ensemble& ensemble;
  Timing timing;
  History& history;
  Promises& promises;
  Submissions& submissions;
  MemberMetrics& metrics;
  /// May this server's promises be counted? Not those of one that may have lost some.
  bool promises_count = true;
  bool listens_everywhere = false;  ///< quorumListenOnAllIPs
  /// Where a leader's counter ends. ZooKeeper's leaders hand out none with all 32 bits set either.
  std::uint32_t counter_max = 0xFFFFFFFE;
  PutBack put_back{};
  bool has_bug(Bug bug) const { return put_back.has_bug(bug); }
  /// Applies what is durable, up to `committed`; what that answers is settled first.
  void apply(Zxid committed) const {
    history.apply(committed, [this](std::span<const LogEntry> entries) { submissions.settle(entries); });
  }
  /// The office ends, and the server looks for a leader again. It happens after the event at hand.
  std::function<void(std::string why)> leave = {};
  /// The process ends: an invariant is broken, or the store.
  std::function<void(const Error& error)> die = {};
  /// A sync has caught up.
  std::function<void(SessionId session, std::int32_t cxid)> synced = {};
  /// The office is established in this epoch, and the state up to date.
  std::function<void(ServingRole role, Epoch epoch, BroadcastEvents::Doubt doubt)> established = {};
};

/// One server's part in one epoch: leading, or following. Destroyed when it ends.
class Office {
 public:
  virtual ~Office() = default;
  virtual void begin() = 0;
  /// Before it is destroyed, while others may still be called back: whoever waits for the leader's word
  /// hears that none will come.
  virtual void end() = 0;
  virtual void on_durable() = 0;
  /// The election hears that the leader of this office, or one of its learners, looks for a leader.
  virtual void on_looking(ServerId who) = 0;
  /// What Submissions holds unsent may be sent.
  virtual void on_submitted() = 0;
  /// Writes of this server that no client waits for.
  virtual void submit_own(std::span<const Request>) {}
  virtual void sync(SessionId session, std::int32_t cxid) = 0;
  virtual void revalidate(SessionId session, std::int32_t timeout_ms, Claim claim,
                  Done<bool> done) = 0;
  virtual void touch(SessionId session, std::int32_t timeout_ms) = 0;
  virtual MonoTime confirmed() const = 0;
  virtual std::vector<Broadcast::PeerStatus> peers() const = 0;

 protected:
  /// What runs the body while this office lasts, and nothing afterwards.
  template <class... Arguments, class Body>
  auto guarded(Body body) {
    return [alive = std::weak_ptr(alive_), body = std::move(body)](Arguments... arguments) {
      if (!alive.expired()) body(std::forward<Arguments>(arguments)...);
    };
  }

 private:
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace vivarium::zab
