// Any bytes on the port of the service admin: the requests in them are the same however they
// arrive, and each gets one well-formed answer.
//
// An input is a choice of limits and cuts, and bytes.
#include <algorithm>
#include <charconv>
#include <string>
#include <vector>

#include <rapidjson/document.h>

#include <vivarium/assert.hpp>

#include "admin.hpp"
#include "plugins/admin/target.hpp"
#include "request_parser.hpp"
#include "tests/fuzz/choices.hpp"
#include "tests/fuzz/memory_gauge.hpp"
#include "tests/fuzz/mutation.hpp"
#include "tests/fuzz/target.hpp"
#include "tests/support/test_server.hpp"

using namespace vivarium;
using namespace vivarium::fuzz;
using namespace vivarium::admin;
using Outcome = RequestParser::Outcome;

namespace {

constexpr std::size_t kMemoryPerByte = 32;
constexpr std::size_t kMemoryFixed = std::size_t{64} << 10;

/// A server that stands behind the pages. Nothing that is asked here changes what others are told
/// but counters.
struct Site {
  test::TestServer server;
  test::FakeHost host{kOptions, {}, {.loop = &server.loop}};
  Pages pages{server.server.view(), *server.commands, *server.metrics, host.options(), host.fake_log, "/commands"};
  HttpPort port{server.loop, host.fake_log, host.options(), Millis(1000),
                [this](const HttpRequest& request, const PeerIdentity& peer) {
                  return pages.answer(request, peer);
                }};
};

Site& site() {
  static Site one;
  return one;
}

// --- requests ------------------------------------------------------------------------------------

auto fields_of(const HttpRequest& r) {
  return std::tie(r.method, r.path, r.arguments, r.host, r.accept, r.authorization, r.fetch_site,
                  r.fetch_dest, r.forwarded, r.keep_alive, r.has_body, r.wants_host);
}


/// As a connection hears them. `chance` says how many bytes come at a time; without it, all.
std::vector<HttpRequest> hear(std::string_view stream, std::uint32_t header_bytes_max, Chance* chance) {
  std::vector<HttpRequest> heard;
  RequestParser parser(header_bytes_max);
  std::size_t arrived = 0;
  while (arrived < stream.size()) {
    const std::size_t more = chance ? 1 + (*chance)() % 40 : stream.size();
    arrived += std::min(more, stream.size() - arrived);
    for (auto held = stream.substr(0, arrived); !held.empty(); held = stream.substr(0, arrived)) {
      auto parsed = parser.parse(held);
      if (parsed.outcome == Outcome::incomplete) break;
      if (parsed.outcome != Outcome::complete) return heard;
      VIVARIUM_ASSERT(parsed.taken > 0 && parsed.taken <= held.size(),
                      "taken is not what was there");
      stream.remove_prefix(parsed.taken);
      arrived -= parsed.taken;
      heard.push_back(std::move(parsed.request));
      const auto& request = heard.back();
      if (!request.keep_alive || request.has_body) return heard;
    }
  }
  return heard;
}

void check_same(const std::vector<HttpRequest>& a, const std::vector<HttpRequest>& b) {
  // What is no request may be refused at once, or when its end does not come: the parser looks for ends of
  // lines piece by piece. What is taken for one must be the same.
  const bool equal = std::ranges::equal(a, b, [](const auto& x, const auto& y) {
    return fields_of(x) == fields_of(y);
  });
  VIVARIUM_ASSERT(equal, "split differently, read differently");
}

std::string coded(std::string_view text) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string code;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    (code += '%') += kDigits[byte >> 4];
    code += kDigits[byte & 15];
  }
  return code;
}

/// Written out with every byte coded, it means the same.
void check_target(const HttpRequest& request) {
  auto target = "/" + coded(request.path.substr(1)) + "?";
  for (const auto& [name, value] : request.arguments)
    target += coded(name) + "=" + coded(value) + "&";
  HttpRequest again;
  const bool understood = parse_target(target, again);
  VIVARIUM_ASSERT(understood && again.path == request.path && again.arguments == request.arguments,
                  "a target in another code is another");
}

// --- answers -------------------------------------------------------------------------------------

std::string_view value_of(std::string_view head, std::string_view field) {
  const auto at = head.find(std::string("\r\n") + std::string(field) + ": ");
  if (at == head.npos) return {};
  const auto begin = at + 2 + field.size() + 2;
  return head.substr(begin, head.find("\r\n", begin) - begin);
}

void check_json(std::string_view text) {
  namespace json = rapidjson;
  json::Document document;
  document.Parse<json::kParseValidateEncodingFlag>(text.data(), text.size());
  VIVARIUM_ASSERT(!document.HasParseError(), "a page that is no JSON: " + std::string(text));
}

void check_answer(std::string_view answer, const HttpRequest& request) {
  VIVARIUM_ASSERT(answer.starts_with("HTTP/1.1 "), "an answer of another protocol");
  const auto end = answer.find("\r\n\r\n");
  VIVARIUM_ASSERT(end != answer.npos, "an answer without an end of its head");
  const auto head = answer.substr(0, end + 2), body = answer.substr(end + 4);
  const bool plain = std::ranges::all_of(
      head, [](char c) { return c == '\r' || c == '\n' || (c >= 0x20 && c < 0x7f); });
  VIVARIUM_ASSERT(plain, "a head with more than text in it");
  std::size_t length = 0;
  const auto length_text = value_of(head, "Content-Length");
  std::from_chars(length_text.data(), length_text.data() + length_text.size(), length);
  VIVARIUM_ASSERT(request.method == "HEAD" ? body.empty() : length == body.size(),
                  "an answer of another length than it says");
  if (value_of(head, "Content-Type") == "application/json" && !body.empty()) check_json(body);
}

void check_answers(const HttpRequest& request) {
  for (const char* local : {"127.0.0.1", "10.0.0.1"}) {
    PeerIdentity peer;
    peer.local_host = local;
    check_answer(site().port.answer(request, peer, !request.keep_alive), request);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Choices choices(text_view(data, size));
  const std::uint32_t header_bytes_max = choices.byte() % 4 == 0 ? 256 : 8192;
  Chance chance(choices.byte());
  site();  // Before memory is counted.
  const MemoryGauge gauge;
  const auto whole = hear(choices.rest(), header_bytes_max, nullptr);
  gauge.check(kMemoryFixed + kMemoryPerByte * size);
  check_same(whole, hear(choices.rest(), header_bytes_max, &chance));
  for (const auto& request : whole) {
    check_target(request);
    check_answers(request);
  }
  return 0;
}
