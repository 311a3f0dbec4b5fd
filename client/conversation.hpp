#pragma once
// The session itself: greets one server after the other, keeps the connection alive, matches answers
// with requests, and knows what to say again after a loss.
//
// A request stays in one queue from when it is asked for until it is completed; on a connection the
// whole queue has been sent. On the core thread; the user is called through Deliveries alone.
// Source: sections B.2, B.3 and C.1 of the reference.

#include "client/deliveries.hpp"
#include "client/link.hpp"
#include "client/servers.hpp"
#include "client/session.hpp"
#include "client/watches.hpp"

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vivarium::client {

/// The outcome of a request, as it came. There is a body when `err` is ok.
struct Answer {
  WireError err = WireError::ok;
  Zxid zxid;
  std::string_view body;
};

/// Makes the user's call of an answer; an empty one when the body is not what belongs there.
using Reader = std::function<Task(const Answer&)>;

/// What an answer means for the watches.
using Effect = std::function<void(Watches&, WireError)>;

class Conversation final : private LinkOwner {
 public:
  Conversation(Loop& loop, Transport& transport, Settings settings, SessionHandler& handler);
  ~Conversation();
  Conversation(const Conversation&) = delete;
  Conversation& operator=(const Conversation&) = delete;

  void ask(Op op, std::string_view body, Reader read, Effect effect = {});
  void add_auth(std::string_view body, Reader read);
  void close(Reader read);

  State state() const { return state_; }
  const SessionKey& key() const { return key_; }
  std::int32_t timeout_ms() const { return timeout_ms_; }
  const ServerAddress& server() const { return servers_.current(); }
  std::size_t outstanding() const { return requests_.size(); }

 private:
  enum class Phase : std::uint8_t {
    waiting,     ///< For the time of the next attempt.
    connecting,  ///<
    greeting,    ///< The server is asked for the session.
    up,
    ended,
  };
  struct Request {
    std::int32_t xid;
    Op op;
    std::string frame;  ///< Empty once it is sent.
    Reader read;
    Effect effect;
    /// It is not sent, and completed with this when those before it are.
    std::optional<WireError> refused;
  };
  struct Credential {
    std::string frame;
    Reader read;  ///< Empty once a server has answered.
  };

  void on_link_open() override;
  void on_link_frame(std::string_view frame) override;
  void on_link_lost(std::string_view why) override;
  void on_time();

  // --- connecting
  void connect();
  Millis connect_deadline() const;
  void on_greeting(std::string_view frame);
  void establish(State state);
  void resend();

  // --- a connection
  void send(std::string frame);
  void keep_alive();
  void arm_keep_alive();
  void on_message(std::string_view frame);
  void on_event(Zxid zxid, std::string_view body);
  void on_auth_reply(const Answer& answer);
  void on_restored(WireError err);
  void on_reply(std::int32_t xid, const Answer& answer);

  // --- requests
  std::int32_t next_xid();
  std::optional<WireError> refusal(std::size_t frame_bytes) const;
  void complete(const Request& request, WireError err);
  void answer_refused();
  void complete_all(WireError err);

  // --- ends
  void drop(std::string_view why);
  void try_next();
  void end(State state, std::string_view why);
  WireError final_error() const;
  void show(State state, std::string_view why);

  Loop& loop_;
  Transport& transport_;
  const Settings settings_;
  SessionHandler& handler_;
  const std::shared_ptr<Deliveries> deliveries_;
  Servers servers_;
  const std::unique_ptr<Timer> timer_;

  Phase phase_ = Phase::waiting;
  State state_ = State::connecting;
  bool closing_ = false;
  SessionKey key_;
  /// A server of a whole ensemble knows the session: what a read-only one gives out is worth nothing
  /// elsewhere.
  bool known_to_ensemble_ = false;
  std::int32_t timeout_ms_;

  std::shared_ptr<Link> link_;
  MonoTime last_sent_{}, last_heard_{};
  std::int32_t last_xid_ = 0;
  std::deque<Request> requests_;
  std::vector<Credential> credentials_;
  std::size_t credentials_answered_ = 0;  ///< On this connection.
  Watches watches_;
};

}  // namespace vivarium::client
