#pragma once
// What one client and a server say to each other on one connection, and what a client may rely on:
// every request gets one reply of its shape, in order, zxids do not go back, and a watch fires.

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include <vivarium/opcodes.hpp>
#include <vivarium/records.hpp>

#include "tests/fuzz/client_requests.hpp"
#include "tests/fuzz/history_model.hpp"
#include "tests/fuzz/wire_client.hpp"

namespace vivarium::fuzz {

/// A session that a client once had.
struct SessionKey {
  std::int64_t id = 0;
  std::string password;
};

/// How a client introduces itself.
struct Greeting {
  SessionKey key;  ///< id 0: a new session.
  bool right_password = true;
  bool was_alive = false;  ///< The session, when this was sent.
  std::int32_t timeout_ms = 0;
  std::int64_t last_zxid = 0;
  bool says_read_only = true;  ///< Has the byte that old clients leave out.
};

class Conversation {
 public:
  Conversation(Transport& transport, std::uint16_t port) : client_(transport, port) {}

  // --- to the server
  // -------------------------------------------------------------------------------
  enum class Sending : std::uint8_t { whole, halves };

  void greet(const Greeting& greeting);
  /// `xid` is of no other request, unless it is negative, and not -1 or -4.
  void ask(const ClientRequest& request, std::int32_t xid);
  /// From here on nobody can say what the server reads.
  void send_raw(std::string_view bytes);
  /// The second half of what is sent stays here until complete().
  void set_sending(Sending sending) { sending_ = sending; }
  void complete();
  WireClient& client() { return client_; }

  // --- from the server
  // -----------------------------------------------------------------------------
  /// Looks at all that came; all is done that the server was asked.
  void hear(const HistoryModel& history);
  /// The session that it got, once.
  std::optional<SessionKey> take_session();
  bool closed() const { return client_.closed; }

 private:
  struct Asked {
    std::int32_t xid;
    Op op;
    std::string path;
    bool leaves_watch, spoilt;
  };
  using Armed = std::map<std::string, std::int64_t, std::less<>>;

  void send(std::string bytes);
  void hear_frame(std::string_view frame, const HistoryModel& history);
  void hear_greeting(std::string_view frame, const HistoryModel& history);
  void hear_event(std::int64_t zxid, std::string_view body);
  void hear_reply(const records::ReplyHeader& header, std::string_view body,
                  const HistoryModel& history);
  void check_outcome(const Asked& asked, const records::ReplyHeader& header,
                     const HistoryModel& history) const;
  void check_read(const Asked& asked, const records::ReplyHeader& header, std::string_view body,
                  const HistoryModel& history) const;
  void note_watch(const Asked& asked, const records::ReplyHeader& header);
  void check_fired(const HistoryModel& history) const;
  void check_silence() const;

  WireClient client_;
  Sending sending_ = Sending::whole;
  std::string held_;   ///< The half that is not sent yet.
  bool exact_ = true;  ///< All that was sent was frames.
  bool text_ = false;  ///< It may have begun with a four-letter word.
  std::optional<Greeting> greeting_;
  bool greeted_ = false;
  bool ended_ = false;  ///< The server said all that it will.
  std::optional<SessionKey> session_;
  std::int64_t session_id_ = 0;
  std::deque<Asked> asked_;
  std::deque<Asked> asked_in_passing_;  ///< Whose answers may overtake others.
  std::int64_t last_zxid_ = 0;
  Armed data_watches_, child_watches_;
};

}  // namespace vivarium::fuzz
