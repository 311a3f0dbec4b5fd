#include "kernel/core/connection.hpp"

#include "kernel/core/clients.hpp"
#include "kernel/core/paths.hpp"
#include "kernel/core/preparer.hpp"

#include <vivarium/assert.hpp>

#include <algorithm>
#include <cstring>

namespace vivarium {
namespace {

constexpr std::size_t kUnsentBytesHigh = 4u << 20;  ///< Above this much unsent output reading stops,
constexpr std::size_t kUnsentBytesLow = 1u << 20;   ///< and below this it goes on.
/// A client that reads so much within its timeout is alive.
constexpr std::size_t kUnsentBytesStep = 256u << 10;
/// So much leaves at once: a buffer that grew on would be copied, and be half empty.
constexpr std::size_t kOutBytesFull = 63u << 10;
/// Of one that is kept, with the reply that fills it: what allocators have without rounding up.
constexpr std::size_t kOutBytesKept = (64u << 10) - 1;
constexpr std::size_t kReplyHeaderBytes = 16;
/// What is longer may take long.
constexpr std::size_t kLongReplyBytes = 256u << 10;
/// A batch of so many answers is usual.
constexpr std::size_t kAnsweredKept = 256;
constexpr std::uint64_t kPasswordSecret = 0xB3415C00;

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
    case Op::close_session:
      return true;
    default:
      return false;
  }
}

bool is_watch_request(Op op) {
  return op == Op::set_watches || op == Op::set_watches2 || op == Op::add_watch ||
         op == Op::remove_watches || op == Op::check_watches;
}

/// What is sent under the other numbers keeps a session alive, or tells of events.
bool answers_request(std::int32_t xid) { return xid >= 0 || xid == kXidSetWatches; }

bool is_read(Op op) { return is_watch_request(op) || Reader::handles(op); }

/// Of what names one path, and names it first; empty for the rest.
std::string_view path_of(Op op, std::string_view body) {
  switch (op) {
    case Op::exists:
    case Op::get_data:
    case Op::get_acl:
    case Op::get_children:
    case Op::get_children2:
    case Op::get_all_children_number:
    case Op::get_ephemerals:
    case Op::add_watch:
    case Op::check_watches:
    case Op::remove_watches:
    case Op::sync: break;
    default: return {};
  }
  JuteIn in(body);
  Text path;
  in(path);
  return in.ok() && !is_null(path) ? path : Text();
}

const char* short_name(Op op) {
  switch (op) {
    case Op::create_session: return "SESS";
    case Op::ping: return "PING";
    case Op::multi: return "MULT";
    case Op::multi_read: return "MLTR";
    case Op::create:
    case Op::create2:
    case Op::create_container:
    case Op::create_ttl: return "CREA";
    case Op::remove: return "DELE";
    case Op::set_data: return "SETD";
    case Op::reconfig: return "RECO";
    case Op::set_acl: return "SETA";
    case Op::close_session: return "CLOS";
    case Op::sync: return "SYNC";
    case Op::check: return "CHEC";
    case Op::exists: return "EXIS";
    case Op::get_data: return "GETD";
    case Op::set_watches: return "SETW";
    case Op::set_watches2: return "STW2";
    case Op::add_watch: return "ADDW";
    case Op::get_acl: return "GETA";
    case Op::get_children:
    case Op::get_children2: return "GETC";
    case Op::get_all_children_number: return "GETACN";
    case Op::check_watches: return "CHKW";
    case Op::remove_watches: return "REMW";
    case Op::who_am_i: return "HOMI";
    case Op::get_ephemerals: return "GETE";
    default: return "NA";
  }
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    difference |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]);
  return difference == 0;
}

std::size_t bytes_of(const std::vector<Identity>& identities) {
  std::size_t sum = 0;
  for (const auto& identity : identities) sum += identity.scheme.size() + identity.id.size();
  return sum;
}

bool any_part(Op) { return true; }

/// The ops of a multi's parts, one byte each, if one of them is create2: its transaction says create,
/// but its client wants a Stat. Empty for others.
std::string ops_with_create2(std::string_view body) {
  std::vector<MultiPart> parts;
  if (!split_multi(body, any_part, parts)) return {};
  std::string ops;
  for (const auto& part : parts) ops.push_back(static_cast<char>(part.op));
  return ops.find(static_cast<char>(Op::create2)) == std::string::npos ? std::string() : ops;
}

// --- the bodies of replies to writes

void append_outcome(JuteOut& out, Op op, const Applied& applied) {
  switch (op) {
    case Op::create: return out(applied.path), void();
    case Op::create2:
    case Op::create_container:
    case Op::create_ttl: return out(applied.path, applied.stat), void();
    case Op::set_data:
    case Op::set_acl: return out(applied.stat), void();
    default: return;
  }
}

/// `asked` has the op of each part, if one of them was create2.
void append_multi(JuteOut& out, std::string_view asked, const AppliedEntry& entry) {
  for (std::size_t i = 0; i < entry.parts.size(); ++i) {
    const auto& part = entry.parts[i];
    if (part.type == Op::error) {
      const auto code = static_cast<std::int32_t>(part.err);
      out(records::MultiHeader{-1, false, code}, code);
      continue;
    }
    const bool asked_for_stat = i < asked.size() && static_cast<Op>(asked[i]) == Op::create2;
    auto op = asked_for_stat ? Op::create2 : part.type;
    if (op == Op::create_container || op == Op::create_ttl) op = Op::create2;
    out(records::MultiHeader{static_cast<std::int32_t>(op), false, 0});
    append_outcome(out, op, part);
  }
  out(records::MultiHeader{-1, true, -1});
}

/// A multi that failed is ok: its parts tell.
WireError outcome_of(Op op, const AppliedEntry& entry) {
  const bool told_by_parts = op == Op::multi && entry.outcome.type == Op::multi;
  return told_by_parts ? WireError::ok : entry.outcome.err;
}

void append_reply(JuteOut& out, Op op, std::string_view asked, const AppliedEntry& entry) {
  if (outcome_of(op, entry) != WireError::ok) return;
  op == Op::multi ? append_multi(out, asked, entry) : append_outcome(out, op, entry.outcome);
}

}  // namespace

std::string session_password(SessionId session) {
  // java.util.Random, seeded with the id.
  constexpr std::uint64_t kMultiplier = 0x5DEECE66D, kMask = (1ull << 48) - 1;
  auto state = ((static_cast<std::uint64_t>(session.value) ^ kPasswordSecret) ^ kMultiplier) & kMask;
  std::string password;
  for (int i = 0; i < 4; ++i) {
    state = (state * kMultiplier + 0xB) & kMask;
    const auto bits = static_cast<std::uint32_t>(state >> 16);
    for (int byte = 0; byte < 4; ++byte) password.push_back(static_cast<char>(bits >> (8 * byte)));
  }
  return password;
}

Connection::Connection(Clients& clients, Channel& channel) : clients_(clients), channel_(channel) {
  identities_ = std::make_shared<const Identities>(clients_.parts().gate.identities_of(channel.peer()));
  channel_.set_low_water(kUnsentBytesLow);
  channel_.set_deadline(Millis(clients_.parts().settings.sessionless_timeout_ms));
  info_.established_ms = clients_.parts().loop.wall_ms();
}

Connection::~Connection() { give_up_waiting(); }

// --- frames ---------------------------------------------------------------------------------------

std::size_t Connection::on_frames(Channel&, std::span<const std::string_view> frames) {
  clients_.begin_batch(clients_.parts().loop.now());
  std::size_t taken = 0;
  while (taken < frames.size()) {
    const auto frame = frames[taken];
    if (state_ == State::establishing || authenticating_) {
      held_ = true;
      break;
    }
    if (state_ == State::open && overloaded()) {
      clients_.parts().stats.held_for_room.add();
      hold_until_room();
      break;
    }
    ++taken;
    frame_received_ = frames_held_ > 0 ? held_since_ : clients_.now();
    if (frames_held_ > 0) --frames_held_;
    if (state_ == State::closing) continue;  // What follows the end of a session is not executed.
    note_received(4 + frame.size());
    if (state_ == State::fresh)
      on_connect_request(frame);
    else
      on_request(frame);
    if (out_.size() >= kOutBytesFull) flush();
  }
  if (taken < frames.size()) note_held(frames.size() - taken);
  if (state_ == State::open) note_alive();
  clients_.submit_batch();
  flush();
  if (held_) await_low_water();
  return taken;
}

void Connection::note_held(std::size_t frames) {
  if (frames_held_ > 0) return;  // The oldest of them tell how long.
  held_since_ = clients_.now();
  frames_held_ = frames;
}

void Connection::note_received(std::size_t bytes) {
  ++info_.received;
  ++clients_.parts().stats.packets_received;
  clients_.parts().stats.bytes_received.add(static_cast<std::int64_t>(bytes));
}

void Connection::note_alive() {
  clients_.parts().broadcast.touch(session_, timeout_ms_);
  channel_.set_deadline(Millis(timeout_ms_));
}

bool Connection::overloaded() const {
  if (unsent_bytes() > kUnsentBytesHigh) return true;
  return !waiting_.empty() && clients_.busy();
}

void Connection::hold_until_room() {
  held_ = true;
  clients_.wait_for_room(*this);
}

void Connection::await_low_water() {
  const auto queued = channel_.queued_bytes();
  channel_.set_low_water(
      std::max(kUnsentBytesLow, queued - std::min(queued, kUnsentBytesStep)));
}

void Connection::resume() {
  if (!std::exchange(held_, false)) return;
  channel_.resume_reading();
}

void Connection::on_low_water(Channel&) {
  if (state_ != State::open) return;
  clients_.begin_batch(clients_.parts().loop.now());
  unread_since_ = clients_.now();
  note_alive();
  if (!holding_) answer_what_is_ready();
  flush();
  if (channel_.queued_bytes() > kUnsentBytesLow) return await_low_water();
  resume();
}

void Connection::on_first_word(Channel&, std::uint32_t word) {
  std::string name(4, '\0');
  for (std::size_t i = 0; i < 4; ++i) name[i] = static_cast<char>(word >> (8 * (3 - i)));
  note_received(name.size());
  held_ = true;  // As `cons` shows it: nothing more is read.
  out_ = run_word(name);
  if (!out_.empty()) ++clients_.parts().stats.packets_sent;
  state_ = State::closing;
  flush();
  channel_.close();
}

std::string Connection::run_word(const std::string& word) const {
  const auto& whitelist = clients_.parts().settings.whitelisted_words;
  const auto listed = [&](std::string_view entry) {
    return std::find(whitelist.begin(), whitelist.end(), entry) != whitelist.end();
  };
  const bool always = word == "srvr" || (word == "isro" && clients_.parts().settings.read_only_enabled);
  if (!always && !listed(word) && !listed("*"))
    return word + " is not executed because it is not in the whitelist.\n";
  const auto* command = clients_.parts().commands.find_word(word);
  if (!command || !command->text) return {};
  if (clients_.role() == ServingRole::none && !command->when_not_serving)
    return "This ZooKeeper instance is not currently serving requests\n";
  return command->text(command->run({}));
}

void Connection::on_closed(Channel&, CloseReason reason, std::string_view detail) {
  auto& log = clients_.parts().log;
  auto& stats = clients_.parts().stats;
  if (reason == CloseReason::deadline && state_ == State::fresh) stats.sessionless_expired.add();
  if (reason == CloseReason::peer && state_ != State::closing) stats.connections_dropped.add();
  if (log.enabled(LogLevel::debug))
    log.debug("the connection of " + channel_.peer().remote_host + " ended: " + std::string(detail));
  clients_.forget(*this);  // Destroys this.
}

void Connection::close() {
  if (state_ == State::closing) return;
  state_ = State::closing;
  flush();
  channel_.close();
  // Now: a peer that is cut off may keep the channel from ending for long.
  clients_.let_go(*this);
}

/// Others are being answered meanwhile: what it has asked for is let go of when the channel has ended,
/// which follows at once.
void Connection::abandon() {
  if (state_ == State::closing) return;
  state_ = State::closing;
  out_.clear();
  channel_.abort();
}

// --- the session's beginning ----------------------------------------------------------------------

void Connection::on_connect_request(std::string_view frame) {
  JuteIn in(frame);
  records::ConnectRequest request;
  in(request);
  if (!in.ok()) return close();
  clients_.parts().stats.connect_requests.add();
  sends_read_only_ = !in.rest().empty();
  const auto& settings = clients_.parts().settings;
  const bool served = clients_.role() != ServingRole::none;
  const bool ahead = request.last_zxid_seen > clients_.database().last_applied().value;
  const bool accepts_read_only = sends_read_only_ && in.rest().front() != 0;
  if (!served) clients_.parts().stats.closed_without_leader.add();
  if (!served || ahead || (clients_.role() == ServingRole::read_only && !accepts_read_only))
    return close();  // Without an answer: the client goes on to another server.
  timeout_ms_ = std::clamp(request.timeout, settings.min_session_timeout_ms,
                           settings.max_session_timeout_ms);
  state_ = State::establishing;
  channel_.set_deadline(std::nullopt);
  // Now, since some clients send requests behind it without waiting for the answer.
  Framing framing;
  framing.frame_bytes_max = settings.frame_bytes_max;
  channel_.set_framing(std::move(framing));
  if (request.session_id != 0) return reconnect(request);
  if (clients_.log_room() == LogRoom::none) return close();  // Likewise: it could only wait.

  connect_received_ = frame_received_;
  session_ = clients_.next_session_id();
  clients_.bind(session_, *this);
  const auto body = to_jute(records::CreateSessionTxn{timeout_ms_});
  clients_.submit({session_, 0, static_cast<std::int32_t>(Op::create_session), body, *identities_,
                   channel_.peer().remote_host, channel_.peer().encrypted,
                   clients_.parts().settings.id});
  clients_.submit_batch();  // While `body` lives.
}

void Connection::reconnect(const records::ConnectRequest& request) {
  clients_.parts().stats.sessions_reconnected.add();
  // First: whoever only knows the number of a session is not to end its connection, as ZooKeeper lets him.
  if (!equal_in_constant_time(request.password.value_or(""), session_password({request.session_id})))
    return establish(false);
  session_ = {request.session_id};
  clients_.bind(session_, *this);
  clients_.revalidate(*this, timeout_ms_, Claim::fresh);
}

void Connection::on_session_created() {
  if (state_ != State::establishing) return;
  const auto zxid = clients_.database().last_applied();
  info_.last_zxid = zxid.value;
  Waiting created{Wait::write, Op::create_session, 0, {}, {connect_received_}};
  created.zxid = zxid;
  note_committed(created.times, zxid);
  finish(created, RequestKind::write, Stage::apply);
  establish(true);
}

/// What the client has asked for here, and what nobody has carried out, is nothing that it may find done
/// behind what it asks for elsewhere.
void Connection::on_session_moved() {
  if (state_ == State::open) close();
}

void Connection::establish(bool valid) {
  if (state_ != State::establishing) return;
  if (!valid) return refuse_session();
  send_connect_response();
  state_ = State::open;
  channel_.set_deadline(Millis(timeout_ms_));
  flush();
  hold_until_room();  // Goes on when the batch at hand has been applied as a whole.
}

void Connection::hold(BroadcastEvents::Doubt doubt) {
  if (state_ == State::establishing) return close();
  if (state_ != State::open) return;
  flush();
  holding_ = true;
  if (foreign_seen_) return close();
  if (doubt == BroadcastEvents::Doubt::resolved || !in_doubt()) return answer_waiting_pings();
  give_up_waiting();  // No outcome will come that could be taken for another connection's.
  close();
}

void Connection::answer_waiting_pings() {
  for (std::size_t i = 0; i < waiting_.size();) {
    if (waiting_[i].op != Op::ping) {
      ++i;
      continue;
    }
    auto ping = take_waiting(i);
    ping.times.leave(Stage::behind, clients_.now());
    answer_ping(ping);
  }
  flush();
}

void Connection::revalidate() {
  if (state_ == State::open && holding_) clients_.revalidate(*this, timeout_ms_, Claim::kept);
}

void Connection::on_revalidated(const Result<bool>& valid) {
  if (state_ == State::establishing) return valid ? establish(*valid) : close();
  if (state_ != State::open || !holding_ || !valid) return;  // The next leader will be asked.
  if (!*valid) return close();  // The client comes again, and hears that its session has expired.
  holding_ = false;
  answer_what_is_ready();
  mark_dirty();
}

void Connection::refuse_session() {
  clients_.unbind(session_, *this);
  session_ = {0};
  timeout_ms_ = 0;
  send_connect_response();
  close();
}

void Connection::send_connect_response() {
  const auto password = session_.value ? session_password(session_) : std::string(16, '\0');
  const auto start = out_.size();
  JuteOut out(out_);
  out(std::int32_t{0}, records::ConnectResponse{0, timeout_ms_, session_.value, password});
  if (sends_read_only_) out(clients_.role() == ServingRole::read_only);
  const auto length = __builtin_bswap32(static_cast<std::uint32_t>(out_.size() - start - 4));
  std::memcpy(out_.data() + start, &length, 4);
  ++clients_.parts().stats.packets_sent;
  ++info_.sent;
}

// --- requests -------------------------------------------------------------------------------------

void Connection::on_request(std::string_view frame) {
  JuteReader in(frame);
  const records::RequestHeader header{in.take<std::int32_t>(), in.take<std::int32_t>()};
  if (!in.ok()) return close();
  const auto op = static_cast<Op>(header.type);
  const auto body = in.rest();
  if (op == Op::auth) return on_auth(header.xid, body);
  if (op == Op::sasl) return on_sasl(header.xid);
  if (op == Op::sync) return submit_sync(header.xid, body);
  if (is_write(op)) return submit_write(header, body);
  if (op == Op::ping) return on_ping();
  if (!is_read(op)) return reject_op(header.xid);
  Waiting waiting{Wait::read, op, header.xid, {}, received()};
  if (waiting_.empty() && !holding_) return answer_read(waiting, body);
  waiting.identities = identities_;
  waiting.body = body;
  wait(std::move(waiting), body.size());
}

/// A request goes on at once when its frame is taken.
RequestTimes Connection::received() const {
  RequestTimes times{frame_received_};
  if (frame_received_ != clients_.now()) times.leave(Stage::queued, clients_.now());
  return times;
}

void Connection::on_ping() {
  Waiting ping{Wait::read, Op::ping, kXidPing, {}, received()};
  waiting_.empty() || holding_ ? answer_ping(ping) : wait(std::move(ping), 0);
}

/// The answer tells the client that its session lives, so it leaves only while no leader can have ended
/// it: a client hears from its server within a third of the timeout, or goes to another.
void Connection::answer_ping(Waiting& ping) {
  const auto& parts = clients_.parts();
  const auto now = parts.loop.now();
  if (now - parts.broadcast.confirmed() > Millis(timeout_ms_) / 3) return close();
  auto held = holding_ ? std::exchange(out_, {}) : std::string();
  send_header(kXidPing, clients_.database().last_applied().value, WireError::ok);
  finish(ping, RequestKind::read, Stage::reply);
  if (!holding_) return;
  send(std::exchange(out_, std::move(held)));
  record(answered_.back(), now, 1);
  info_.last_operation = short_name(Op::ping);
  answered_.pop_back();
}

void Connection::reject_op(std::int32_t xid) {
  send_header(xid, -1, WireError::unimplemented);
  close();
}

void Connection::submit_write(const records::RequestHeader& header, std::string_view body) {
  const auto op = static_cast<Op>(header.type);
  if (clients_.role() == ServingRole::read_only)
    return send_header(header.xid, clients_.database().last_applied().value,
                       WireError::not_read_only);
  // Closing a session frees locks: worth the few bytes that it takes.
  if (clients_.log_room() != LogRoom::ample && op != Op::close_session)
    return refuse_write(header);
  if (clients_.parts().memory.reached() &&
      makes_state_grow(op, body, clients_.database().tree()))
    return refuse_write(header);
  Waiting waiting{Wait::write, op, header.xid, {}, received()};
  if (op == Op::multi) waiting.body = ops_with_create2(body);
  wait(std::move(waiting), body.size());
  clients_.submit({session_, header.xid, header.type, body, *identities_,
                   channel_.peer().remote_host, channel_.peer().encrypted,
                   clients_.parts().settings.id});
}

void Connection::refuse_write(const records::RequestHeader& header) {
  clients_.parts().stats.writes_refused.add();
  Waiting waiting{Wait::refusal, static_cast<Op>(header.type), header.xid, {}, received()};
  waiting_.empty() && !holding_ ? answer_refusal(waiting) : wait(std::move(waiting), 0);
}

/// With the error that every client knows: kazoo 2.8 ends its connection over QuotaExceeded and
/// ThrottledOp, which it has no name for.
void Connection::answer_refusal(Waiting& waiting) {
  send_header(waiting.xid, clients_.database().last_applied().value, WireError::not_read_only);
  finish(waiting, RequestKind::refusal, Stage::reply);
}

void Connection::submit_sync(std::int32_t xid, std::string_view body) {
  JuteIn in(body);
  records::PathRequest request;
  in(request);
  const auto echo = is_null(request.path) ? Data() : Data(request.path);
  Waiting waiting{Wait::sync, Op::sync, xid, to_jute(echo), received()};
  if (!in.ok()) waiting.err = WireError::marshalling_error;
  wait(std::move(waiting), body.size());
  clients_.sync(session_, xid);
}

void Connection::wait(Waiting waiting, std::size_t bytes) {
  waiting.bytes = bytes;
  clients_.add_outstanding(share_of(waiting));
  waiting_.push_back(std::move(waiting));
}

Connection::Waiting Connection::take_waiting(std::size_t at) {
  const auto taken = waiting_.begin() + static_cast<std::ptrdiff_t>(at);
  auto waiting = std::move(*taken);
  waiting_.erase(taken);
  clients_.add_outstanding(-share_of(waiting));
  return waiting;
}

/// What it adds to what waits, while it is not among waiting_.
Outstanding Connection::share_of(const Waiting& waiting) const {
  const bool changes = waiting.op == Op::sync || is_write(waiting.op);
  return {1, static_cast<std::ptrdiff_t>(waiting.bytes), changes ? 1 : 0, waiting_.empty() ? 1 : 0};
}

bool Connection::front_is_ready() const {
  return !waiting_.empty() && waiting_.front().kind != Wait::write &&
         waiting_.front().kind != Wait::sync;
}

bool Connection::in_doubt() const {
  return std::any_of(waiting_.begin(), waiting_.end(), [](const Waiting& one) {
    return one.kind == Wait::write || one.kind == Wait::sync;
  });
}

std::vector<Unanswered> Connection::give_up_waiting() {
  std::vector<Unanswered> all;
  while (!waiting_.empty()) {
    const auto waiting = next_waiting();
    if (waiting.kind == Wait::write || waiting.kind == Wait::sync)
      all.push_back({waiting.kind == Wait::sync, waiting.xid});
  }
  return all;
}

const Connection::Identities& Connection::who_asked(const Waiting& waiting) const {
  return waiting.identities ? *waiting.identities : *identities_;
}

Subject Connection::subject(const Identities& identities) const {
  return {session_, channel_.peer().remote_host, channel_.peer().encrypted, identities};
}

// --- authentication -------------------------------------------------------------------------------

void Connection::on_auth(std::int32_t xid, std::string_view body) {
  JuteIn in(body);
  records::AuthPacket packet;
  in(packet);
  if (!in.ok()) return close();  // Without an answer, as for any frame that makes no sense.
  clients_.submit_batch();       // By whoever it was until now.
  auto* scheme = clients_.parts().gate.authenticator(packet.scheme);
  if (!scheme) return fail_auth(xid, "there is no authenticator of that scheme");
  exchange_ = scheme->accept(channel_.peer());
  const bool proved = !scheme->identities_of(channel_.peer()).empty();  // By the connection itself.
  if (!exchange_ && !proved)
    return fail_auth(xid, "the connection proves no identity of that scheme");
  if (!exchange_) return send_header(xid, 0, WireError::ok);
  if (!packet.auth && !proved) return fail_auth(xid, "the packet holds nothing to prove it with");
  authenticating_ = true;
  exchange_->step(packet.auth.value_or(""),
                  [this, xid](AuthStep step) { on_auth_step(xid, std::move(step)); });
}

void Connection::on_auth_step(std::int32_t xid, AuthStep step) {
  authenticating_ = false;
  if (step.status != AuthStep::Status::done) return fail_auth(xid, step.why);
  auto identities = *identities_;
  for (auto& identity : step.identities)
    if (std::find(identities.begin(), identities.end(), identity) == identities.end())
      identities.push_back(std::move(identity));
  if (bytes_of(identities) > clients_.parts().settings.frame_bytes_max)
    return fail_auth(xid, "its identities together are longer than jute.maxbuffer");
  identities_ = std::make_shared<const Identities>(std::move(identities));
  send_header(xid, 0, WireError::ok);
  if (held_) {  // The answer came later.
    flush();
    resume();
  }
}

void Connection::fail_auth(std::int32_t xid, std::string_view why) {
  clients_.parts().stats.auth_failed.add();
  clients_.parts().log.warn("a client at " + channel_.peer().remote_host +
                            " failed to authenticate: " + std::string(why));
  send_header(xid, 0, WireError::auth_failed);
  close();
}

void Connection::on_sasl(std::int32_t xid) {
  const auto frame = begin();
  append_jute(out_, Data());
  end(frame, xid, 0, WireError::auth_failed);
  close();
}

// --- reads and watches ----------------------------------------------------------------------------

void Connection::answer_read(Waiting& waiting, std::string_view body) {
  if (waiting.op == Op::ping) return answer_ping(waiting);
  const auto frame = begin();
  const auto body_start = out_.size();
  if (is_watch_request(waiting.op)) {
    // Notifications that it causes come before its reply.
    out_.resize(frame.start);
    const auto err = append_watch_request(waiting, body);
    const auto reply = begin();
    if (err == WireError::ok && waiting.op == Op::add_watch) append_jute(out_, std::int32_t{0});
    end(reply, waiting.xid, clients_.database().last_applied().value, err);
    return finish(waiting, RequestKind::read, Stage::reply);
  }
  const auto err = append_read(waiting, body);
  if (err != WireError::ok) out_.resize(body_start);
  end(frame, waiting.xid, clients_.database().last_applied().value, err);
  if (may_be_slow(waiting.times) || out_.size() - frame.start > kLongReplyBytes)
    note_path(waiting, path_of(waiting.op, body));
  finish(waiting, RequestKind::read, Stage::reply);
}

WireError Connection::append_read(const Waiting& waiting, std::string_view body) {
  const auto result =
      clients_.reader().read(waiting.op, clients_.archive_of(body), subject(who_asked(waiting)),
                             clients_.archive_to(out_));
  auto& watches = clients_.parts().watches;
  if (result.watch == WatchEffect::data) watches.add_data(result.path, *this);
  if (result.watch == WatchEffect::children) watches.add_child(result.path, *this);
  return result.err;
}

WireError Connection::append_watch_request(const Waiting& waiting, std::string_view body) {
  switch (waiting.op) {
    case Op::set_watches: return set_watches(body, false);
    case Op::set_watches2: return set_watches(body, true);
    case Op::add_watch: return add_watch(waiting, body);
    case Op::remove_watches: return remove_or_check_watches(body, true);
    default: return remove_or_check_watches(body, false);
  }
}

bool Connection::sees(Operation operation, std::string_view path, AclNumber acl) const {
  return clients_.reader().readable(operation, path, acl, subject(*identities_));
}

WireError Connection::set_watches(std::string_view body, bool with_persistent) {
  JuteIn in(body);
  records::SetWatches2Request request;
  in(request.relative_zxid, request.data, request.exist, request.child);
  if (with_persistent) in(request.persistent, request.persistent_recursive);
  if (!in.ok() || in.saw_null_vector()) return WireError::marshalling_error;
  // A null among the paths ends it, as in ZooKeeper; what comes before is done.
  const auto each = [](const std::vector<Text>& paths, const auto& restore) {
    const auto null = std::find_if(paths.begin(), paths.end(), is_null);
    std::for_each(paths.begin(), null, restore);
    return null == paths.end();
  };
  const auto zxid = request.relative_zxid;
  if (!each(request.data, [&](Text path) { restore_data_watch(path, zxid); }) ||
      !each(request.exist, [&](Text path) { restore_exist_watch(path); }) ||
      !each(request.child, [&](Text path) { restore_child_watch(path, zxid); }))
    return WireError::marshalling_error;
  auto& watches = clients_.parts().watches;
  for (const auto path : request.persistent) watches.add_persistent(path, *this);
  for (const auto path : request.persistent_recursive) watches.add_recursive(path, *this);
  return WireError::ok;
}

// A client that may not read a node learns nothing from these: its watch is put back as if nothing had
// happened, and what fires later is filtered when it fires.

void Connection::restore_data_watch(std::string_view path, std::int64_t relative_zxid) {
  const auto* node = clients_.database().tree().find(paths::of_node(path));
  if (!node) return append_event(EventType::deleted, path, -1);
  if (node->mzxid > relative_zxid && sees(Operation::watch_event, path, node->acl))
    return append_event(EventType::data_changed, path, -1);
  clients_.parts().watches.add_data(path, *this);
}

void Connection::restore_exist_watch(std::string_view path) {
  const auto* node = clients_.database().tree().find(paths::of_node(path));
  if (node && sees(Operation::watch_event, path, node->acl))
    return append_event(EventType::created, path, -1);
  clients_.parts().watches.add_data(path, *this);
}

void Connection::restore_child_watch(std::string_view path, std::int64_t relative_zxid) {
  const auto* node = clients_.database().tree().find(paths::of_node(path));
  if (!node) return append_event(EventType::deleted, path, -1);
  if (node->pzxid() > relative_zxid && sees(Operation::watch_event, path, node->acl))
    return append_event(EventType::children_changed, path, -1);
  clients_.parts().watches.add_child(path, *this);
}

WireError Connection::add_watch(const Waiting& waiting, std::string_view body) {
  JuteIn in(body);
  records::PathTypeRequest request;
  in(request);
  if (!in.ok() || request.type < 0 || request.type > 1) return WireError::marshalling_error;
  if (!clients_.parts().gate.allows({Operation::add_watch, request.path},
                                    subject(who_asked(waiting)), clients_.database()))
    return WireError::no_auth;
  if (request.type == 0)
    clients_.parts().watches.add_persistent(request.path, *this);
  else
    clients_.parts().watches.add_recursive(request.path, *this);
  return WireError::ok;
}

WireError Connection::remove_or_check_watches(std::string_view body, bool remove) {
  JuteIn in(body);
  records::PathTypeRequest request;
  in(request);
  if (!in.ok() || request.type < 1 || request.type > 5) return WireError::marshalling_error;
  auto& watches = clients_.parts().watches;
  const auto type = static_cast<WatcherType>(request.type);
  const bool there = remove ? watches.remove(request.path, *this, type)
                            : watches.contains(request.path, *this, type);
  return there ? WireError::ok : WireError::no_watcher;
}

void Connection::notify(const WatchEvent& event) {
  if (state_ != State::open) return;
  if (!sees(Operation::watch_event, event.path, event.acl)) return;
  append_event(event.type, event.path, event.zxid.value);
  mark_dirty();
}

// --- writes ---------------------------------------------------------------------------------------

bool Connection::on_applied(const AppliedEntry& entry) {
  const auto mine = std::find_if(waiting_.begin(), waiting_.end(),
                                 [](const Waiting& one) { return one.kind == Wait::write; });
  if (mine == waiting_.end() || mine->xid != entry.header.cxid) {
    note_foreign(entry);
    return false;
  }
  mine->zxid = {entry.header.zxid};
  note_committed(mine->times, mine->zxid);
  if (entry.outcome.err == WireError::session_moved) {
    mine->kind = Wait::applied_write;
    close();  // The client's session lives elsewhere: no reply.
    return true;
  }
  if (mine == waiting_.begin()) {
    auto waiting = next_waiting();
    if (may_be_slow(waiting.times)) note_path(waiting, entry.outcome.path);
    answer_write(waiting, entry);
    answer_what_is_ready();  // Now, while the state is the one that reads behind it are to see.
  } else {
    mine->err = outcome_of(mine->op, entry);
    std::string reply;
    append_reply(clients_.archive_to(reply), mine->op, mine->body, entry);
    mine->body = std::move(reply);
    mine->kind = Wait::applied_write;
    mine->times.leave(Stage::apply, clients_.parts().loop.now());
    note_path(*mine, entry.outcome.path);
  }
  mark_dirty();
  return true;
}

/// The stages of a transaction up to where its batch begins to be applied.
void Connection::note_committed(RequestTimes& times, Zxid zxid) const {
  if (!clients_.parts().settings.stages) return;
  const auto& timeline = clients_.parts().timeline;
  const auto committed = clients_.now();
  const auto appended = std::min(timeline.appended(zxid).value_or(committed), committed);
  const auto durable = std::min(timeline.durable(zxid).value_or(appended), committed);
  times = clients_.committed_times().of(times, appended, durable, committed);
}

/// Paths are kept of those alone: they would have to be copied.
bool Connection::may_be_slow(const RequestTimes& times) const {
  return holding_ || clients_.parts().slow.are_slow(clients_.now() - times.received);
}

void Connection::note_path(Waiting& waiting, std::string_view path) const {
  if (!path.empty() && clients_.parts().settings.stages)
    waiting.path = std::make_unique<std::string>(path.substr(0, SlowRequests::kPathBytesMax + 1));
}

/// A write of the session that was not asked for here: its client has gone on to another server, or has
/// come from one. Nothing may be carried out late for a client that has gone on.
void Connection::note_foreign(const AppliedEntry& entry) {
  if (entry.outcome.err == WireError::session_moved) return;
  foreign_seen_ = true;
  if (holding_) close();
}

void Connection::on_synced(std::int32_t cxid) {
  const auto mine = std::find_if(waiting_.begin(), waiting_.end(),
                                 [](const Waiting& one) { return one.kind == Wait::sync; });
  if (mine == waiting_.end() || mine->xid != cxid) return;
  mine->kind = Wait::synced;
  mine->times.leave(Stage::quorum, clients_.now());
  answer_what_is_ready();
  flush();
}

void Connection::answer_what_is_ready() {
  std::int64_t reads = 0;
  while (front_is_ready() && state_ == State::open) {
    if (unsent_bytes() > kUnsentBytesHigh) {
      flush();
      await_low_water();
      break;
    }
    auto waiting = next_waiting();
    if (waiting.kind == Wait::read || waiting.kind == Wait::refusal)
      waiting.times.leave(Stage::behind, clients_.now());
    switch (waiting.kind) {
      case Wait::read:
        answer_read(waiting, waiting.body);
        ++reads;
        break;
      case Wait::refusal: answer_refusal(waiting); break;
      case Wait::synced: answer_sync(waiting); break;
      default: answer_applied_write(waiting);
    }
    if (out_.size() >= kOutBytesFull) flush();
  }
  clients_.note_read_behind(reads);
}

void Connection::answer_write(Waiting& waiting, const AppliedEntry& entry) {
  const auto frame = begin();
  append_reply(clients_.archive_to(out_), waiting.op, waiting.body, entry);
  end(frame, waiting.xid, clients_.database().last_applied().value, outcome_of(waiting.op, entry));
  finish(waiting, RequestKind::write, Stage::apply);
}

void Connection::answer_applied_write(Waiting& waiting) {
  const auto frame = begin();
  out_ += waiting.body;
  end(frame, waiting.xid, clients_.database().last_applied().value, waiting.err);
  finish(waiting, RequestKind::write, Stage::reply);
}

void Connection::answer_sync(Waiting& waiting) {
  const auto frame = begin();
  if (waiting.err == WireError::ok) out_ += waiting.body;
  end(frame, waiting.xid, clients_.database().last_applied().value, waiting.err);
  if (may_be_slow(waiting.times)) note_path(waiting, path_of(Op::sync, waiting.body));
  finish(waiting, RequestKind::sync, Stage::reply);
}

// --- replies --------------------------------------------------------------------------------------

/// What is sent to it will be kept for a while, so it should have no room to spare.
bool Connection::is_slow() const { return channel_.queued_bytes() > kUnsentBytesStep; }

Connection::Frame Connection::begin() {
  if (out_.empty() && is_slow()) out_.reserve(kOutBytesKept);
  const Frame frame{out_.size()};
  out_.append(4 + kReplyHeaderBytes, '\0');
  return frame;
}

void Connection::end(Frame frame, std::int32_t xid, std::int64_t zxid, WireError err) {
  const auto bytes = out_.size() - frame.start - 4;
  char* at = out_.data() + frame.start;
  const auto put = [&at](auto value) {
    std::memcpy(at, &value, sizeof value);
    at += sizeof value;
  };
  put(__builtin_bswap32(static_cast<std::uint32_t>(bytes)));
  put(__builtin_bswap32(static_cast<std::uint32_t>(xid)));
  put(__builtin_bswap64(static_cast<std::uint64_t>(zxid)));
  put(__builtin_bswap32(static_cast<std::uint32_t>(err)));
  ++info_.sent;
  ++clients_.parts().stats.packets_sent;
  clients_.parts().stats.responses.record(static_cast<std::int32_t>(bytes));
  if (answers_request(xid)) clients_.parts().stats.response_bytes.add(static_cast<std::int64_t>(bytes));
  info_.last_zxid = zxid;
}

void Connection::send_header(std::int32_t xid, std::int64_t zxid, WireError err) {
  end(begin(), xid, zxid, err);
}

void Connection::append_event(EventType type, std::string_view path, std::int64_t zxid) {
  const auto frame = begin();
  append_jute(out_, records::WatcherEvent{static_cast<std::int32_t>(type), kStateSyncConnected, path});
  clients_.parts().stats.watch_bytes.add(static_cast<std::int64_t>(out_.size() - frame.start));
  const auto last_zxid = info_.last_zxid;
  end(frame, kXidNotification, zxid, WireError::ok);
  info_.last_zxid = last_zxid;
}

void Connection::finish(Waiting& waiting, RequestKind kind, Stage stage) {
  answered_.push_back({kind, stage, waiting.op, waiting.xid, waiting.times, waiting.zxid,
                       std::move(waiting.path)});
}

void Connection::mark_dirty() {
  if (!std::exchange(dirty_, true)) clients_.mark_dirty(*this);
}

void Connection::flush() {
  flush(answered_.empty() ? clients_.now() : clients_.parts().loop.now());
}

/// What is answered while it holds leaves when the session is known to live.
bool Connection::flush(MonoTime now) {
  dirty_ = false;
  if (holding_) {
    for (auto& one : answered_)
      if (std::exchange(one.stage, Stage::reply) != Stage::reply) one.times.leave(Stage::apply, now);
    return false;
  }
  if (!out_.empty()) send(std::exchange(out_, {}));
  if (answered_.empty()) return false;
  record_answered(now);
  if (clients_.parts().settings.stages)
    clients_.parts().stats.batches.requests_left.record(static_cast<std::int64_t>(waiting_.size()));
  return true;
}

// --- what requests took ---------------------------------------------------------------------------

/// Those that came together often end together, and count at once.
void Connection::record_answered(MonoTime now) {
  const auto alike = [](const Answered& a, const Answered& b) {
    return a.kind == b.kind && a.stage == b.stage && a.times == b.times;
  };
  const auto end = answered_.end();
  for (auto first = answered_.begin(); first != end;) {
    const auto last = std::find_if(first + 1, end, [&](const Answered& one) { return !alike(*first, one); });
    record(*first, now, last - first);
    if (clients_.parts().slow.are_slow(now - first->times.received))
      std::for_each(first, last, [&](Answered& one) { tell_if_slow(one, now); });
    first = last;
  }
  info_.last_operation = short_name(answered_.back().op);
  const auto numbered = std::find_if(answered_.rbegin(), answered_.rend(),
                                     [](const Answered& one) { return one.xid >= 0; });
  if (numbered != answered_.rend()) info_.last_cxid = numbered->xid;
  answered_.clear();
  if (answered_.capacity() > kAnsweredKept) answered_.shrink_to_fit();
}

void Connection::record(const Answered& answered, MonoTime now, std::int64_t times) {
  auto& stats = clients_.parts().stats;
  const auto us = answered.times.total_us(now);
  const bool read = answered.kind == RequestKind::read;
  stats.latency.record(us, times);
  (read ? stats.read_latency_us : stats.update_latency_us).record(us, times);
  info_.latency.record(us, times);
  info_.last_latency_ms = us / 1000;
  if (!clients_.parts().settings.stages) return;
  if (!read && answered.kind != RequestKind::write) return;
  auto spent = answered.times;
  spent.leave(answered.stage, now);
  stats.queued_us.record(spent[Stage::queued], times);
  auto& stages = read ? stats.read_stages_us : stats.write_stages_us;
  const auto record_stage = [&](Stage stage) {
    stages[static_cast<std::size_t>(stage)].record(spent[stage], times);
  };
  record_stage(Stage::queued);
  record_stage(Stage::reply);
  if (read) return record_stage(Stage::behind);
  for (const auto stage : {Stage::proposal, Stage::sync, Stage::quorum, Stage::apply})
    record_stage(stage);
  stats.committed_us.record(
      std::int64_t{spent[Stage::proposal]} + spent[Stage::sync] + spent[Stage::quorum], times);
}

/// Pings are no requests of anybody's.
void Connection::tell_if_slow(Answered& answered, MonoTime now) {
  if (answered.op == Op::ping) return;
  const auto& parts = clients_.parts();
  parts.stats.slow_requests.add();
  SlowRequest slow{answered.kind, answered.op, answered.xid, answered.zxid};
  if (slow.zxid == Zxid{}) slow.zxid = clients_.database().last_applied();
  if (answered.path) {
    slow.path_cut = answered.path->size() > SlowRequests::kPathBytesMax;
    slow.path = answered.path->substr(0, SlowRequests::kPathBytesMax);
  }
  slow.session = session_;
  slow.client = channel_.peer().remote_host + ":" + std::to_string(channel_.peer().remote_port);
  slow.wall_ms = parts.loop.wall_ms();
  slow.total_us = answered.times.total_us(now);
  slow.times = answered.times;
  slow.times.leave(answered.stage, now);
  if (answered.kind == RequestKind::write) {
    const auto from = slow.times.received + Micros(slow.times[Stage::queued]) +
                      Micros(slow.times[Stage::proposal]);
    slow.sync = parts.timeline.awaited(from, from + Micros(slow.times[Stage::sync]));
  }
  parts.slow.note(std::move(slow));
}

// --- the channel ----------------------------------------------------------------------------------

void Connection::send(std::string bytes) {
  if (bytes.empty()) return;
  info_.last_response_ms = clients_.parts().loop.wall_ms();
  if (channel_.queued_bytes() == 0) unread_since_ = clients_.parts().loop.now();
  if (is_slow() && bytes.capacity() > bytes.size() + bytes.size() / 8) bytes.shrink_to_fit();
  const auto size = bytes.size();
  channel_.send(SharedBytes(std::move(bytes)));
  clients_.note_sent(size);
}

ConnectionInfo Connection::info() const {
  auto info = info_;
  const auto& peer = channel_.peer();
  info.address = peer.remote_host + ":" + std::to_string(peer.remote_port);
  info.outstanding = waiting_.size();
  info.session = session_;
  info.timeout_ms = timeout_ms_;
  info.encrypted = peer.encrypted;
  info.reading = !held_;
  return info;
}

void Connection::reset_stats() {
  info_.received = info_.sent = 0;
  info_.latency = {};
  info_.last_cxid = -1;
  info_.last_operation = "NA";
  info_.last_zxid = -1;
  info_.last_response_ms = info_.last_latency_ms = 0;
}

}  // namespace vivarium
