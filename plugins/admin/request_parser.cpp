#include "request_parser.hpp"

// The parser alone: bytes go in, fields come out. No socket is touched.
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>

#include "target.hpp"

namespace vivarium::admin {
namespace {

namespace http = boost::beast::http;

constexpr unsigned kHttp11 = 11;

std::string text_of(boost::beast::string_view text) { return {text.data(), text.size()}; }

}  // namespace

struct RequestParser::State {
  explicit State(std::uint32_t header_bytes_max) { parser.header_limit(header_bytes_max); }

  /// False: its target is none.
  bool take(HttpRequest& request) const {
    const auto& message = parser.get();
    request.method = text_of(message.method_string());
    request.host = text_of(message[http::field::host]);
    request.accept = text_of(message[http::field::accept]);
    request.authorization = text_of(message[http::field::authorization]);
    request.fetch_site = text_of(message["Sec-Fetch-Site"]);
    request.fetch_dest = text_of(message["Sec-Fetch-Dest"]);
    request.forwarded = message.count("X-Forwarded-For") > 0 || message.count("Forwarded") > 0 ||
                        message.count("Via") > 0;
    request.keep_alive = message.keep_alive();
    request.has_body = parser.chunked() || parser.content_length().value_or(0) > 0;
    request.wants_host = message.version() >= kHttp11;
    return parse_target(text_of(message.target()), request);
  }

  http::request_parser<http::empty_body> parser;
  std::size_t parsed = 0;  ///< Bytes that the parser is done with: the request line goes by itself.
};

RequestParser::RequestParser(std::uint32_t header_bytes_max) : header_bytes_max_(header_bytes_max) {}
RequestParser::~RequestParser() = default;

RequestParser::Parsed RequestParser::parse(std::string_view bytes) {
  if (!state_) state_ = std::make_unique<State>(header_bytes_max_);
  boost::beast::error_code error;
  const auto rest = bytes.substr(state_->parsed);
  state_->parsed += state_->parser.put(boost::asio::const_buffer(rest.data(), rest.size()), error);
  Parsed parsed;
  const bool waits = error == http::error::need_more;
  if (waits && bytes.size() < header_bytes_max_) return parsed;
  parsed.taken = state_->parsed;
  // Beast allows as much again for the fields when they come after the request line.
  const bool too_long = waits || error == http::error::header_limit || parsed.taken > header_bytes_max_;
  parsed.outcome = too_long                                 ? Outcome::too_long
                   : error || !state_->take(parsed.request) ? Outcome::malformed
                                                            : Outcome::complete;
  state_.reset();
  return parsed;
}

}  // namespace vivarium::admin
