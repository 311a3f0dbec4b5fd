#include "http_port.hpp"

#include "http_connection.hpp"
#include "target.hpp"

#include <boost/beast/http/status.hpp>

#include <chrono>

namespace vivarium::admin {
namespace {

std::string two_digits(std::int64_t n) { return std::to_string(100 + n).substr(1); }

/// "Fri, 27 Nov 2026 07:00:00 GMT"
std::string http_date(std::int64_t wall_ms) {
  namespace chrono = std::chrono;
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const chrono::sys_time<chrono::milliseconds> when{chrono::milliseconds(wall_ms)};
  const auto day = chrono::floor<chrono::days>(when);
  const chrono::year_month_day date{day};
  const chrono::hh_mm_ss time{chrono::floor<chrono::seconds>(when) - day};
  return std::string(kDays[chrono::weekday(day).c_encoding()]) + ", " +
         two_digits(static_cast<unsigned>(date.day())) + " " +
         kMonths[static_cast<unsigned>(date.month()) - 1] + " " +
         std::to_string(static_cast<int>(date.year())) + " " + two_digits(time.hours().count()) +
         ":" + two_digits(time.minutes().count()) + ":" + two_digits(time.seconds().count()) + " GMT";
}

std::string reason(unsigned status) {
  const auto text = boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(status));
  return {text.data(), text.size()};
}

/// Browsers are told to keep nothing, to guess nothing, to tell nobody, and what they may load.
std::string head(const HttpResponse& response, bool closes, std::int64_t wall_ms) {
  std::string text = "HTTP/1.1 " + std::to_string(response.status) + " " + reason(response.status) +
                     "\r\nDate: " + http_date(wall_ms) + "\r\nContent-Type: ";
  text.append(response.content_type)
      .append("\r\nContent-Length: ")
      .append(std::to_string(response.body.size()))
      .append("\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff"
              "\r\nReferrer-Policy: no-referrer\r\nContent-Security-Policy: ")
      .append(response.content_policy)
      .append("\r\n");
  if (!response.allow.empty()) text += "Allow: " + response.allow + "\r\n";
  if (!response.authenticate.empty())
    text.append("WWW-Authenticate: ").append(response.authenticate).append("\r\n");
  if (closes) text += "Connection: close\r\n";
  return text + "\r\n";
}

}  // namespace

HttpPort::HttpPort(Loop& loop, Log& log, const Options& options, Millis idle, Answer answer)
    : loop_(loop), log_(log), options_(options), idle_(idle), answer_(std::move(answer)) {}

HttpPort::~HttpPort() = default;

Result<void> HttpPort::listen(Transport& transport, const std::string& host, std::uint16_t port) {
  host_ = host;
  ListenSpec spec;
  spec.host = host;
  spec.port = port;
  spec.framing.kind = Framing::Kind::stream;
  // More than the longest header, so that one that is too long is answered and not just cut off.
  spec.framing.frame_bytes_max = static_cast<std::uint32_t>(2 * options_.integer("header_bytes"));
  auto listener = transport.listen(spec, *this);
  if (!listener) return listener.error();
  listener_ = std::move(*listener);
  return {};
}

std::string HttpPort::address() const {
  const auto host = listener_->host();
  const bool v6 = host.find(':') != host.npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(listener_->port());
}

void HttpPort::stop() {
  stopped_ = true;
  listener_.reset();
  for (const auto& [channel, connection] : connections_) channel->abort();
}

ChannelHandler* HttpPort::on_accept(Channel& channel) {
  if (stopped_) return nullptr;
  if (std::cmp_greater_equal(connections_.size(), options_.integer("connections"))) {
    on_refused(channel.peer(), "there are too many connections");
    return nullptr;
  }
  auto& connection = connections_[&channel];
  connection = std::make_unique<HttpConnection>(*this, channel);
  return connection.get();
}

void HttpPort::on_refused(const PeerIdentity& peer, std::string_view why) {
  log_.debug("refused a connection from " + peer.remote_host + ": " + std::string(why));
}

void HttpPort::forget(Channel& channel) { connections_.erase(&channel); }

std::string HttpPort::answer(const HttpRequest& request, const PeerIdentity& peer,
                             bool closes) const {
  const auto response = response_to(request, peer);
  auto bytes = head(response, closes, loop_.wall_ms());
  if (request.method != "HEAD") bytes += response.body;
  return bytes;
}

std::string HttpPort::refuse(unsigned status, std::string_view why) const {
  const auto response = text_response(status, why);
  return head(response, true, loop_.wall_ms()) + response.body;
}

/// A browser on this machine can be made to ask us by a page whose own name was pointed at this machine;
/// the request has that name.
HttpResponse HttpPort::response_to(const HttpRequest& request, const PeerIdentity& peer) const {
  if (request.host.empty() && request.wants_host)
    return text_response(status::kBadRequest, "the header Host is missing");
  if (is_loopback(peer.local_host) && !names_this_machine(request.host) &&
      request.host.substr(0, request.host.find(':')) != host_)
    return text_response(status::kMisdirected, "this is not the server of that name");
  if (request.method != "GET" && request.method != "HEAD") {
    auto response = text_response(status::kMethodNotAllowed, "only GET and HEAD are served");
    response.allow = "GET, HEAD";
    return response;
  }
  return answer_(request, peer);
}

}  // namespace vivarium::admin
