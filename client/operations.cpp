// Each operation as bytes, and its answer as a reply.
#include "client/conversation.hpp"
#include "client/create_request.hpp"
#include "client/session.hpp"

#include <vivarium/records.hpp>

#include <utility>

namespace vivarium::client {
namespace {

using Kind = Watches::Kind;

// --- replies --------------------------------------------------------------------------------------

void read(JuteIn& in, std::string& text) {
  Text view;
  in(view);
  text = view;
}
void read(JuteIn& in, std::vector<std::string>& texts) {
  std::vector<Text> views;
  in(views);
  texts.assign(views.begin(), views.end());
}
void read(JuteIn& in, std::optional<std::string>& data) {
  Data view;
  in(view);
  if (view) data.emplace(*view);
}

void read(JuteIn&, Reply&) {}
void read(JuteIn& in, PathReply& reply) { read(in, reply.path); }
void read(JuteIn& in, StatReply& reply) { in(reply.stat); }
void read(JuteIn& in, CreateReply& reply) {
  read(in, reply.path);
  in(reply.stat);
}
void read(JuteIn& in, DataReply& reply) {
  read(in, reply.data);
  in(reply.stat);
}
void read(JuteIn& in, ChildrenReply& reply) {
  read(in, reply.children);
  in(reply.stat);
}
void read(JuteIn& in, PathsReply& reply) { read(in, reply.paths); }
void read(JuteIn& in, CountReply& reply) { in(reply.count); }
void read(JuteIn& in, AclReply& reply) {
  AclList entries;
  in(entries, reply.stat);
  for (const auto& entry : entries)
    reply.acl.push_back({entry.perms, std::string(entry.scheme), std::string(entry.id)});
}
void read(JuteIn& in, IdentitiesReply& reply) {
  std::vector<records::ClientInfo> entries;
  in(entries);
  for (const auto& entry : entries)
    reply.identities.push_back({std::string(entry.scheme), std::string(entry.user)});
}

void read_result(JuteIn& in, Op op, Part& part) {
  switch (op) {
    case Op::create: return read(in, part.path);
    case Op::create2:
    case Op::create_container:
    case Op::create_ttl: read(in, part.path); return in(part.stat), void();
    case Op::set_data: return in(part.stat), void();
    case Op::get_data: read(in, part.data); return in(part.stat), void();
    case Op::get_children: return read(in, part.children);
    default: return;
  }
}

/// What answers a part. Servers before 3.9 answer create2 as create, without the Stat.
bool answers(Op result, Op asked) {
  const bool creates =
      asked == Op::create2 || asked == Op::create_container || asked == Op::create_ttl;
  return result == asked || (creates && (result == Op::create2 || result == Op::create));
}

void read_part(JuteIn& in, Op asked, MultiReply& reply) {
  records::MultiHeader header;
  in(header);
  auto& part = reply.parts.emplace_back();
  if (header.done) return in.fail();
  const auto result = static_cast<Op>(header.type);
  if (result == Op::error) {
    part.err = static_cast<WireError>(in.take<std::int32_t>());
  } else if (answers(result, asked)) {
    read_result(in, result, part);
  } else {
    in.fail();
  }
}

void read_parts(JuteIn& in, const std::vector<Op>& ops, MultiReply& reply) {
  for (const auto op : ops)
    if (in.ok()) read_part(in, op, reply);
  records::MultiHeader end;
  in(end);
  if (!end.done) in.fail();
}

void note_first_error(MultiReply& reply) {
  for (const auto& part : reply.parts)
    if (reply.ok()) reply.err = part.err;
}

/// A reader of replies whose body `parse` knows.
template <class R, class Parse>
Reader reader(Completion<R> done, Parse parse) {
  return [done = std::move(done), parse](const Answer& answer) -> Task {
    R reply;
    reply.err = answer.err;
    reply.zxid = answer.zxid;
    if (reply.ok()) {
      JuteIn in(answer.body);
      parse(in, reply);
      if (!in.ok() || !in.rest().empty()) return {};
    }
    return [done, reply = std::move(reply)] {
      if (done) done(reply);
    };
  };
}

template <class R>
Reader reader(Completion<R> done) {
  return reader(std::move(done), [](JuteIn& in, R& reply) { read(in, reply); });
}

// --- requests -------------------------------------------------------------------------------------

std::string path_body(std::string_view path) { return to_jute(records::PathRequest{path}); }

std::string read_body(std::string_view path, Watch watch) {
  return to_jute(records::PathWatchRequest{path, watch == Watch::set});
}

std::string multi_body(const std::string& parts) {
  return parts + to_jute(records::MultiHeader{-1, true, -1});
}

Effect watch_of(Watch watch, Kind kind, std::string_view path) {
  if (watch == Watch::none) return {};
  return [kind, path = std::string(path)](Watches& watches, WireError err) {
    if (err == WireError::ok) watches.add(kind, path);
  };
}

Effect watch_of_exists(Watch watch, std::string_view path) {
  if (watch == Watch::none) return {};
  return [path = std::string(path)](Watches& watches, WireError err) {
    if (err == WireError::ok) watches.add(Kind::data, path);
    if (err == WireError::no_node) watches.add(Kind::exist, path);
  };
}

}  // namespace

// --- writes ---------------------------------------------------------------------------------------

void Session::create(std::string_view path, Data data, const NodeKind& kind,
                     Completion<CreateReply> done) {
  conversation_->ask(create_op(kind.flag), create_body(path, data, kind), reader(std::move(done)));
}

void Session::remove(std::string_view path, std::int32_t version, Completion<Reply> done) {
  conversation_->ask(Op::remove, to_jute(records::PathVersionRequest{path, version}),
                     reader(std::move(done)));
}

void Session::set(std::string_view path, Data data, std::int32_t version,
                  Completion<StatReply> done) {
  conversation_->ask(Op::set_data, to_jute(records::SetDataRequest{path, data, version}),
                     reader(std::move(done)));
}

void Session::set_acl(std::string_view path, const AclList& acl, std::int32_t version,
                      Completion<StatReply> done) {
  conversation_->ask(Op::set_acl, to_jute(records::SetAclRequest{path, acl, version}),
                     reader(std::move(done)));
}

void Session::multi(const Multi& parts, Completion<MultiReply> done) {
  conversation_->ask(Op::multi, multi_body(parts.bytes()),
                     reader(std::move(done), [ops = parts.ops()](JuteIn& in, MultiReply& reply) {
                       read_parts(in, ops, reply);
                       note_first_error(reply);
                     }));
}

// --- reads ----------------------------------------------------------------------------------------

void Session::exists(std::string_view path, Watch watch, Completion<StatReply> done) {
  conversation_->ask(Op::exists, read_body(path, watch), reader(std::move(done)),
                     watch_of_exists(watch, path));
}

void Session::get(std::string_view path, Watch watch, Completion<DataReply> done) {
  conversation_->ask(Op::get_data, read_body(path, watch), reader(std::move(done)),
                     watch_of(watch, Kind::data, path));
}

void Session::get_children(std::string_view path, Watch watch, Completion<ChildrenReply> done) {
  conversation_->ask(Op::get_children2, read_body(path, watch), reader(std::move(done)),
                     watch_of(watch, Kind::child, path));
}

void Session::get_acl(std::string_view path, Completion<AclReply> done) {
  conversation_->ask(Op::get_acl, path_body(path), reader(std::move(done)));
}

void Session::get_all_children_number(std::string_view path, Completion<CountReply> done) {
  conversation_->ask(Op::get_all_children_number, path_body(path), reader(std::move(done)));
}

void Session::get_ephemerals(std::string_view prefix, Completion<PathsReply> done) {
  conversation_->ask(Op::get_ephemerals, path_body(prefix), reader(std::move(done)));
}

void Session::multi_read(const MultiRead& parts, Completion<MultiReply> done) {
  conversation_->ask(Op::multi_read, multi_body(parts.bytes()),
                     reader(std::move(done), [ops = parts.ops()](JuteIn& in, MultiReply& reply) {
                       read_parts(in, ops, reply);
                     }));
}

void Session::sync(std::string_view path, Completion<PathReply> done) {
  conversation_->ask(Op::sync, path_body(path), reader(std::move(done)));
}

// --- watches --------------------------------------------------------------------------------------

void Session::add_watch(std::string_view path, AddWatchMode mode, Completion<Reply> done) {
  const auto kind =
      mode == AddWatchMode::persistent ? Kind::persistent : Kind::persistent_recursive;
  // The body is an error number, always zero.
  conversation_->ask(Op::add_watch,
                     to_jute(records::PathTypeRequest{path, static_cast<std::int32_t>(mode)}),
                     reader(std::move(done), [](JuteIn& in, Reply&) { in.take<std::int32_t>(); }),
                     watch_of(Watch::set, kind, path));
}

void Session::remove_watches(std::string_view path, WatcherType type, Completion<Reply> done) {
  conversation_->ask(Op::remove_watches,
                     to_jute(records::PathTypeRequest{path, static_cast<std::int32_t>(type)}),
                     reader(std::move(done)),
                     [type, path = std::string(path)](Watches& watches, WireError err) {
                       if (err == WireError::ok || err == WireError::no_watcher)
                         watches.remove(path, type);
                     });
}

// --- who this is ----------------------------------------------------------------------------------

void Session::add_auth(std::string_view scheme, std::string_view credential,
                       Completion<Reply> done) {
  conversation_->add_auth(to_jute(records::AuthPacket{0, scheme, credential}),
                          reader(std::move(done)));
}

void Session::who_am_i(Completion<IdentitiesReply> done) {
  conversation_->ask(Op::who_am_i, {}, reader(std::move(done)));
}

void Session::close(Completion<Reply> done) { conversation_->close(reader(std::move(done))); }

}  // namespace vivarium::client
