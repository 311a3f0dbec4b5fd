#pragma once
// Which sessions live, who owns each, and when they expire: the leader's business, or a lone server's.
//
// Time is monotonic: a step of the wall clock neither expires nor prolongs anything. Expiry is in
// buckets of one tick, so that a session ends between its timeout and one tick more after its last
// touch. Source: sections C.4 and D.4.

#include <vivarium/ids.hpp>
#include <vivarium/loop.hpp>
#include <vivarium/opcodes.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

namespace vivarium {

class SessionTracker {
 public:
  SessionTracker(Loop& loop, std::int32_t tick_ms) : loop_(loop), tick_ms_(tick_ms) {}

  /// The session has its full timeout from now. Adds it, or revives what is known of it.
  void track(SessionId session, std::int32_t timeout_ms);
  /// Heard of. False when the session is unknown or closing.
  bool touch(SessionId session, std::int32_t timeout_ms);
  /// May a write of this session, come through `owner`, go on? The first owner claims the session.
  /// ok, session_expired or session_moved.
  WireError check(SessionId session, ServerId owner);
  void set_owner(SessionId session, ServerId owner);
  std::optional<ServerId> owner(SessionId session) const;
  bool closing(SessionId session) const;
  void mark_closing(SessionId session);
  void remove(SessionId session) { sessions_.erase(session); }
  /// The sessions are another server's business now.
  void forget_all();
  bool known(SessionId session) const { return sessions_.contains(session); }
  std::size_t size() const { return sessions_.size(); }

  /// The sessions whose time is over, in order of id; they are closing from now on.
  std::vector<SessionId> expire();
  /// Until the next bucket ends.
  Micros until_next() const;

  /// For `dump`: sessions by the end of their bucket, in ms from now.
  std::map<std::int64_t, std::vector<SessionId>> buckets() const;

 private:
  struct Session {
    std::int64_t expires_ms = 0;  ///< End of the bucket it is due in.
    std::int64_t listed_ms = 0;   ///< End of the bucket whose list has it: never later.
    std::optional<ServerId> owner;
    bool closing = false;
  };
  std::int64_t now_ms() const;
  void put(SessionId id, Session& session, std::int32_t timeout_ms);
  bool due(SessionId id, std::int64_t bucket);

  Loop& loop_;
  std::int32_t tick_ms_;
  std::unordered_map<SessionId, Session> sessions_;
  /// Ids by end of bucket. A touch leaves the id where it is; it moves on when its old bucket ends.
  std::map<std::int64_t, std::vector<SessionId>> lists_;
};

}  // namespace vivarium
