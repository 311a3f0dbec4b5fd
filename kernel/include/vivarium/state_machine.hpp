#pragma once
// The kernel's side towards Broadcast: what a leader prepares, what every server applies, and the
// state as a stream.
//
// `prepare` runs on the leader only and decides everything: errors, sequence numbers, times, resolved
// ACLs. It answers each request with exactly one transaction, a failed one with an error transaction of
// the same session and cxid, because a follower waits for it. `apply` is idempotent and cannot fail, so
// that a fuzzy snapshot plus the log gives the same state on every server.
//
// Threads: all on the core thread.
// Source: sections C.2, D.1 to D.4 and G.4 of the ZooKeeper reference.

#include <vivarium/bytes.hpp>
#include <vivarium/identity.hpp>
#include <vivarium/ids.hpp>
#include <vivarium/log_store.hpp>
#include <vivarium/result.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace vivarium {

/// A write as a client or another server asked for it.
struct Request {
  SessionId session;
  std::int32_t cxid = 0;                  ///< The client's xid; 0 for what the server itself asks.
  std::int32_t op = 0;                    ///< Opcode of section B.4.
  std::string_view body;                  ///< The request record, valid during the call.
  std::span<const Identity> identities;   ///< Of the connection, valid during the call.
  std::string_view client_address;        ///< Numeric; empty when unknown (a forwarded request).
  bool encrypted = false;
  /// The server whose client asks; who last moved a session owns it.
  ServerId owner;
};

/// The cxid of the request, with the opcode `error`, by which a leader has it ordered among the writes that a
/// session has come to another server: its transaction changes nothing, and no server misses it. No client
/// numbers a request so.
inline constexpr std::int32_t kSessionMove = INT32_MIN;

/// On what a server bases that a session is its.
enum class Claim : std::uint8_t {
  fresh,  ///< The client has just come to it.
  /// The client came under an earlier leader, and may have gone on to another server since: that one's
  /// claim stands, whichever it was.
  kept,
};

/// A position in a consistent point-in-time state that is being written out while writes go on.
class SnapshotCursor {
 public:
  virtual ~SnapshotCursor() = default;
  virtual Zxid zxid() const = 0;
  virtual std::optional<std::uint64_t> digest() const = 0;
  /// The next piece, of about `bytes` bytes (at least one record); empty at the end.
  virtual SharedBytes next(std::size_t bytes) = 0;
};

/// Builds a new state aside; the old one serves until finish().
class SnapshotLoader {
 public:
  virtual ~SnapshotLoader() = default;
  /// Takes pieces of any size, and returns how many bytes of this one belong to the body: fewer than
  /// all at its end, which nothing but the body itself tells. The first error is final.
  virtual Result<std::size_t> feed(std::string_view piece) = 0;
  virtual bool complete() const = 0;
  /// Replaces the state. Watches of connected clients are evaluated again as setWatches would, or the
  /// connections close.
  virtual Result<void> finish(Zxid zxid) = 0;
};

class StateMachine {
 public:
  virtual ~StateMachine() = default;

  // --- leader -------------------------------------------------------------------------------------
  /// Validates against the state with all that is prepared and not yet applied. `zxid` must be above
  /// every earlier one. `wall_ms` becomes the transaction's time.
  virtual LogEntry prepare(const Request& request, Zxid zxid, std::int64_t wall_ms) = 0;
  /// Forgets all that was prepared and not applied: the leader lost its office.
  virtual void discard_pending() = 0;

  // --- every server -------------------------------------------------------------------------------
  /// Applies committed transactions in zxid order, fires watches, answers the clients of this server
  /// that wait for them. Replies of the whole batch leave together.
  virtual void apply(std::span<const LogEntry> entries) = 0;
  virtual Zxid last_applied() const = 0;
  /// ZooKeeper's tree digest, version 2 (section D.3).
  virtual std::uint64_t digest() const = 0;

  /// One at a time; until it is destroyed nobody else gets one (asserts).
  virtual std::unique_ptr<SnapshotCursor> snapshot() = 0;
  /// The state that another server sends.
  virtual std::unique_ptr<SnapshotLoader> load() = 0;
  /// Builds the state anew from the log store, down to its last durable transaction: after the history
  /// was cut below last_applied(). Otherwise as load() and SnapshotLoader::finish().
  virtual void reload(Done<void> done) = 0;

  // --- sessions -----------------------------------------------------------------------------------
  /// Leader: the session was heard of, through `owner`.
  virtual void touch(SessionId session, std::int32_t timeout_ms, ServerId owner) = 0;
  /// Leader: is the session alive, and may `owner` have it? If so it is touched, and owned by it from now
  /// on.
  virtual bool revalidate(SessionId session, std::int32_t timeout_ms, ServerId owner,
                          Claim claim) = 0;
  virtual std::optional<ServerId> owner(SessionId session) const = 0;
  virtual bool closing(SessionId session) const = 0;

  // --- configuration (reconfig) -------------------------------------------------------------------
  /// Text of the last committed and the last proposed ensemble configuration.
  virtual std::string committed_config() const = 0;
  virtual std::string last_seen_config() const = 0;
  virtual void activate_config(std::string_view text, Zxid zxid) = 0;
};

}  // namespace vivarium
