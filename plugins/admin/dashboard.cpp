#include "dashboard.hpp"

#include "dashboard_files.hpp"
#include "json.hpp"
#include "target.hpp"
#include "viewer.hpp"

#include <vivarium/authenticator.hpp>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace vivarium::admin {
namespace {

constexpr std::string_view kFolder = "/dashboard/";
constexpr std::string_view kPage = "index.html";
/// Nothing from elsewhere, no script in the page, no text that becomes one, no frame around it.
constexpr std::string_view kContentPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

constexpr const char* kAbout[] = {"configuration", "environment"};
constexpr const char* kLive[] = {"monitor", "server_stats", "members", "watch_summary",
                                 "slow_requests"};

constexpr std::size_t kDataBytes = 4096, kDataBytesMax = 64 << 10;
constexpr std::size_t kChildren = 200, kChildrenMax = 1000;
constexpr std::size_t kNameBytesMax = 256 << 10;
constexpr std::size_t kConnectionsMax = 100;

// --- files ----------------------------------------------------------------------------------------

std::string_view type_of(std::string_view name) {
  if (name.ends_with(".html")) return "text/html; charset=utf-8";
  if (name.ends_with(".css")) return "text/css; charset=utf-8";
  if (name.ends_with(".js")) return "text/javascript; charset=utf-8";
  return "image/svg+xml";
}

std::optional<HttpResponse> file(std::string_view name) {
  const auto files = dashboard_files();
  const auto found = std::find_if(files.begin(), files.end(),
                                  [&](const DashboardFile& one) { return one.name == name; });
  if (found == files.end()) return {};
  HttpResponse response;
  response.content_type = type_of(name);
  response.body = found->bytes;
  response.content_policy = kContentPolicy;
  return response;
}

// --- values ---------------------------------------------------------------------------------------

HttpResponse refusal(unsigned status, std::string why) {
  return json_response(status, Value::Fields{{"error", std::move(why)}});
}

constexpr char kHexDigits[] = "0123456789abcdef";

std::string hex_of(std::string_view bytes) {
  std::string hex;
  hex.reserve(2 * bytes.size());
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    (hex += kHexDigits[byte >> 4]) += kHexDigits[byte & 0xf];
  }
  return hex;
}

/// "0x1000a": more digits than a script's numbers have.
std::string hex_number(std::int64_t number) {
  char text[16];
  const auto end =
      std::to_chars(text, text + sizeof text, static_cast<std::uint64_t>(number), 16).ptr;
  return "0x" + std::string(text, end);
}

Value stat_value(const Stat& stat) {
  return Value::Fields{{"czxid", hex_number(stat.czxid)},
                       {"mzxid", hex_number(stat.mzxid)},
                       {"pzxid", hex_number(stat.pzxid)},
                       {"ctime", stat.ctime},
                       {"mtime", stat.mtime},
                       {"version", stat.version},
                       {"cversion", stat.cversion},
                       {"aversion", stat.aversion},
                       {"ephemeral_owner", hex_number(stat.ephemeral_owner)},
                       {"data_length", stat.data_length},
                       {"num_children", stat.num_children}};
}

Value children_value(const std::vector<ChildView>& children) {
  Value::List list;
  for (const auto& child : children)
    list.push_back(Value::Fields{{"name", percent_encoded(child.name)},
                                 {"num_children", child.num_children ? Value(*child.num_children)
                                                                     : Value()}});
  return list;
}

Value acl_value(const std::optional<std::vector<AclEntryView>>& acl) {
  if (!acl) return {};
  Value::List list;
  for (const auto& entry : *acl)
    list.push_back(
        Value::Fields{{"perms", entry.perms}, {"scheme", entry.scheme}, {"id", entry.id}});
  return list;
}

// --- arguments ------------------------------------------------------------------------------------

/// nullptr: it is not there.
const std::string* argument(const HttpRequest& request, std::string_view name) {
  for (const auto& [key, value] : request.arguments)
    if (key == name) return &value;
  return nullptr;
}

/// nullopt: it is no number up to `most`.
std::optional<std::size_t> size_argument(const HttpRequest& request, std::string_view name,
                                         std::size_t otherwise, std::size_t most) {
  const auto* text = argument(request, name);
  if (!text) return otherwise;
  std::size_t number = 0;
  const auto* const end = text->data() + text->size();
  const auto [parsed, error] = std::from_chars(text->data(), end, number);
  if (error != std::errc() || parsed != end || number > most) return {};
  return number;
}

}  // namespace

bool Dashboard::may_be_linked_to(const HttpRequest& request) {
  return request.path == "/" && request.fetch_dest == "document";
}

std::optional<HttpResponse> Dashboard::answer(const HttpRequest& request,
                                              const PeerIdentity& peer) const {
  std::string_view path = request.path;
  if (path != "/" && !path.starts_with(kFolder)) return {};
  if (!options_.boolean("dashboard"))
    return text_response(status::kForbidden, "vivarium.service.admin.dashboard is false");
  if (path == "/") return file(kPage);
  path.remove_prefix(kFolder.size());
  if (path == "about") return json_response(status::kOk, told_by(kAbout));
  if (path == "connections") return connections();
  if (path != "status" && path != "node") return file(path);

  const auto identities = identities_of(view_, request, peer);
  if (!identities) {
    log_.warn("a viewer at " + peer.remote_host + " failed to authenticate: " +
              identities.error().what);
    auto response = refusal(status::kUnauthorized, "The credential is refused; the server's log says why.");
    response.authenticate = kChallenge;
    return response;
  }
  const Viewer viewer{*identities, request.forwarded ? std::string_view() : peer.remote_host,
                      peer.encrypted};
  if (path == "status") return this->status(viewer, peer);
  if (!may_browse(peer))
    return refusal(status::kForbidden, "Znodes are not shown on this address; "
                                       "vivarium.service.admin.browse=true would show them.");
  return node(request, viewer);
}

Value::Fields Dashboard::told_by(std::span<const char* const> names) const {
  Value::Fields fields;
  for (const auto* name : names)
    if (runner_.commands().find(name)) fields.emplace_back(name, runner_.run(name, {}).fields);
  return fields;
}

HttpResponse Dashboard::status(const Viewer& viewer, const PeerIdentity& peer) const {
  Value::List identities;
  for (const auto& identity : viewer.identities) {
    const auto* scheme = view_.authenticator(identity.scheme);
    identities.push_back(Value::Fields{{"scheme", identity.scheme},
                                       {"name", scheme ? scheme->user_name(identity) : ""}});
  }
  Value::Fields fields{{"role", std::string(name_of(view_.role()))},
                       {"last_zxid", hex_number(view_.last_applied().value)},
                       {"identities", std::move(identities)},
                       {"browse", may_browse(peer)}};
  for (auto& field : told_by(kLive)) fields.push_back(std::move(field));
  return json_response(status::kOk, fields);
}

/// Sessions have numbers of 64 bits, which go as text.
HttpResponse Dashboard::connections() const {
  auto outcome = runner_.run("connections", {});
  std::int64_t total = 0;
  Value::List shown;
  Value error;
  for (auto& [name, value] : outcome.fields) {
    if (name == "error") error = value;
    const auto* list = std::get_if<Value::List>(&value.content());
    if (!list) continue;
    total += static_cast<std::int64_t>(list->size());
    for (const auto& connection : *list) {
      if (shown.size() == kConnectionsMax) break;
      auto fields = std::get<Value::Fields>(connection.content());
      for (auto& [field, content] : fields)
        if (field == "session_id") content = hex_number(std::get<std::int64_t>(content.content()));
      fields.emplace_back("encrypted", name == "secure_connections");
      shown.push_back(std::move(fields));
    }
  }
  return json_response(outcome.status, Value::Fields{{"total", total},
                                                     {"connections", std::move(shown)},
                                                     {"error", std::move(error)}});
}

HttpResponse Dashboard::node(const HttpRequest& request, const Viewer& viewer) const {
  const auto* path = argument(request, "path");
  const auto* after = argument(request, "after");
  const auto data_bytes = size_argument(request, "data", kDataBytes, kDataBytesMax);
  const auto children = size_argument(request, "children", kChildren, kChildrenMax);
  if (!path || !path->starts_with('/'))
    return refusal(status::kBadRequest, "The argument path names no znode; /app does, say.");
  if (!data_bytes || !children)
    return refusal(status::kBadRequest,
                   "The argument data is a number up to " + std::to_string(kDataBytesMax) +
                       ", children one up to " + std::to_string(kChildrenMax) + ".");
  if (!runner_.serves())
    return refusal(status::kUnavailable, "The server does not serve clients at the moment.");
  const NodeWindow window{*data_bytes, after ? std::string_view(*after) : std::string_view(),
                          *children, kNameBytesMax};
  const auto node = view_.node(*path, viewer, window);
  // One sentence for both, so that nobody learns by it what there is.
  if (!node)
    return refusal(status::kForbidden,
                   "There is no znode of that path, or you may not see it: then its ACL, or a policy, "
                   "lets only others read it.");
  return json_response(
      status::kOk, Value::Fields{{"path", percent_encoded(*path)},
                                 {"stat", stat_value(node->stat)},
                                 {"data_hex", hex_of(node->data)},
                                 {"acl", acl_value(view_.acl(*path, viewer))},
                                 {"lists_children", node->lists_children},
                                 {"children", children_value(node->children)},
                                 {"more_children", node->more_children}});
}

bool Dashboard::may_browse(const PeerIdentity& peer) const {
  return options_.has("browse") ? options_.boolean("browse") : is_loopback(peer.local_host);
}

}  // namespace vivarium::admin
