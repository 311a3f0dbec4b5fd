#include "client/conversation.hpp"

#include <vivarium/assert.hpp>

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

namespace vivarium::client {
namespace {

constexpr std::size_t kPasswordBytes = 16;
constexpr std::size_t kRequestHeaderBytes = 8;

std::string framed(std::int32_t xid, Op op, std::string_view body) {
  std::string frame;
  frame.reserve(4 + kRequestHeaderBytes + body.size());
  JuteOut out(frame);
  out(static_cast<std::int32_t>(kRequestHeaderBytes + body.size()),
      records::RequestHeader{xid, static_cast<std::int32_t>(op)});
  out.put_bytes(body);
  return frame;
}

bool is_event_type(std::int32_t type) {
  return type >= static_cast<std::int32_t>(EventType::created) &&
         type <= static_cast<std::int32_t>(EventType::children_changed);
}

std::string text_of(Op op) { return std::to_string(static_cast<std::int32_t>(op)); }

}  // namespace

Conversation::Conversation(Loop& loop, Transport& transport, Settings settings,
                           SessionHandler& handler)
    : loop_(loop), transport_(transport), settings_(std::move(settings)), handler_(handler),
      deliveries_(std::make_shared<Deliveries>(loop)), servers_(loop, settings_),
      timer_(loop.timer([this] { on_time(); })), timeout_ms_(settings_.timeout_ms) {
  VIVARIUM_ASSERT(timeout_ms_ > 0, "a session needs a timeout");
  if (settings_.session) key_ = *settings_.session;
  known_to_ensemble_ = settings_.session.has_value();
  connect();
}

Conversation::~Conversation() {
  deliveries_->abandon();
  if (link_) link_->close();
}

// --- connecting -----------------------------------------------------------------------------------

void Conversation::connect() {
  phase_ = Phase::connecting;
  ConnectSpec spec;
  spec.host = servers_.current().host;
  spec.port = servers_.current().port;
  spec.framing.frame_bytes_max = settings_.frame_bytes_max;
  spec.deadline = connect_deadline();
  timer_->arm(spec.deadline);
  link_ = Link::open(transport_, spec, *this);
}

Millis Conversation::connect_deadline() const {
  if (settings_.connect_deadline > Millis(0)) return settings_.connect_deadline;
  const auto share = Millis(timeout_ms_) / static_cast<std::int64_t>(servers_.count());
  return std::max(share, Millis(1));
}

void Conversation::on_link_open() {
  phase_ = Phase::greeting;
  const SessionKey stranger{{}, std::string(kPasswordBytes, '\0'), key_.last_zxid};
  const auto& key = known_to_ensemble_ ? key_ : stranger;
  std::string body = to_jute(records::ConnectRequest{0, key.last_zxid.value, settings_.timeout_ms,
                                                     key.id.value, key.password});
  append_jute(body, settings_.read_only == ReadOnly::accepted);
  send(to_jute(Text(body)));
}

void Conversation::on_greeting(std::string_view frame) {
  JuteIn in(frame);
  records::ConnectResponse response;
  bool read_only = false;
  in(response);
  if (!in.rest().empty()) in(read_only);  // Servers before 3.4 do not say.
  if (!in.ok() || !in.rest().empty()) return drop("the answer to the greeting is malformed");
  if (response.timeout <= 0) return end(State::expired, "the server does not know the session");
  if (read_only && settings_.read_only == ReadOnly::refused)
    return drop("the server is read-only");
  timeout_ms_ = response.timeout;
  key_.id = {response.session_id};
  key_.password = std::string(response.password);
  known_to_ensemble_ = known_to_ensemble_ || !read_only;
  establish(read_only ? State::read_only : State::connected);
}

void Conversation::establish(State state) {
  phase_ = Phase::up;
  last_heard_ = loop_.now();
  show(state, {});
  resend();
  arm_keep_alive();
}

/// Credentials first: both watches and requests may need them.
void Conversation::resend() {
  credentials_answered_ = 0;
  for (const auto& credential : credentials_) send(credential.frame);
  for (const auto& [op, body] : watches_.restore(key_.last_zxid))
    send(framed(kXidSetWatches, op, body));
  for (auto& request : requests_)
    if (!request.refused) send(std::exchange(request.frame, {}));
}

// --- a connection ---------------------------------------------------------------------------------

void Conversation::send(std::string frame) {
  last_sent_ = loop_.now();
  link_->send(std::move(frame));
}

void Conversation::on_time() {
  switch (phase_) {
    case Phase::waiting: connect(); break;
    case Phase::connecting: drop("the server cannot be reached in time"); break;
    case Phase::greeting: drop("the server does not answer in time"); break;
    case Phase::up: keep_alive(); break;
    case Phase::ended: break;
  }
  deliveries_->run_soon();
}

void Conversation::keep_alive() {
  const auto now = loop_.now();
  const auto timeout = Millis(timeout_ms_);
  if (now - last_heard_ >= timeout * 2 / 3)
    return drop("nothing was heard from the server for " +
                std::to_string((now - last_heard_) / Millis(1)) + " ms");
  if (now - last_sent_ >= timeout / 3) send(framed(kXidPing, Op::ping, {}));
  arm_keep_alive();
}

void Conversation::arm_keep_alive() {
  const auto timeout = Millis(timeout_ms_);
  const auto due = std::min<MonoTime>(last_sent_ + timeout / 3, last_heard_ + timeout * 2 / 3);
  timer_->arm(std::chrono::ceil<Micros>(due - loop_.now()));
}

void Conversation::on_link_frame(std::string_view frame) {
  const auto deliveries = deliveries_;
  last_heard_ = loop_.now();
  if (phase_ == Phase::greeting)
    on_greeting(frame);
  else
    on_message(frame);
  deliveries->run();  // In which this object may go.
}

void Conversation::on_message(std::string_view frame) {
  JuteIn in(frame);
  records::ReplyHeader header;
  in(header);
  if (!in.ok()) return drop("a reply is shorter than its header");
  const Answer answer{static_cast<WireError>(header.err), {header.zxid}, in.rest()};
  // A server that greets and then refuses everything must not be come back to without a pause.
  if (header.xid > 0 || answer.err == WireError::ok) servers_.note_success();
  switch (header.xid) {
    case kXidNotification: return on_event(answer.zxid, answer.body);
    case kXidPing: return;
    case kXidAuth: return on_auth_reply(answer);
    case kXidSetWatches: return on_restored(answer.err);
    default: return on_reply(header.xid, answer);
  }
}

/// The zxid of an event is not taken for seen: more events of the same transaction may follow, and the
/// next server would not tell of them.
void Conversation::on_event(Zxid zxid, std::string_view body) {
  JuteIn in(body);
  records::WatcherEvent event;
  in(event);
  if (!in.ok() || !in.rest().empty() || !is_event_type(event.type))
    return drop("a watch event is malformed");
  const auto type = static_cast<EventType>(event.type);
  if (!watches_.fire(type, event.path)) return;
  deliveries_->add([&handler = handler_,
                    shown = WatchEvent{type, std::string(event.path), std::max(zxid, Zxid())}] {
    handler.on_watch(shown);
  });
}

void Conversation::on_auth_reply(const Answer& answer) {
  if (credentials_answered_ == credentials_.size())
    return drop("the server answers a credential that it was not shown");
  auto& credential = credentials_[credentials_answered_++];
  if (const auto read = std::exchange(credential.read, {}))
    deliveries_->add(read({answer.err, answer.zxid, {}}));
  if (answer.err == WireError::auth_failed)
    end(State::auth_failed, "the server refused a credential");
}

/// Its zxid is not taken for seen: other watches may be restored by requests that follow, and a
/// connection lost between them would lose their events.
void Conversation::on_restored(WireError err) {
  if (err != WireError::ok)
    drop("the server refused to restore watches: " + std::string(name_of(err)));
}

void Conversation::on_reply(std::int32_t xid, const Answer& answer) {
  if (requests_.empty() || requests_.front().xid != xid)
    return drop("a reply with the xid " + std::to_string(xid) + " answers no request, or not in order");
  const auto& request = requests_.front();
  auto call = request.read(answer);
  if (!call) return drop("the reply to a request of type " + text_of(request.op) + " is malformed");
  key_.last_zxid = std::max(key_.last_zxid, answer.zxid);
  if (request.effect) request.effect(watches_, answer.err);
  deliveries_->add(std::move(call));
  const auto op = request.op;
  requests_.pop_front();
  answer_refused();
  if (op == Op::close_session) end(State::closed, {});
}

// --- requests -------------------------------------------------------------------------------------

void Conversation::ask(Op op, std::string_view body, Reader read, Effect effect) {
  const auto xid = next_xid();
  auto& request = requests_.emplace_back(Request{xid, op, framed(xid, op, body), std::move(read),
                                                 std::move(effect), refusal(body.size())});
  if (phase_ == Phase::up && !request.refused) send(std::exchange(request.frame, {}));
  answer_refused();
  deliveries_->run_soon();
}

void Conversation::add_auth(std::string_view body, Reader read) {
  if (phase_ == Phase::ended) {
    deliveries_->add(read({final_error(), {}, {}}));
    return deliveries_->run_soon();
  }
  credentials_.push_back({framed(kXidAuth, Op::auth, body), std::move(read)});
  if (phase_ == Phase::up) send(credentials_.back().frame);
}

void Conversation::close(Reader read) {
  ask(Op::close_session, {}, std::move(read));
  closing_ = true;
}

/// The negative ones have meanings of their own, and zero is none.
std::int32_t Conversation::next_xid() {
  last_xid_ = last_xid_ == std::numeric_limits<std::int32_t>::max() ? 1 : last_xid_ + 1;
  return last_xid_;
}

std::optional<WireError> Conversation::refusal(std::size_t body_bytes) const {
  if (phase_ == Phase::ended) return final_error();
  if (closing_) return kSessionExpired;
  if (kRequestHeaderBytes + body_bytes > settings_.frame_bytes_max) return kRequestTooLong;
  return std::nullopt;
}

void Conversation::complete(const Request& request, WireError err) {
  deliveries_->add(request.read({request.refused.value_or(err), {}, {}}));
}

void Conversation::answer_refused() {
  while (!requests_.empty() && requests_.front().refused) {
    complete(requests_.front(), *requests_.front().refused);
    requests_.pop_front();
  }
}

void Conversation::complete_all(WireError err) {
  for (const auto& request : requests_) complete(request, err);
  requests_.clear();
}

// --- ends -----------------------------------------------------------------------------------------

void Conversation::on_link_lost(std::string_view why) {
  drop(why);
  deliveries_->run_soon();
}

/// Gives this connection up, or the attempt at it.
void Conversation::drop(std::string_view why) {
  const bool was_up = phase_ == Phase::up;
  std::exchange(link_, {})->abort();
  complete_all(kConnectionLoss);
  if (closing_) return end(State::closed, why);
  if (was_up)
    show(State::suspended, why);
  else
    deliveries_->add([&handler = handler_, server = servers_.current(), text = std::string(why)] {
      handler.on_attempt_failed(server, text);
    });
  try_next();
}

void Conversation::try_next() {
  phase_ = Phase::waiting;
  timer_->arm(servers_.next());
}

void Conversation::end(State state, std::string_view why) {
  phase_ = Phase::ended;
  timer_->cancel();
  if (const auto link = std::exchange(link_, {})) link->close();
  state_ = state;
  complete_all(final_error());
  for (const auto& credential : credentials_)
    if (credential.read) deliveries_->add(credential.read({final_error(), {}, {}}));
  credentials_.clear();
  show(state, why);
}

WireError Conversation::final_error() const {
  return state_ == State::auth_failed ? kAuthFailed : kSessionExpired;
}

void Conversation::show(State state, std::string_view why) {
  state_ = state;
  deliveries_->add([&handler = handler_, state, text = std::string(why)] {
    handler.on_state(state, text);
  });
}

}  // namespace vivarium::client
