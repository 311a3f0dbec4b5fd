#include "kernel/core/reader.hpp"

#include "kernel/core/paths.hpp"
#include "kernel/core/preparer.hpp"

#include <algorithm>

namespace vivarium {
namespace {

/// What a multiRead is answered with at most: its few bytes may ask for any number.
constexpr std::size_t kMultiReadBytesMax = 64u << 20;

constexpr ReadResult malformed{WireError::marshalling_error, WatchEffect::none, {}};

ReadResult failed(WireError err) { return {err, WatchEffect::none, {}}; }

bool reads_in_multi(Op op) { return op == Op::get_data || op == Op::get_children; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && static_cast<unsigned char>(text.front()) <= ' ') text.remove_prefix(1);
  while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.remove_suffix(1);
  return text;
}

}  // namespace

bool Reader::handles(Op op) {
  switch (op) {
    case Op::exists:
    case Op::get_data:
    case Op::get_acl:
    case Op::get_children:
    case Op::get_children2:
    case Op::get_all_children_number:
    case Op::get_ephemerals:
    case Op::who_am_i:
    case Op::multi_read:
      return true;
    default:
      return false;
  }
}

ReadResult Reader::read(Op op, JuteIn& in, const Subject& subject, JuteOut& out) const {
  switch (op) {
    case Op::exists: return exists(in, subject, out);
    case Op::get_data: return get_data(in, subject, out);
    case Op::get_acl: return get_acl(in, subject, out);
    case Op::get_children: return get_children(in, subject, out, false);
    case Op::get_children2: return get_children(in, subject, out, true);
    case Op::get_all_children_number: return count_children(in, subject, out);
    case Op::get_ephemerals: return get_ephemerals(in, subject, out);
    case Op::who_am_i: return who_am_i(subject, out);
    case Op::multi_read: return multi_read(in, subject, out);
    default: return failed(WireError::unimplemented);
  }
}

bool Reader::readable(Operation operation, std::string_view path, AclNumber acl,
                      const Subject& subject) const {
  return gate_.allows({operation, path, perms::kRead, database_.acls().entries(acl)}, subject,
                      database_);
}

ReadResult Reader::exists(JuteIn& in, const Subject& subject, JuteOut& out) const {
  records::PathWatchRequest request;
  in(request);
  if (!in.ok() || is_null(request.path)) return malformed;
  const auto path = paths::of_node(request.path);
  if (request.path.find('\0') != std::string_view::npos) return failed(WireError::bad_arguments);
  const auto* node = database_.tree().find(path);
  if (node ? !readable(Operation::exists, path, node->acl, subject)
           : !gate_.allows({Operation::exists, path}, subject, database_))
    return failed(WireError::no_auth);
  const auto watch = request.watch ? WatchEffect::data : WatchEffect::none;
  if (!node) return {WireError::no_node, watch, request.path};
  out(database_.stat_of(*node));
  note_read(path, 0);
  return {WireError::ok, watch, request.path};
}

ReadResult Reader::get_data(JuteIn& in, const Subject& subject, JuteOut& out) const {
  records::PathWatchRequest request;
  in(request);
  if (!in.ok() || is_null(request.path)) return malformed;
  const auto path = paths::of_node(request.path);
  const auto* node = database_.tree().find(path);
  if (!node) return failed(WireError::no_node);
  if (!readable(Operation::get_data, path, node->acl, subject))
    return failed(WireError::no_auth);
  note_read(path, static_cast<std::size_t>(std::max(node->data_length, 0)));
  out(node->data(), database_.stat_of(*node));
  return {WireError::ok, request.watch ? WatchEffect::data : WatchEffect::none, request.path};
}

ReadResult Reader::get_acl(JuteIn& in, const Subject& subject, JuteOut& out) const {
  records::PathRequest request;
  in(request);
  if (!in.ok() || is_null(request.path)) return malformed;
  const auto path = paths::of_node(request.path);
  const auto* node = database_.tree().find(path);
  if (!node) return failed(WireError::no_node);
  const auto entries = acl_of(path, *node, subject);
  if (!entries) return failed(WireError::no_auth);
  AclList list;
  list.reserve(entries->size());
  for (const auto& entry : *entries) list.push_back({entry.perms, entry.scheme, entry.id});
  out(list, database_.stat_of(*node));
  return {};
}

std::optional<std::vector<AclEntryView>> Reader::acl_of(std::string_view path, const Znode& node,
                                                        const Subject& subject) const {
  const auto entries = database_.acls().entries(node.acl);
  const auto allows = [&](std::int32_t permission) {
    return gate_.allows({Operation::get_acl, path, permission, entries}, subject, database_);
  };
  if (!allows(perms::kRead | perms::kAdmin)) return {};
  const bool administers = allows(perms::kAdmin);
  std::vector<AclEntryView> shown;
  for (const auto& entry : entries) {
    const auto* scheme = administers ? nullptr : gate_.authenticator(entry.scheme);
    shown.push_back({entry.perms, std::string(entry.scheme),
                     scheme ? scheme->shown_acl_id(entry.id) : std::string(entry.id)});
  }
  if (shown.empty()) shown.push_back({perms::kAll, "world", "anyone"});
  return shown;
}

ReadResult Reader::get_children(JuteIn& in, const Subject& subject, JuteOut& out,
                                bool with_stat) const {
  records::PathWatchRequest request;
  in(request);
  if (!in.ok() || is_null(request.path)) return malformed;
  const auto path = paths::of_node(request.path);
  const auto* node = database_.tree().find(path);
  if (!node) return failed(WireError::no_node);
  if (!readable(Operation::get_children, path, node->acl, subject))
    return failed(WireError::no_auth);
  const auto start = out.bytes().size();
  const auto children = database_.tree().children(*node);
  out(children);
  note_read(path, out.bytes().size() - start - 4 * (children.size() + 1));  // But for the lengths.
  if (with_stat) out(database_.stat_of(*node));
  return {WireError::ok, request.watch ? WatchEffect::children : WatchEffect::none, request.path};
}

ReadResult Reader::count_children(JuteIn& in, const Subject& subject, JuteOut& out) const {
  records::PathRequest request;
  in(request);
  if (!in.ok() || is_null(request.path)) return malformed;
  const auto path = paths::of_node(request.path);
  const auto* node = database_.tree().find(path);
  if (!node) return failed(WireError::no_node);
  if (!readable(Operation::count_children, path, node->acl, subject))
    return failed(WireError::no_auth);
  // By its empty name ZooKeeper counts the root as one of those below it.
  const auto itself = request.path.empty() ? 1u : 0u;
  out(static_cast<std::int32_t>(database_.tree().descendants(*node) + itself));
  return {};
}

ReadResult Reader::get_ephemerals(JuteIn& in, const Subject& subject, JuteOut& out) const {
  records::PathRequest request;
  in(request);
  if (!in.ok()) return malformed;
  const auto prefix = trimmed(request.path);
  const bool all = prefix.empty() || prefix == "/";
  std::vector<Text> found;
  if (const auto* paths = database_.ephemerals(subject.session))
    for (const auto& path : *paths)
      if ((all || std::string_view(path).starts_with(request.path)) &&
          (gate_.acl_only() || gate_.allows({Operation::get_ephemerals, path}, subject, database_)))
        found.push_back(path);
  out(found);
  return {};
}

ReadResult Reader::who_am_i(const Subject& subject, JuteOut& out) const {
  std::vector<std::string> users;
  users.reserve(subject.identities.size());
  std::vector<records::ClientInfo> infos;
  for (const auto& identity : subject.identities) {
    const auto* scheme = gate_.authenticator(identity.scheme);
    users.push_back(scheme ? scheme->user_name(identity) : "");
    infos.push_back({identity.scheme, users.back()});
  }
  out(infos);
  return {};
}

ReadResult Reader::multi_read(JuteIn& in, const Subject& subject, JuteOut& out) const {
  std::vector<MultiPart> parts;
  if (!split_multi(in.rest(), reads_in_multi, parts)) return malformed;
  const auto begin = out.bytes().size();
  for (const auto& part : parts) {
    const auto start = out.bytes().size();
    out(records::MultiHeader{static_cast<std::int32_t>(part.op), false, 0});
    in.seat(part.body);
    const auto result = read(part.op, in, subject, out);
    if (out.bytes().size() - begin > kMultiReadBytesMax) return failed(WireError::bad_arguments);
    if (result.err == WireError::ok) continue;
    if (result.err == WireError::marshalling_error) return malformed;
    out.bytes().resize(start);
    const auto code = static_cast<std::int32_t>(result.err);
    out(records::MultiHeader{static_cast<std::int32_t>(Op::error), false, code}, code);
  }
  out(records::MultiHeader{-1, true, -1});
  return {};
}

}  // namespace vivarium
