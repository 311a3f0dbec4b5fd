#include "kernel/core/preparer.hpp"

#include "kernel/core/paths.hpp"
#include "kernel/core/znode_block.hpp"

#include <algorithm>
#include <cstdio>

namespace vivarium {
namespace {

constexpr std::int64_t kTtlMax = 0xFFFFFFFFFF;
constexpr std::size_t kAclBytesMax = 16u << 20;

/// The version after `current`, wrapping; never -1, which means "any" in requests.
std::int32_t next_version(std::int32_t current) {
  const auto next = static_cast<std::int32_t>(static_cast<std::uint32_t>(current) + 1);
  return next == -1 ? 0 : next;
}

bool version_matches(std::int32_t expected, std::int32_t current) {
  return expected == -1 || expected == current;
}

std::string sequence_suffix(std::int32_t cversion) {
  char text[16];
  std::snprintf(text, sizeof text, "%010d", cversion);
  return text;
}

/// As a list of them in a record.
std::size_t bytes_of(const std::vector<std::string>& texts) {
  std::size_t sum = 0;
  for (const auto& text : texts) sum += sizeof(std::int32_t) + text.size();
  return sum;
}

bool is_ttl(CreateFlag flag) {
  return flag == CreateFlag::persistent_ttl || flag == CreateFlag::persistent_sequential_ttl;
}

/// The opcode decides what is created; a flag that says something else is refused.
bool flag_fits(Op op, CreateFlag flag) {
  if (op == Op::create_container) return flag == CreateFlag::container;
  if (op == Op::create_ttl) return is_ttl(flag);
  return flag >= CreateFlag::persistent && flag <= CreateFlag::ephemeral_sequential;
}

std::int64_t size_of(Data data) { return data ? static_cast<std::int64_t>(data->size()) : 0; }

/// Consumes one operation's record, to learn where it ends. False too when its path is null.
bool skip_record(Op op, JuteIn& in) {
  const auto skip = [&in](auto record) {
    in(record);
    return in.ok() && !is_null(record.path);
  };
  switch (op) {
    case Op::create:
    case Op::create2:
    case Op::create_container: return skip(records::CreateRequest());
    case Op::create_ttl: return skip(records::CreateTtlRequest());
    case Op::remove:
    case Op::check: return skip(records::PathVersionRequest());
    case Op::set_data: return skip(records::SetDataRequest());
    case Op::get_data:
    case Op::get_children: return skip(records::PathWatchRequest());
    default: return false;
  }
}

bool writes_in_multi(Op op) {
  switch (op) {
    case Op::create:
    case Op::create2:
    case Op::create_container:
    case Op::create_ttl:
    case Op::remove:
    case Op::set_data:
    case Op::check:
      return true;
    default:
      return false;
  }
}

}  // namespace

bool split_multi(std::string_view body, bool (*allowed)(Op), std::vector<MultiPart>& parts) {
  parts.clear();
  JuteIn in(body);
  for (;;) {
    records::MultiHeader header;
    in(header);
    if (!in.ok()) return false;
    if (header.done) return true;
    const auto op = static_cast<Op>(header.type);
    const auto start = in.rest();
    if (!allowed(op) || !skip_record(op, in)) return false;
    parts.push_back({op, start.substr(0, start.size() - in.rest().size())});
  }
}

template <class Record>
void Preparer::write(const Record& record) {
  out_.seat(body_);
  out_(record);
}

LogEntry Preparer::prepare(const Request& request, Zxid zxid, std::int64_t wall_ms) {
  const Context context{request,
                        {request.session, request.client_address, request.encrypted,
                         request.identities},
                        zxid,
                        wall_ms};
  body_.clear();
  acl_bytes_left_ = std::min(rules_.request_bytes_max, kAclBytesMax);
  auto type = static_cast<Op>(request.op);
  in_.seat(request.body);
  const auto err =
      type == Op::multi ? prepare_multi(context) : prepare_op(context, type, in_, type);
  if (err != WireError::ok) {
    type = Op::error;
    body_.clear();
    write(records::ErrorTxn{static_cast<std::int32_t>(err)});
  }
  return seal(request, zxid, wall_ms, type);
}

LogEntry Preparer::seal(const Request& request, Zxid zxid, std::int64_t wall_ms, Op type) {
  std::string payload;
  payload.reserve(32 + body_.size() + 12);
  out_.seat(payload);
  out_(records::TxnHeader{request.session.value, request.cxid, zxid.value, wall_ms,
                          static_cast<std::int32_t>(type)});
  out_.put_bytes(body_);
  if (rules_.digest_enabled)
    out_(records::TxnDigest{2, static_cast<std::int64_t>(pending_.digest())});
  return {zxid, SharedBytes(std::move(payload))};
}

WireError Preparer::prepare_op(const Context& context, Op op, JuteIn& body, Op& type) {
  type = op;
  switch (op) {
    case Op::create:
    case Op::create2:
    case Op::create_container:
    case Op::create_ttl:
      return prepare_create(context, op, body, type);
    case Op::remove: return prepare_delete(context, body);
    case Op::delete_container: return prepare_delete_container(context, body);
    case Op::set_data: return prepare_set_data(context, body);
    case Op::set_acl: return prepare_set_acl(context, body);
    case Op::check: return context.in_multi ? prepare_check(context, body) : WireError::unimplemented;
    case Op::create_session: return prepare_create_session(context, body);
    case Op::close_session: return prepare_close_session(context);
    case Op::reconfig: return prepare_reconfig(body);
    case Op::error: return WireError::session_moved;  // kSessionMove
    default: return WireError::unimplemented;
  }
}

WireError Preparer::check_session(const Context& context) {
  return sessions_.check(context.request.session, context.request.owner);
}

bool Preparer::allowed(const Context& context, Operation operation, std::string_view path,
                       std::int32_t permission, AclNumber acl) const {
  return gate_.allows(
      {operation, path, permission, database_.acls().entries(acl), context.in_multi},
      context.subject, pending_);
}

// --- create ---------------------------------------------------------------------------------------

WireError Preparer::decode_creation(const Context& context, Op op, JuteIn& body,
                                    Creation& creation) {
  auto& request = creation.request;
  creation.op = op;
  body(request.path, request.data, request.acl, request.flags);
  request.ttl = -1;
  if (op == Op::create_ttl) body(request.ttl);
  if (!body.ok()) return WireError::marshalling_error;

  const auto flag = static_cast<CreateFlag>(request.flags);
  if (request.flags < 0 || request.flags > 6) return WireError::bad_arguments;
  if (is_ttl(flag) && !database_.extended_types()) return WireError::unimplemented;
  if (!flag_fits(op, flag)) return WireError::bad_arguments;
  if (is_ttl(flag) && (request.ttl <= 0 || request.ttl > kTtlMax)) return WireError::bad_arguments;
  creation.sequential = flag == CreateFlag::persistent_sequential ||
                        flag == CreateFlag::ephemeral_sequential ||
                        flag == CreateFlag::persistent_sequential_ttl;
  creation.owner = owners::kNone;
  if (flag == CreateFlag::ephemeral || flag == CreateFlag::ephemeral_sequential)
    creation.owner = context.request.session.value;
  if (flag == CreateFlag::container) creation.owner = owners::kContainer;
  if (is_ttl(flag)) creation.owner = ttl_owner(request.ttl);
  return WireError::ok;
}

WireError Preparer::prepare_create(const Context& context, Op op, JuteIn& body, Op& type) {
  auto err = decode_creation(context, op, body, creation_);
  if (err == WireError::ok) err = check_session(context);
  if (err != WireError::ok) return err;
  const auto& request = creation_.request;
  if (is_null(request.path)) return WireError::marshalling_error;
  const auto parent_path = paths::parent_if_plain(request.path);
  if (!parent_path) return WireError::bad_arguments;
  err = gate_.normalize(request.acl, context.subject, acl_bytes_left_, acl_);
  if (err != WireError::ok) return err;
  const auto parent = pending_.find(*parent_path);
  if (!parent) return WireError::no_node;
  if (!allowed(context, Operation::create, request.path, perms::kCreate, parent->acl))
    return WireError::no_auth;
  return store_creation(context, creation_, parent, type);
}

bool Preparer::over_quota(std::string_view path, std::int64_t bytes, std::int64_t nodes) {
  const bool over = rules_.enforce_quota && database_.quota_exceeded(path, bytes, nodes);
  if (over) namespaces_.note_quota_exceeded(path);
  return over;
}

WireError Preparer::store_creation(const Context& context, const Creation& creation,
                                   const PendingTree::Found& parent, Op& type) {
  const auto& request = creation.request;
  std::string sequential_path;
  auto path = request.path;
  if (creation.sequential)
    path = sequential_path = std::string(path) + sequence_suffix(parent->fields.cversion);
  if (!paths::valid(path) || paths::name(path).size() > kNameBytesMax)
    return WireError::bad_arguments;
  if (pending_.exists(path)) return WireError::node_exists;
  if (is_ephemeral(parent->fields.owner, database_.extended_types()))
    return WireError::no_children_for_ephemerals;
  if (over_quota(path, size_of(request.data), 1)) return WireError::quota_exceeded;

  const auto cversion =
      static_cast<std::int32_t>(static_cast<std::uint32_t>(parent->fields.cversion) + 1);
  const auto acl = database_.acls().acquire(acl_);
  pending_.create(parent, path, request.data, acl, creation.owner, cversion, context.zxid,
                  context.time);
  database_.acls().release(acl);

  if (creation.op == Op::create_ttl) {
    write(records::CreateTtlTxn{path, request.data, acl_, cversion, request.ttl});
  } else if (creation.op == Op::create_container) {
    write(records::CreateContainerTxn{path, request.data, acl_, cversion});
  } else {
    write(records::CreateTxn{path, request.data, acl_, creation.owner != owners::kNone, cversion});
    // ZooKeeper 3.8.0 drops a multi that holds a sub-transaction of type create2.
    if (context.in_multi) type = Op::create;
  }
  return WireError::ok;
}

// --- delete, set, check ---------------------------------------------------------------------------

WireError Preparer::prepare_delete(const Context& context, JuteIn& body) {
  records::PathVersionRequest request;
  body(request);
  if (!body.ok()) return WireError::marshalling_error;
  if (const auto err = check_session(context); err != WireError::ok) return err;
  if (is_null(request.path)) return WireError::marshalling_error;
  const auto parent_path = paths::parent_if_plain(request.path);
  if (!parent_path || paths::special(request.path)) return WireError::bad_arguments;
  const auto parent = pending_.find(*parent_path);
  if (!parent) return WireError::no_node;
  if (!allowed(context, Operation::remove, request.path, perms::kDelete, parent->acl))
    return WireError::no_auth;
  const auto node = pending_.find(request.path);
  if (!node) return WireError::no_node;
  if (!version_matches(request.version, node->fields.version)) return WireError::bad_version;
  if (node->child_count > 0) return WireError::not_empty;
  pending_.remove(node, request.path, context.zxid);
  write(records::DeleteTxn{request.path});
  return WireError::ok;
}

WireError Preparer::prepare_delete_container(const Context& context, JuteIn& body) {
  records::PathRequest request;
  body(request);
  if (!body.ok()) return WireError::marshalling_error;
  const auto node = pending_.find(request.path);
  if (paths::special(request.path)) return WireError::bad_arguments;
  if (!node) return WireError::no_node;
  if (node->child_count > 0) return WireError::not_empty;
  if (is_ephemeral(node->fields.owner, database_.extended_types())) return WireError::bad_version;
  pending_.remove(node, request.path, context.zxid);
  write(records::DeleteTxn{request.path});
  return WireError::ok;
}

WireError Preparer::prepare_set_data(const Context& context, JuteIn& body) {
  records::SetDataRequest request;
  body(request);
  if (!body.ok()) return WireError::marshalling_error;
  if (const auto err = check_session(context); err != WireError::ok) return err;
  if (!paths::valid(request.path)) return WireError::bad_arguments;
  const auto node = pending_.find(request.path);
  if (!node) return WireError::no_node;
  if (!allowed(context, Operation::set_data, request.path, perms::kWrite, node->acl))
    return WireError::no_auth;
  const auto growth = size_of(request.data) - std::max(node->data_length, 0);
  if (over_quota(request.path, growth, 0)) return WireError::quota_exceeded;
  if (!version_matches(request.version, node->fields.version)) return WireError::bad_version;
  const auto version = next_version(node->fields.version);
  pending_.set_data(node, request.path, request.data, version, context.zxid, context.time);
  write(records::SetDataTxn{request.path, request.data, version});
  return WireError::ok;
}

WireError Preparer::prepare_set_acl(const Context& context, JuteIn& body) {
  records::SetAclRequest request;
  body(request);
  if (!body.ok()) return WireError::marshalling_error;
  if (const auto err = check_session(context); err != WireError::ok) return err;
  if (!paths::valid(request.path)) return WireError::bad_arguments;
  if (const auto err = gate_.normalize(request.acl, context.subject, acl_bytes_left_, acl_);
      err != WireError::ok)
    return err;
  const auto node = pending_.find(request.path);
  if (!node) return WireError::no_node;
  if (!allowed(context, Operation::set_acl, request.path, perms::kAdmin, node->acl))
    return WireError::no_auth;
  if (!version_matches(request.version, node->fields.aversion)) return WireError::bad_version;
  const auto version = next_version(node->fields.aversion);
  const auto acl = database_.acls().acquire(acl_);
  pending_.set_acl(node, request.path, acl, version, context.zxid);
  database_.acls().release(acl);
  write(records::SetAclTxn{request.path, acl_, version});
  return WireError::ok;
}

WireError Preparer::prepare_check(const Context& context, JuteIn& body) {
  records::PathVersionRequest request;
  body(request);
  if (!body.ok()) return WireError::marshalling_error;
  if (const auto err = check_session(context); err != WireError::ok) return err;
  if (!paths::valid(request.path)) return WireError::bad_arguments;
  const auto node = pending_.find(request.path);
  if (!node) return WireError::no_node;
  if (!allowed(context, Operation::check, request.path, perms::kRead, node->acl))
    return WireError::no_auth;
  if (!version_matches(request.version, node->fields.version)) return WireError::bad_version;
  write(records::CheckVersionTxn{request.path, next_version(node->fields.version)});
  return WireError::ok;
}

// --- sessions -------------------------------------------------------------------------------------

WireError Preparer::prepare_create_session(const Context& context, JuteIn& body) {
  records::CreateSessionTxn request;
  body(request);
  if (!body.ok()) return WireError::marshalling_error;
  sessions_.track(context.request.session, request.timeout);
  sessions_.set_owner(context.request.session, context.request.owner);
  write(request);
  return WireError::ok;
}

/// Expiry that was decided before this term: since then the session has its full time again. What a
/// client closes comes through the server that owns the session.
bool Preparer::outdated_expiry(const Request& request) const {
  if (request.cxid != 0 || !request.client_address.empty()) return false;
  if (!sessions_.known(request.session) || sessions_.closing(request.session)) return false;
  return request.owner == rules_.self || sessions_.owner(request.session) != request.owner;
}

WireError Preparer::prepare_close_session(const Context& context) {
  if (outdated_expiry(context.request)) return WireError::session_moved;
  const auto paths = pending_.ephemerals(context.request.session);
  for (const auto& path : paths) pending_.remove(pending_.find(path), path, context.zxid);
  sessions_.mark_closing(context.request.session);
  // Applying it removes what the session owns, listed or not.
  records::CloseSessionTxn txn;
  if (bytes_of(paths) <= rules_.request_bytes_max) txn.paths = {paths.begin(), paths.end()};
  write(txn);
  return WireError::ok;
}

WireError Preparer::prepare_reconfig(JuteIn& body) const {
  records::ReconfigRequest request;
  body(request);
  if (!body.ok()) return WireError::marshalling_error;
  return rules_.reconfig_enabled ? WireError::unimplemented : WireError::reconfig_disabled;
}

// --- multi ----------------------------------------------------------------------------------------

WireError Preparer::prepare_multi(const Context& context) {
  if (!split_multi(context.request.body, writes_in_multi, parts_))
    return WireError::marshalling_error;
  auto part_context = context;
  part_context.in_multi = true;

  std::vector<std::pair<Op, std::string>> done;
  auto failed = WireError::ok;
  pending_.begin();
  for (const auto& part : parts_) {
    body_.clear();
    auto type = part.op;
    JuteIn in(part.body);
    if (failed != WireError::ok) {
      type = Op::error;
      write(records::ErrorTxn{static_cast<std::int32_t>(WireError::runtime_inconsistency)});
    } else if (const auto err = prepare_op(part_context, part.op, in, type); err != WireError::ok) {
      failed = err;
      type = Op::error;
      body_.clear();
      write(records::ErrorTxn{static_cast<std::int32_t>(err)});
    }
    done.emplace_back(type, body_);
  }
  if (failed == WireError::ok)
    pending_.commit();
  else
    pending_.rollback();
  if (failed == WireError::marshalling_error) return failed;  // Of the multi as a whole.

  body_.clear();
  records::MultiTxn txn;
  for (const auto& [type, body] : done) txn.txns.push_back({static_cast<std::int32_t>(type), body});
  write(txn);
  return WireError::ok;
}

}  // namespace vivarium
