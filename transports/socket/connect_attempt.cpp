#include "transports/socket/connect_attempt.hpp"

#include <chrono>
#include <cstring>
#include <utility>

#include <vivarium/workers.hpp>

#include "transports/stream/stream_channel.hpp"

namespace vivarium {
namespace {

/// Dialling a free port of the range for outgoing connections can meet itself.
bool met_itself(const PeerIdentity& peer) {
  return peer.remote_port == peer.local_port && peer.remote_host == peer.local_host;
}

}  // namespace

ConnectAttempt::ConnectAttempt(SocketTransport& transport, Connector& connector,
                               const ConnectSpec& spec)
    : transport_(transport), connector_(&connector), spec_(spec),
      deadline_(transport.loop().now() + spec.deadline),
      failure_(Errc::not_found, "cannot connect to " + to_text(spec.host, spec.port) + ":") {}

void ConnectAttempt::begin() {
  timer_ = transport_.loop().timer([this] { on_timer(); });
  timer_->arm(spec_.deadline);
  auto numeric = numeric_address(spec_.host, spec_.port);
  if (numeric.empty()) return look_up_name();
  // Past the workers, which a silent name server may have filled with the names of others.
  transport_.loop().post([weak = weak_from_this(), numeric = std::move(numeric)]() mutable {
    if (const auto self = weak.lock()) self->on_addresses(std::move(numeric));
  });
}

void ConnectAttempt::look_up_name() {
  using Addresses = Result<std::vector<SocketAddress>>;
  auto found = std::make_shared<Addresses>(Error(Errc::not_found, "the lookup has not run"));
  transport_.host().workers().submit(
      [found, host = spec_.host, port = spec_.port] { *found = look_up(host, port); },
      [found, weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->on_addresses(std::move(*found));
      });
}

void ConnectAttempt::abandon() {
  connector_ = nullptr;
  timer_.reset();
  opening_.reset();
  stream_.reset();
}

void ConnectAttempt::stop() {
  fail(Error(Errc::closed, "the transport stops"));
}

void ConnectAttempt::on_addresses(Result<std::vector<SocketAddress>> addresses) {
  if (done()) return;
  if (!addresses) return fail(addresses.error());
  if (auto ready = transport_.can_connect(); !ready) return fail(ready.error());
  addresses_ = std::move(*addresses);
  try_next();
}

void ConnectAttempt::try_next() {
  opening_.reset();
  stream_.reset();
  while (!stream_ && next_ < addresses_.size()) try_address(addresses_[next_++]);
  if (!stream_) fail(failure_);
}

void ConnectAttempt::try_address(const SocketAddress& address) {
  auto socket = open_connecting(address);
  if (!socket) return note_failure(socket.error());
  stream_ = transport_.connecting(std::move(*socket), spec_.host);
  stream_->set_events(*this);
  stream_->want(false, true);
  give_share();
}

void ConnectAttempt::give_share() {
  const auto left = deadline_ - transport_.loop().now();
  const auto takers = static_cast<std::int64_t>(addresses_.size() - next_ + 1);
  timer_->arm(std::chrono::ceil<Micros>(left / takers));
}

void ConnectAttempt::note_failure(const Error& error) {
  failure_.code = error.code;
  failure_.what += " " + addresses_[next_ - 1].host() + ": " + error.what + ";";
}

void ConnectAttempt::on_ready(Readiness) {
  const auto self = shared_from_this();
  if (const int error = pending_error(stream_->descriptor())) {
    note_failure(Error(Errc::refused, text_of_errno(error)));
    return try_next();
  }
  auto peer = identity_of(addresses_[next_ - 1], SocketAddress::local_of(stream_->descriptor()));
  if (met_itself(peer)) {
    note_failure(Error(Errc::refused, "nobody listens"));
    return try_next();
  }
  Opening::Owner& owner = *this;
  opening_ = std::make_unique<Opening>(owner, 0, std::move(stream_), std::move(peer));
  opening_->begin();
}

void ConnectAttempt::on_timer() {
  const auto self = shared_from_this();
  if (!addresses_.empty()) note_failure(Error(Errc::timed_out, "no answer in time"));
  if (transport_.loop().now() < deadline_) return try_next();
  failure_.code = make_error_code(Errc::timed_out);
  if (addresses_.empty()) failure_.what += " the name was not resolved in time";
  fail(failure_);
}

void ConnectAttempt::on_opened(Opening& opening) {
  const auto self = shared_from_this();
  auto& connector = *std::exchange(connector_, nullptr);
  timer_.reset();
  auto& channel = transport_.channels().add(opening.take_stream(), opening.peer(), spec_.framing);
  channel.begin(connector.on_connected(channel));
}

void ConnectAttempt::on_not_opened(Opening&, const std::string& why) {
  const auto self = shared_from_this();
  note_failure(Error(Errc::refused, why));
  try_next();
}

void ConnectAttempt::fail(const Error& error) {
  if (done()) return;
  auto& connector = *connector_;
  const auto self = shared_from_this();
  abandon();
  connector.on_connect_failed(error);
}

}  // namespace vivarium
