#pragma once
// One client's connection: the handshake, then requests in, replies and notifications out.
//
// Replies leave in the order of the requests. A write is handed to the broadcast and waits here until
// it is applied, and until all before it are answered: a sync may still be on its way then. A read that
// finds nothing waiting is answered at once, otherwise it waits behind the writes before it, and so does
// the refusal of a write for which the log has no room. Only auth replies and notifications may
// overtake. A client that does not read its replies gets no more of them until it does, and its requests
// are not read meanwhile.
//
// While no leader is established, and until the next one has confirmed the session, all but pings is
// held: writes are handed over, and what they come to is answered, with the reads behind them, but leaves
// later; other reads wait. So a client hardly notices an election. Source: sections B and C.1.

#include "kernel/core/access.hpp"
#include "kernel/core/database.hpp"
#include "kernel/core/request_times.hpp"
#include "kernel/core/stats.hpp"
#include "kernel/core/watches.hpp"

#include <vivarium/authenticator.hpp>
#include <vivarium/broadcast.hpp>
#include <vivarium/opcodes.hpp>
#include <vivarium/records.hpp>
#include <vivarium/transport.hpp>

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vivarium {

class Clients;

/// What waits for its reply.
struct Outstanding {
  std::ptrdiff_t requests = 0, bytes = 0;
  std::ptrdiff_t writes = 0;    ///< Of the requests, those that change something, or sync.
  std::ptrdiff_t sessions = 0;  ///< That have such requests.

  Outstanding& operator+=(const Outstanding& more) {
    requests += more.requests;
    bytes += more.bytes;
    writes += more.writes;
    sessions += more.sessions;
    return *this;
  }
  Outstanding operator-() const { return {-requests, -bytes, -writes, -sessions}; }
};

/// A write, or a sync, of which the outcome is still to come.
struct Unanswered {
  bool sync;
  std::int32_t xid;
};

/// What `cons` shows of a connection.
struct ConnectionInfo {
  std::string address;  ///< host:port
  std::size_t outstanding = 0;
  std::int64_t received = 0, sent = 0;
  SessionId session;
  std::int32_t timeout_ms = 0;
  std::string last_operation = "NA";
  std::int64_t established_ms = 0;  ///< wall clock
  std::int64_t last_response_ms = 0;
  std::int64_t last_latency_ms = 0;
  std::int32_t last_cxid = -1;
  std::int64_t last_zxid = -1;
  LatencyStats latency;
  bool encrypted = false;
  bool reading = true;
};

class Connection final : public ChannelHandler, public Watcher {
 public:
  Connection(Clients& clients, Channel& channel);
  ~Connection() override;

  // ChannelHandler
  std::size_t on_frames(Channel&, std::span<const std::string_view> frames) override;
  void on_first_word(Channel&, std::uint32_t word) override;
  void on_low_water(Channel&) override;
  void on_closed(Channel&, CloseReason reason, std::string_view detail) override;

  /// Watcher: appends a notification, unless this client may not see the node.
  void notify(const WatchEvent& event) override;

  std::uint64_t number = 0;  ///< Order of arrival; the key of Clients.

  SessionId session() const { return session_; }
  /// Another connection has taken the session, or this one ends: what it asked for and is not answered
  /// yet, in order. Its answers go nowhere.
  std::vector<Unanswered> give_up_waiting();
  const std::string& remote_host() const { return channel_.peer().remote_host; }
  bool encrypted() const { return channel_.peer().encrypted; }
  bool awaits_session() const { return state_ == State::establishing; }

  /// The session was created.
  void on_session_created();
  /// It came to a server: to this one, if this connection is being established, or away from here.
  void on_session_moved();
  /// The role changed: nothing is answered before the session was revalidated under the new one.
  void hold(BroadcastEvents::Doubt doubt);
  /// If it holds: asks whether the session lives.
  void revalidate();
  /// An error: no leader answers any more.
  void on_revalidated(const Result<bool>& valid);
  /// A transaction of this session was applied that no earlier connection of it had asked for. False: nor has
  /// this one.
  bool on_applied(const AppliedEntry& entry);
  void on_synced(std::int32_t cxid);
  /// Hands what was appended to the channel. Called once a batch, which ends `now`.
  bool flush(MonoTime now);
  /// What the client has not read, as far as it is here and not in the system's hands,
  std::size_t unsent_bytes() const { return out_.size() + channel_.queued_bytes(); }
  /// and since when it has read nothing of that.
  MonoTime unread_since() const { return unread_since_; }
  /// Closes without sending what waits. The session lives on.
  void abandon();
  /// More work or output is under way than one connection may add to.
  bool overloaded() const;
  bool is_slow() const;
  /// Goes on reading if frames were held back.
  void resume();
  void close();

  ConnectionInfo info() const;
  void reset_stats();

 private:
  enum class State : std::uint8_t { fresh, establishing, open, closing };
  enum class Wait : std::uint8_t {
    write,
    applied_write,  ///< Its reply is there, and waits for those before it.
    sync,
    synced,  ///< Likewise.
    read,
    refusal,
  };
  using Identities = std::vector<Identity>;
  /// A request whose reply is still to come.
  struct Waiting {
    Wait kind;
    Op op;
    std::int32_t xid;
    /// Of a read; the reply of a sync; the part ops of a multi with a create2; the reply of a write.
    std::string body;
    RequestTimes times;
    std::size_t bytes = 0;          ///< Of the request.
    WireError err = WireError::ok;  ///< Of an applied write; of a sync that could not be decoded.
    std::shared_ptr<const Identities> identities = {};  ///< Of whoever asked, for a read that waits.
    Zxid zxid = {};  ///< Of an applied write.
    std::unique_ptr<std::string> path = {};  ///< Of one that is, or may become, slow.
  };
  /// A request whose reply is in out_. What it counts for is recorded when that leaves.
  struct Answered {
    RequestKind kind;
    Stage stage;  ///< The one that it is in.
    Op op;
    std::int32_t xid;
    RequestTimes times;
    Zxid zxid;
    std::unique_ptr<std::string> path;
  };
  /// A reply frame under construction: length and header are filled in by end().
  struct Frame {
    std::size_t start;
  };

  void note_received(std::size_t bytes);
  std::string run_word(const std::string& word) const;
  void on_connect_request(std::string_view frame);
  void reconnect(const records::ConnectRequest& request);
  void send_connect_response();
  void establish(bool valid);
  void refuse_session();

  void on_request(std::string_view frame);
  void on_ping();
  void answer_ping(Waiting& ping);
  void answer_waiting_pings();
  void on_auth(std::int32_t xid, std::string_view body);
  void on_auth_step(std::int32_t xid, AuthStep step);
  void fail_auth(std::int32_t xid, std::string_view why);
  void on_sasl(std::int32_t xid);
  /// The times of the request at hand.
  RequestTimes received() const;
  void submit_write(const records::RequestHeader& header, std::string_view body);
  void refuse_write(const records::RequestHeader& header);
  void answer_refusal(Waiting& waiting);
  void submit_sync(std::int32_t xid, std::string_view body);
  void reject_op(std::int32_t xid);
  void wait(Waiting waiting, std::size_t bytes);
  Waiting take_waiting(std::size_t at);
  Waiting next_waiting() { return take_waiting(0); }
  Outstanding share_of(const Waiting& waiting) const;
  bool front_is_ready() const;
  bool in_doubt() const;

  void answer_read(Waiting& waiting, std::string_view body);
  WireError append_read(const Waiting& waiting, std::string_view body);
  WireError append_watch_request(const Waiting& waiting, std::string_view body);
  WireError set_watches(std::string_view body, bool with_persistent);
  void restore_data_watch(std::string_view path, std::int64_t relative_zxid);
  void restore_exist_watch(std::string_view path);
  void restore_child_watch(std::string_view path, std::int64_t relative_zxid);
  WireError add_watch(const Waiting& waiting, std::string_view body);
  WireError remove_or_check_watches(std::string_view body, bool remove);
  bool sees(Operation operation, std::string_view path, AclNumber acl) const;

  void note_committed(RequestTimes& times, Zxid zxid) const;
  bool may_be_slow(const RequestTimes& times) const;
  void note_path(Waiting& waiting, std::string_view path) const;
  void note_foreign(const AppliedEntry& entry);
  void answer_write(Waiting& waiting, const AppliedEntry& entry);
  void answer_applied_write(Waiting& waiting);
  void answer_sync(Waiting& waiting);
  /// As far as the client reads its replies.
  void answer_what_is_ready();
  /// Its reply is appended.
  void finish(Waiting& waiting, RequestKind kind, Stage stage);
  void record_answered(MonoTime now);
  void record(const Answered& answered, MonoTime now, std::int64_t times);
  void tell_if_slow(Answered& answered, MonoTime now);

  Frame begin();
  void end(Frame frame, std::int32_t xid, std::int64_t zxid, WireError err);
  void send_header(std::int32_t xid, std::int64_t zxid, WireError err);
  void append_event(EventType type, std::string_view path, std::int64_t zxid);

  /// Something was appended: flush() is wanted at the end of the batch.
  void mark_dirty();
  void flush();
  void send(std::string bytes);
  void hold_until_room();
  /// So many of the frames at hand stay with the channel.
  void note_held(std::size_t frames);
  /// The client is there: it asks, or it reads what it was sent.
  void note_alive();
  /// on_low_water comes when a part of what is unsent was read.
  void await_low_water();
  const Identities& who_asked(const Waiting& waiting) const;
  Subject subject(const Identities& identities) const;

  Clients& clients_;
  Channel& channel_;
  State state_ = State::fresh;
  bool sends_read_only_ = false;  ///< The client's ConnectRequest had the readOnly byte.
  bool authenticating_ = false;   ///< An exchange works elsewhere; nothing is read meanwhile.
  bool foreign_seen_ = false;     ///< Writes of the session that came another way were applied.
  bool holding_ = false;          ///< Requests wait for a leader to confirm the session.
  bool held_ = false;             ///< Frames wait in the channel until resume().
  bool dirty_ = false;            ///< Listed with Clients for flush().
  SessionId session_;
  std::int32_t timeout_ms_ = 0;
  std::shared_ptr<const Identities> identities_;  ///< Never changed, but replaced.
  std::unique_ptr<AuthExchange> exchange_;
  std::deque<Waiting> waiting_;
  std::string out_;
  std::vector<Answered> answered_;
  MonoTime frame_received_{};    ///< Of the frame at hand.
  MonoTime held_since_{};
  std::size_t frames_held_ = 0;  ///< So many of the next ones have been there since then.
  MonoTime connect_received_{};
  MonoTime unread_since_{};
  ConnectionInfo info_;
};

/// ZooKeeper's session password: 16 bytes that every server derives from the id (section B.2).
std::string session_password(SessionId session);

}  // namespace vivarium
