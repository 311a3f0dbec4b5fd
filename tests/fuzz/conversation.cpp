#include "tests/fuzz/conversation.hpp"

#include <vivarium/assert.hpp>

#include "tests/fuzz/shapes.hpp"

namespace vivarium::fuzz {
namespace {

constexpr std::int32_t kXidRefused = INT32_MAX;  ///< Only one of a connection is answered.
constexpr std::string_view kStat = "lllliiiliil";

std::string framed(std::string_view frame) {
  std::string bytes;
  append_jute(bytes, frame);
  return bytes;
}

bool is_write(Op op) {
  switch (op) {
  case Op::create:
  case Op::create2:
  case Op::create_container:
  case Op::create_ttl:
  case Op::remove:
  case Op::set_data:
  case Op::set_acl:
  case Op::multi:
  case Op::reconfig:
  case Op::close_session: return true;
  default: return false;
  }
}

/// Ends the connection, whatever the server thinks of it.
bool is_refused(Op op) {
  switch (op) {
  case Op::notification:
  case Op::check:
  case Op::delete_container:
  case Op::create_session:
  case Op::error:
  case Op::sasl: return true;
  default:
    return static_cast<std::int32_t>(op) > 107 ||
           (static_cast<std::int32_t>(op) > 22 && static_cast<std::int32_t>(op) < 100) ||
           op == static_cast<Op>(10);
  }
}

/// Of the body of a reply that reports no error; multis are read part by part.
std::string shape_of_reply(Op op) {
  const std::string stat(kStat);
  switch (op) {
  case Op::create: return "s";
  case Op::create2:
  case Op::create_container:
  case Op::create_ttl: return "s" + stat;
  case Op::set_data:
  case Op::set_acl:
  case Op::exists: return stat;
  case Op::get_data: return "b" + stat;
  case Op::get_acl: return "A" + stat;
  case Op::get_children:
  case Op::get_ephemerals: return "S";
  case Op::get_children2: return "S" + stat;
  case Op::get_all_children_number:
  case Op::add_watch: return "i";
  case Op::sync: return "b";
  default: return "";
  }
}

std::string_view checked_shape(std::string_view shape, std::string_view bytes) {
  const auto read = read_shape(shape, bytes);
  VIVARIUM_ASSERT(read, "a reply of another shape");
  return read->rest;
}

void check_multi_shape(std::string_view body) {
  for (;;) {
    const auto header = body;
    body = checked_shape("izi", body);
    JuteIn in(header);
    records::MultiHeader part;
    in(part);
    if (part.done) break;
    const auto op = static_cast<Op>(part.type);
    body = checked_shape(op == Op::error ? "i" : shape_of_reply(op), body);
  }
  VIVARIUM_ASSERT(body.empty(), "a multi with more behind it");
}

void check_shape(Op op, WireError err, std::string_view body) {
  if (op == Op::sasl) {
    VIVARIUM_ASSERT(body.size() == 4, "no refusal of SASL");
    return;
  }
  if (err != WireError::ok) {
    VIVARIUM_ASSERT(body.empty(), "an error with a body");
    return;
  }
  if (op == Op::multi || op == Op::multi_read) return check_multi_shape(body);
  if (op == Op::who_am_i) {
    JuteIn in(body);
    std::vector<records::ClientInfo> users;
    in(users);
    {
      VIVARIUM_ASSERT(in.ok() && in.rest().empty(), "no list of users");
      return;
    }
  }
  VIVARIUM_ASSERT(checked_shape(shape_of_reply(op), body).empty(), "a reply with more behind it");
}

bool is_event_of(std::int32_t type) { return type >= 1 && type <= 4; }

}  // namespace

// --- to the server -------------------------------------------------------------------------------

void Conversation::send(std::string bytes) {
  complete();
  if (sending_ == Sending::halves) {
    held_ = bytes.substr(bytes.size() / 2);
    bytes.resize(bytes.size() / 2);
  }
  client_.send(bytes);
}

void Conversation::complete() {
  if (!held_.empty()) client_.send(std::exchange(held_, {}));
}

void Conversation::greet(const Greeting& greeting) {
  greeting_ = greeting;
  auto password = greeting.key.password;
  if (!greeting.right_password) password.back() ^= 1;
  auto bytes = to_jute(records::ConnectRequest{0, greeting.last_zxid, greeting.timeout_ms,
                                               greeting.key.id, password});
  if (greeting.says_read_only) bytes += '\0';
  send(framed(bytes));
}

void Conversation::ask(const ClientRequest& request, std::int32_t xid) {
  if (request.op == Op::auth) xid = kXidAuth;
  if (is_refused(request.op)) xid = kXidRefused;
  auto& queue = request.op == Op::auth || is_refused(request.op) ? asked_in_passing_ : asked_;
  queue.push_back({request.op == Op::ping ? kXidPing : xid, request.op, request.path,
                   request.leaves_watch, request.spoilt});
  send(framed(to_jute(records::RequestHeader{xid, static_cast<std::int32_t>(request.op)}) +
              request.body));
}

void Conversation::send_raw(std::string_view bytes) {
  exact_ = false;
  if (!greeting_) text_ = true;
  send(std::string(bytes));
}

// --- from the server -----------------------------------------------------------------------------

std::optional<SessionKey> Conversation::take_session() { return std::exchange(session_, {}); }

void Conversation::hear(const HistoryModel& history) {
  auto& bytes = client_.received;
  if (text_) return bytes.clear();
  std::string_view rest = bytes;
  while (rest.size() >= 4) {
    const auto size = JuteIn(rest).take<std::int32_t>();
    VIVARIUM_ASSERT(size >= 0, "a frame of an impossible length");
    if (rest.size() - 4 < static_cast<std::size_t>(size)) break;
    hear_frame(rest.substr(4, static_cast<std::size_t>(size)), history);
    rest.remove_prefix(4 + static_cast<std::size_t>(size));
  }
  bytes.erase(0, bytes.size() - rest.size());
  if (client_.closed || !client_.reads() || !exact_ || !held_.empty()) return;
  check_silence();
  check_fired(history);
}

/// Whoever reads and is not cut off was answered.
void Conversation::check_silence() const {
  VIVARIUM_ASSERT(client_.received.empty(), "half a frame comes, and nothing more");
  if (!greeting_) return;
  VIVARIUM_ASSERT(greeted_, "a greeting is not answered");
  VIVARIUM_ASSERT(asked_.empty() && asked_in_passing_.empty(), "a request is not answered");
}

void Conversation::hear_frame(std::string_view frame, const HistoryModel& history) {
  if (!greeted_) return hear_greeting(frame, history);
  VIVARIUM_ASSERT(!ended_, "more is said behind the end");
  JuteIn in(frame);
  records::ReplyHeader header;
  in(header);
  VIVARIUM_ASSERT(in.ok(), "a reply without a header");
  if (header.xid == kXidNotification) {
    // Raw bytes may have asked something under that number.
    if (exact_) hear_event(header.zxid, in.rest());
    return;
  }
  hear_reply(header, in.rest(), history);
}

void Conversation::hear_greeting(std::string_view frame, const HistoryModel& history) {
  JuteIn in(frame);
  records::ConnectResponse response;
  in(response);
  VIVARIUM_ASSERT(in.ok(), "a greeting that cannot be read");
  greeted_ = true;
  const bool accepted = response.timeout > 0;
  VIVARIUM_ASSERT(accepted == (response.session_id != 0),
                  "a session without a time, or the reverse");
  VIVARIUM_ASSERT(response.password.size() == 16, "a password of another length");
  if (accepted) session_ = {response.session_id, std::string(response.password)};
  session_id_ = response.session_id;
  ended_ = !accepted;
  if (!exact_ || !greeting_) return;
  const bool resumed = greeting_->key.id != 0;
  VIVARIUM_ASSERT(in.rest().size() == (greeting_->says_read_only ? 1u : 0u),
                  "the byte of read-only servers comes unasked, or not");
  if (!resumed) {
    VIVARIUM_ASSERT(accepted, "no new session");
    return;
  }
  const bool is_alive = history.sessions().contains(greeting_->key.id);
  if (!greeting_->right_password || (!greeting_->was_alive && !is_alive)) {
    VIVARIUM_ASSERT(!accepted, "a session for whoever asks");
    return;
  }
  if (!greeting_->was_alive || !is_alive) return;
  VIVARIUM_ASSERT(accepted && response.session_id == greeting_->key.id,
                  "a session that lives is refused");
}

void Conversation::hear_event(std::int64_t zxid, std::string_view body) {
  JuteIn in(body);
  records::WatcherEvent event;
  in(event);
  VIVARIUM_ASSERT(in.ok() && in.rest().empty() && is_event_of(event.type), "no event");
  VIVARIUM_ASSERT(event.state == kStateSyncConnected, "an event of another state");
  VIVARIUM_ASSERT(zxid == -1 || zxid >= last_zxid_, "an event comes behind what it announces");
  if (zxid > 0) last_zxid_ = zxid;
  const auto type = static_cast<EventType>(event.type);
  if (type != EventType::children_changed) data_watches_.erase(std::string(event.path));
  if (type == EventType::children_changed || type == EventType::deleted)
    child_watches_.erase(std::string(event.path));
}

void Conversation::hear_reply(const records::ReplyHeader& header, std::string_view body,
                              const HistoryModel& history) {
  if (header.zxid > 0) {
    VIVARIUM_ASSERT(header.zxid >= last_zxid_, "zxids go back");
    VIVARIUM_ASSERT(header.zxid <= history.last_zxid(), "a zxid that is not logged yet");
    last_zxid_ = header.zxid;
  }
  if (!exact_) return;
  const bool in_passing = !asked_in_passing_.empty() && asked_in_passing_.front().xid == header.xid;
  auto& queue = in_passing ? asked_in_passing_ : asked_;
  VIVARIUM_ASSERT(!queue.empty() && queue.front().xid == header.xid, "a reply to another request");
  const auto asked = std::move(queue.front());
  queue.pop_front();
  const auto err = static_cast<WireError>(header.err);
  if (is_refused(asked.op)) {
    VIVARIUM_ASSERT(err != WireError::ok, "what nobody may ask is done");
    ended_ = true;
  } else if (asked.op == Op::auth) {
    ended_ = err != WireError::ok;
  } else {
    VIVARIUM_ASSERT(header.zxid > 0, "a reply without a zxid");
  }
  check_shape(asked.op, err, body);
  if (is_write(asked.op)) check_outcome(asked, header, history);
  check_read(asked, header, body, history);
  note_watch(asked, header);
}

/// What was told is what was logged.
void Conversation::check_outcome(const Asked& asked, const records::ReplyHeader& header,
                                 const HistoryModel& history) const {
  if (asked.xid < 0) return;
  const auto* outcome = history.outcome(session_id_, asked.xid);
  VIVARIUM_ASSERT(outcome, "a write is answered and not logged");
  VIVARIUM_ASSERT(static_cast<std::int32_t>(outcome->err) == header.err,
                  "another outcome is logged");
  VIVARIUM_ASSERT(outcome->zxid <= header.zxid, "a write is answered before it is applied");
}

/// What was read is what there was, if nothing has changed since.
void Conversation::check_read(const Asked& asked, const records::ReplyHeader& header,
                              std::string_view body, const HistoryModel& history) const {
  if (asked.spoilt || header.zxid != history.last_zxid()) return;
  const bool reads = asked.op == Op::exists || asked.op == Op::get_data ||
                     asked.op == Op::get_children || asked.op == Op::get_children2;
  if (!reads) return;
  const std::string_view path = asked.path.empty() ? "/" : std::string_view(asked.path);
  const auto found = history.nodes().find(path);
  const bool there = found != history.nodes().end();
  const auto err = static_cast<WireError>(header.err);
  if (err == WireError::no_node) {
    VIVARIUM_ASSERT(!there, "a node is not found");
    return;
  }
  if (err != WireError::ok) return;
  VIVARIUM_ASSERT(there, "a node is read that is not there");
  if (asked.op == Op::get_children || asked.op == Op::get_children2) {
    JuteIn in(body);
    std::vector<Text> names;
    in(names);
    const std::set<std::string> children(names.begin(), names.end());
    {
      VIVARIUM_ASSERT(children == history.children_of(path) && children.size() == names.size(),
                      "other children are read");
      return;
    }
  }
  JuteIn in(body);
  Data data;
  Stat stat;
  if (asked.op == Op::get_data) in(data);
  in(stat);
  const auto& known = found->second;
  VIVARIUM_ASSERT(stat.mzxid == known.mzxid && stat.version == known.version &&
                      stat.czxid == known.czxid,
                  "another version is read");
}

void Conversation::note_watch(const Asked& asked, const records::ReplyHeader& header) {
  const auto err = static_cast<WireError>(header.err);
  if (asked.op == Op::remove_watches && err == WireError::ok) {
    data_watches_.erase(asked.path);
    child_watches_.erase(asked.path);
    if (asked.spoilt) data_watches_.clear(), child_watches_.clear();
  }
  if (!asked.leaves_watch || asked.spoilt) return;
  const bool exists = asked.op == Op::exists;
  if (err != WireError::ok && !(exists && err == WireError::no_node)) return;
  const bool of_children = asked.op == Op::get_children || asked.op == Op::get_children2;
  (of_children ? child_watches_ : data_watches_)[asked.path] = header.zxid;
}

void Conversation::check_fired(const HistoryModel& history) const {
  if (ended_) return;
  for (const auto& [path, zxid] : data_watches_)
    VIVARIUM_ASSERT(!history.fires_data_watch(path, zxid), "a watch on " + path + " did not fire");
  for (const auto& [path, zxid] : child_watches_)
    VIVARIUM_ASSERT(!history.fires_child_watch(path, zxid),
                    "a watch on the children of " + path + " did not fire");
}

}  // namespace vivarium::fuzz
