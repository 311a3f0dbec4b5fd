#pragma once
// All client connections of a server: limits, which connection holds which session, and what they share
// to do their work. Owns the connections.

#include "kernel/core/access.hpp"
#include "kernel/core/connection.hpp"
#include "kernel/core/database.hpp"
#include "kernel/core/log_timeline.hpp"
#include "kernel/core/memory_ceiling.hpp"
#include "kernel/core/namespaces.hpp"
#include "kernel/core/reader.hpp"
#include "kernel/core/server.hpp"
#include "kernel/core/slow_requests.hpp"
#include "kernel/core/stats.hpp"
#include "kernel/core/watches.hpp"

#include <vivarium/broadcast.hpp>
#include <vivarium/jute.hpp>

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace vivarium {

/// What client connections work with; borrowed.
struct ClientParts {
  const ServerSettings& settings;
  Loop& loop;
  Log& log;
  Commands& commands;
  Broadcast& broadcast;
  const AccessGate& gate;
  Watches& watches;
  ServerStats& stats;
  const LogTimeline& timeline;
  SlowRequests& slow;
  MemoryCeiling& memory;
  Namespaces& namespaces;
  std::function<Database&()> database;  ///< The one in force: a snapshot load replaces it.
};

/// How much room the log has, as its store tells.
enum class LogRoom : std::uint8_t {
  ample,
  low,   ///< Writes are refused; sessions come and go.
  none,  ///< What was appended waits. Sessions only go.
};

class Clients final : public Acceptor {
 public:
  explicit Clients(ClientParts parts) : parts_(std::move(parts)) {}
  ~Clients() override;

  // Acceptor
  ChannelHandler* on_accept(Channel& channel) override;
  void on_refused(const PeerIdentity& peer, std::string_view why) override;

  /// How client ports cut their streams: until a session stands, requests are small, and the stream
  /// may begin with a four-letter word.
  static Framing first_framing(const Commands& commands);
  /// Connections with a session stay, and hold what they are asked, until revalidate_sessions() was
  /// answered. What is being established closes: nobody can tell what becomes of it.
  void set_role(ServingRole role, BroadcastEvents::Doubt doubt);
  ServingRole role() const { return role_; }
  /// Asks whoever leads about each session that is held.
  void revalidate_sessions();
  void set_log_room(LogRoom room) { log_room_ = room; }
  LogRoom log_room() const { return log_room_; }

  /// What is answered from here on belongs together: one look at the clock does for all.
  void begin_batch(MonoTime now) { now_ = now; }
  /// When the batch at hand began.
  MonoTime now() const { return now_; }
  /// Called for each applied entry, after the watches have fired.
  void on_applied(const AppliedEntry& entry);
  /// How many of these a client here had asked for, since this was asked last.
  std::int64_t take_own_applied() { return std::exchange(own_applied_, 0); }
  void on_synced(SessionId session, std::int32_t cxid);
  /// Ends a batch: replies leave, and connections that waited for room go on. Gives when that began.
  MonoTime flush();
  void close_all();

  // --- for connections ----------------------------------------------------------------------------
  const ClientParts& parts() const { return parts_; }
  Database& database() const { return parts_.database(); }
  /// Archives for what is decoded or encoded at once, until they are asked for again.
  JuteIn& archive_of(std::string_view bytes) {
    in_.seat(bytes);
    return in_;
  }
  JuteOut& archive_to(std::string& bytes) {
    out_.seat(bytes);
    return out_;
  }
  CommittedTimes& committed_times() { return committed_times_; }
  Reader reader() const {
    return Reader(parts_.database(), parts_.gate, parts_.settings.stages ? &parts_.namespaces : nullptr);
  }

  SessionId next_session_id();
  /// The connection is the one that holds the session from now on; another one is closed.
  void bind(SessionId session, Connection& connection);
  /// False: the session is another connection's by now.
  bool unbind(SessionId session, const Connection& connection);
  /// Collects a write for the batch that is handed over when the frames at hand are done.
  void submit(const Request& request);
  void submit_batch();
  /// Of the batch that is handed over now, the first is being prepared.
  void note_preparing(MonoTime now);
  void sync(SessionId session, std::int32_t cxid);
  /// Connection::on_revalidated follows, unless the role changes before.
  void revalidate(const Connection& connection, std::int32_t timeout_ms, Claim claim);
  void mark_dirty(Connection& connection) { dirty_.push_back(&connection); }
  /// So many bytes were handed to a channel. When clients leave too much unread, all together, those
  /// that have read nothing for the longest time lose their connections.
  void note_sent(std::size_t bytes);
  void add_outstanding(const Outstanding& more) { outstanding_ += more; }
  const Outstanding& outstanding() const { return outstanding_; }
  /// Reads of a session were answered since the write before them was done.
  void note_read_behind(std::int64_t reads);
  /// So much waits for its reply that only connections with nothing outstanding may add to it.
  bool busy() const;
  void wait_for_room(Connection& connection) { waiting_for_room_.push_back(&connection); }
  /// The connection does nothing for its session any more: what it has submitted goes to no next leader.
  void let_go(Connection& connection);
  void forget(Connection& connection);

  // --- for commands -------------------------------------------------------------------------------
  std::size_t size() const { return connections_.size(); }
  std::vector<const Connection*> connections() const;
  void reset_connection_stats();

 private:
  void on_revalidated(SessionId session, std::uint64_t asker, std::uint64_t term, const Result<bool>& valid);
  std::string why_refused(const Channel& channel) const;
  /// At most one such line a second: who connects must not fill the disk.
  void tell_refused(const std::string& sentence);
  void count_answered(std::int64_t sessions);
  void count_unread();
  void abandon_unread();
  void orphan(Connection& connection);
  /// Whether the next outcome of the session belongs to a connection that has ended.
  bool take_orphan(SessionId session, bool sync, std::int32_t xid);

  ClientParts parts_;
  MonoTime now_{};
  ServingRole role_ = ServingRole::none;
  std::uint64_t term_ = 0;  ///< Counts the changes of role.
  LogRoom log_room_ = LogRoom::ample;
  /// In order of arrival.
  std::map<std::uint64_t, std::unique_ptr<Connection>> connections_;
  std::uint64_t next_connection_ = 0;
  /// Plain and encrypted ones are counted each for themselves, as by ZooKeeper.
  std::map<std::pair<std::string, bool>, std::int32_t> by_address_;
  std::unordered_map<SessionId, Connection*> by_session_;
  /// What ended connections of a session have asked for and was not answered: clients number their
  /// requests anew on each connection.
  std::unordered_map<SessionId, std::deque<Unanswered>> orphans_;
  std::vector<Connection*> dirty_, waiting_for_room_;
  std::vector<Request> batch_;
  MonoTime batch_since_{};  ///< The first of batch_ had arrived then.
  bool submitting_ = false;
  Outstanding outstanding_;
  std::int64_t own_applied_ = 0;
  std::int64_t reads_behind_ = 0;  ///< Since the last flush().
  std::size_t unread_bytes_ = 0;  ///< Of all connections, when they were last counted,
  std::size_t sent_bytes_ = 0;    ///< and what was sent since.
  std::optional<MonoTime> refusal_told_;
  std::int64_t refusals_untold_ = 0;
  CommittedTimes committed_times_;
  std::string no_bytes_;  ///< Where out_ is seated before its first use.
  JuteIn in_;
  JuteOut out_{no_bytes_};
  std::int64_t last_session_id_ = 0;
};

}  // namespace vivarium
