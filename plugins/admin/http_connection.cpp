#include "http_connection.hpp"

#include "http_port.hpp"

namespace vivarium::admin {
namespace {

Millis duration(const Options& options, std::string_view key) { return Millis(options.integer(key)); }

}  // namespace

HttpConnection::HttpConnection(HttpPort& port, Channel& channel)
    : port_(port),
      channel_(channel),
      parser_(static_cast<std::uint32_t>(port.options().integer("header_bytes"))) {
  channel.set_low_water(0);
  channel.set_deadline(port.idle());
}

std::size_t HttpConnection::on_frames(Channel&, std::span<const std::string_view> frames) {
  const auto bytes = frames.front();
  if (state_ == State::closing) return bytes.size();
  if (state_ == State::answering) return 0;
  const auto parsed = parser_.parse(bytes);
  if (parsed.outcome != RequestParser::Outcome::incomplete) {
    take(parsed);
    return parsed.taken;
  }
  if (state_ == State::idle) channel_.set_deadline(duration(port_.options(), "request_deadline"));
  state_ = State::receiving;
  return 0;
}

void HttpConnection::take(const RequestParser::Parsed& parsed) {
  using enum RequestParser::Outcome;
  if (parsed.outcome == too_long)
    return send(port_.refuse(status::kHeadersTooLarge, "the request is too long"), State::closing);
  if (parsed.outcome == malformed)
    return send(port_.refuse(status::kBadRequest, "this is no request of HTTP/1.1"), State::closing);
  const auto& request = parsed.request;
  const bool closes = !request.keep_alive || request.has_body;
  send(port_.answer(request, channel_.peer(), closes), closes ? State::closing : State::answering);
}

void HttpConnection::send(std::string bytes, State next) {
  state_ = next;
  channel_.pause_reading();
  channel_.set_deadline(duration(port_.options(), "send_deadline"));
  channel_.send(SharedBytes(std::move(bytes)));
}

void HttpConnection::on_low_water(Channel&) {
  if (state_ == State::closing) return channel_.close();
  if (state_ != State::answering) return;
  state_ = State::idle;
  channel_.set_deadline(port_.idle());
  channel_.resume_reading();
}

void HttpConnection::on_closed(Channel& channel, CloseReason, std::string_view) {
  port_.forget(channel);  // And with it this object.
}

}  // namespace vivarium::admin
