#pragma once
// A client's session with an ensemble, ZooKeeper's or ours.
//
// A Session connects as soon as it is made, and goes on to the next server whenever one is lost, with
// the same session: ephemerals stay, and one-shot and persistent watches are set again, with the events
// that were missed of the one-shot ones. That ends when the session is closed, when a server says that
// it has expired, or when a server refuses a credential. Then make another.
//
//     vivarium::client::Session session(loop, transport, {.servers = {{"127.0.0.1", 2181}}}, handler);
//     session.create("/a", "x", {CreateFlag::ephemeral}, [](const CreateReply& reply) { ... });
//
// What is promised, as by ZooKeeper's clients:
// - Operations are carried out and completed in the order in which they were asked for.
// - The event of a watch comes before any reply that shows what it is about.
// - What one server has shown, no later one shows an older state of.
// - Without a connection operations wait for the one that is being tried. They are completed with
//   kConnectionLoss when that attempt fails, or when a connection is lost before they are answered;
//   in the latter case they may have been carried out or not. Nothing is sent twice but credentials
//   and watches. How much waits is up to the caller: outstanding().
// - Silence is no loss of the session: only a server can tell that it has expired.
//
// Threads: all on the core thread of the Loop. Neither completions nor the handler are called inside a
// method of Session; inside of them every method may be called, and the Session may be destroyed. A
// Session that is destroyed calls nobody any more and abandons its connection; its session ends by its
// timeout, unless it was closed before.
//
// Texts and data passed in are views until the call returns.
// Source: sections B and C of the ZooKeeper reference.

#include "errors.hpp"
#include "multi.hpp"
#include "node_kind.hpp"
#include "replies.hpp"
#include "settings.hpp"

#include <vivarium/ids.hpp>
#include <vivarium/loop.hpp>
#include <vivarium/records.hpp>
#include <vivarium/transport.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace vivarium::client {

class Conversation;

enum class State : std::uint8_t {
  connecting,   ///< There has been no connection with a session so far.
  connected,    ///<
  read_only,    ///< Connected to a server that has lost its ensemble.
  suspended,    ///< The connection is lost and another is being tried; nothing else is known.
  expired,      ///< Final: the session and its ephemerals are gone.
  auth_failed,  ///< Final: a server refused a credential.
  closed,       ///< Final: as was asked for.
};

/// "connecting", "read_only".
std::string_view name_of(State state);
inline bool is_final(State state) { return state >= State::expired; }
inline bool is_connected(State state) {
  return state == State::connected || state == State::read_only;
}

/// A change of which a watch tells.
struct WatchEvent {
  EventType type = EventType::created;
  std::string path;
  /// The change's, where the server tells it: zero from releases before 3.9, and for what was missed
  /// while there was no connection.
  Zxid zxid;
  bool operator==(const WatchEvent&) const = default;
};

/// Whether a read leaves a watch, which fires once.
enum class Watch : std::uint8_t { none, set };

/// How add_watch() watches, until it is removed. The numbers are those of the wire.
enum class AddWatchMode : std::int32_t { persistent = 0, persistent_recursive = 1 };

/// Which watches of a path remove_watches() removes. The numbers are those of the wire.
enum class WatcherType : std::int32_t {
  children = 1,
  data = 2,  ///< Those that get() and exists() leave.
  any = 3,
  persistent = 4,
  persistent_recursive = 5,
};

/// What the user of a Session implements. Borrowed for the life of the Session.
class SessionHandler {
 public:
  virtual ~SessionHandler() = default;

  /// `reason` is a sentence for people; empty when things go well.
  virtual void on_state(State state, std::string_view reason) = 0;
  /// Once for each change, however many watches it meets.
  virtual void on_watch(const WatchEvent& event) = 0;
  /// An attempt to connect has failed, and another will follow: for logs.
  virtual void on_attempt_failed(const ServerAddress& server, std::string_view reason) {
    (void)server, (void)reason;
  }
};

class Session {
 public:
  /// Begins to connect. All three are borrowed until the Session is destroyed; `transport` must have
  /// been started, and outlive what the Session leaves in it: a channel that is being closed.
  Session(Loop& loop, Transport& transport, Settings settings, SessionHandler& handler);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // --- writes ---------------------------------------------------------------------------------------
  void create(std::string_view path, Data data, const NodeKind& kind, Completion<CreateReply> done);
  void remove(std::string_view path, std::int32_t version, Completion<Reply> done);
  void set(std::string_view path, Data data, std::int32_t version, Completion<StatReply> done);
  void set_acl(std::string_view path, const AclList& acl, std::int32_t version,
               Completion<StatReply> done);
  void multi(const Multi& parts, Completion<MultiReply> done);

  // --- reads ----------------------------------------------------------------------------------------
  /// The answer that there is no such znode leaves a watch as well: for its creation.
  void exists(std::string_view path, Watch watch, Completion<StatReply> done);
  void get(std::string_view path, Watch watch, Completion<DataReply> done);
  void get_children(std::string_view path, Watch watch, Completion<ChildrenReply> done);
  void get_acl(std::string_view path, Completion<AclReply> done);
  /// Of all below the path.
  void get_all_children_number(std::string_view path, Completion<CountReply> done);
  /// This session's, whose paths begin with `prefix`.
  void get_ephemerals(std::string_view prefix, Completion<PathsReply> done);
  void multi_read(const MultiRead& parts, Completion<MultiReply> done);
  /// Reads that follow see all that had been committed when the leader was asked.
  void sync(std::string_view path, Completion<PathReply> done);

  // --- watches --------------------------------------------------------------------------------------
  void add_watch(std::string_view path, AddWatchMode mode, Completion<Reply> done);
  void remove_watches(std::string_view path, WatcherType type, Completion<Reply> done);

  // --- who this is ----------------------------------------------------------------------------------
  /// Shows a credential to this server and to every later one. Completed by the first answer, whatever
  /// connections were lost before it, and possibly before operations that were asked for earlier.
  void add_auth(std::string_view scheme, std::string_view credential, Completion<Reply> done);
  void who_am_i(Completion<IdentitiesReply> done);

  /// Ends the session and its ephemerals, after what was asked for before. Whatever is asked for later
  /// is completed with kSessionExpired. kConnectionLoss: it will end by its timeout, if it has not.
  void close(Completion<Reply> done);

  // --- what is known now; on_state() may still be on its way ----------------------------------------
  State state() const;
  SessionId id() const;             ///< Zero before there is a session.
  std::int32_t timeout_ms() const;  ///< As negotiated.
  SessionKey key() const;
  Zxid last_zxid() const;           ///< The newest that a reply has shown.
  const ServerAddress& server() const;     ///< Connected to it, or tried last.
  std::size_t outstanding() const;  ///< Operations that are not completed, credentials aside.

 private:
  std::unique_ptr<Conversation> conversation_;
};

}  // namespace vivarium::client
