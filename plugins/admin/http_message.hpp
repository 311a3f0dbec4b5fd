#pragma once
// A request as far as the pages need it, and what they answer. Nothing here reads or writes bytes.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vivarium::admin {

struct HttpRequest {
  std::string method;  ///< "GET"
  std::string path;    ///< Decoded, without the query.
  std::vector<std::pair<std::string, std::string>> arguments;  ///< Of the query, decoded, in order.
  std::string host;        ///< As the header says, with its port; empty without one.
  std::string accept;      ///<
  std::string authorization;  ///< As the header says.
  std::string fetch_site;  ///< Sec-Fetch-Site: what a browser says about the page that asks.
  std::string fetch_dest;  ///< Sec-Fetch-Dest: and about the use that it has for the answer.
  bool forwarded = false;  ///< It came through a proxy, as that says.
  bool keep_alive = false;
  bool has_body = false;   ///< Which is not read.
  bool wants_host = true;  ///< HTTP/1.1 has to name the host.
};

namespace status {
inline constexpr unsigned kOk = 200, kBadRequest = 400, kUnauthorized = 401, kForbidden = 403,
                          kNotFound = 404, kMethodNotAllowed = 405, kMisdirected = 421, kHeadersTooLarge = 431,
                          kUnavailable = 503;
}

struct HttpResponse {
  unsigned status = status::kOk;
  std::string_view content_type = "text/plain; charset=utf-8";
  std::string body;
  std::string allow = {};  ///< The methods that would be allowed.
  std::string_view authenticate = {};  ///< How to prove who one is.
  std::string_view content_policy = "default-src 'none'";  ///< What a browser may load for it.
};

/// A sentence, with a line's end.
inline HttpResponse text_response(unsigned status, std::string_view sentence) {
  HttpResponse response;
  response.status = status;
  response.body = std::string(sentence) + "\n";
  return response;
}

}  // namespace vivarium::admin
