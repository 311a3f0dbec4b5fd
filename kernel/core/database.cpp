#include "kernel/core/database.hpp"

#include "kernel/core/paths.hpp"
#include "kernel/core/znode_block.hpp"

#include <vivarium/assert.hpp>

#include <algorithm>
#include <type_traits>

namespace vivarium {
namespace {

constexpr std::uint64_t kTtlTop = 0xFF00000000000000;
constexpr std::uint64_t kTtlBits = 0x000000FFFFFFFFFF;

/// As Java adds: a client may write any number into a quota's node.
template <class Integer>
Integer wrapped_sum(Integer a, std::type_identity_t<Integer> b) {
  using Unsigned = std::make_unsigned_t<Integer>;
  return static_cast<Integer>(static_cast<Unsigned>(a) + static_cast<Unsigned>(b));
}

std::int64_t size_of(Data data) { return data ? static_cast<std::int64_t>(data->size()) : 0; }

constexpr AclEntry kWorldRead{perms::kRead, "world", "anyone"};

}  // namespace

void take_close_list(JuteIn& body, records::CloseSessionTxn& close) {
  JuteIn attempt(body.rest());
  attempt(close);
  const auto left = attempt.rest().size();
  const bool all_paths = std::all_of(close.paths.begin(), close.paths.end(),
                                     [](std::string_view path) { return path.starts_with('/'); });
  if (attempt.ok() && all_paths && (left == 0 || left == 12))
    body.seat(attempt.rest());
  else
    close.paths.clear();
}

void take_create(JuteIn& body, records::CreateTxn& create) {
  const auto whole = body.rest();
  body(create);
  if (body.ok()) return;
  body.seat(whole);
  body(create.path, create.data, create.acl, create.ephemeral);
  create.parent_cversion = -1;
  if (!body.rest().empty()) body.fail();
}

bool is_ephemeral(std::int64_t owner, bool extended_types) {
  return owner != owners::kNone && owner != owners::kContainer && !ttl_of(owner, extended_types);
}

std::optional<std::int64_t> ttl_of(std::int64_t owner, bool extended_types) {
  const auto bits = static_cast<std::uint64_t>(owner);
  if (!extended_types || (bits & kTtlTop) != kTtlTop) return std::nullopt;
  return static_cast<std::int64_t>(bits & kTtlBits);
}

std::int64_t ttl_owner(std::int64_t ttl_ms) {
  return static_cast<std::int64_t>(kTtlTop | static_cast<std::uint64_t>(ttl_ms));
}

/// What the header of an entry says to all its parts.
struct Database::Context {
  SessionId session;
  Zxid zxid;
  std::int64_t time;
  TreeEvents* events;
};

Database::Database(std::uint64_t seed) : tree_(acls_, seed) {
  NewZnode builtin;
  builtin.data = "";
  tree_.add(paths::kZooKeeper, builtin);
  tree_.add(paths::kQuota, builtin);
  builtin.acl = acls_.acquire(std::span(&kWorldRead, 1));
  builtin.aversion = -1;
  tree_.add(paths::kConfig, builtin);
}

const AppliedEntry& Database::apply(const LogEntry& entry, TreeEvents* events, DigestCheck check) {
  auto& out = result_;
  out.outcome = {};
  out.parts.clear();
  out.malformed = out.digest_differs = false;
  in_.seat(entry.payload.view());
  in_(out.header);
  const Context context{{out.header.client_id}, entry.zxid, out.header.time, events};
  const auto type = static_cast<Op>(out.header.type);
  if (type == Op::multi)
    apply_multi(context, in_, out);
  else
    apply_one(context, type, in_, out.outcome);
  out.malformed = !in_.ok();
  if (entry.zxid > last_applied_) last_applied_ = entry.zxid;
  check_digest(in_, check, out);
  return out;
}

void Database::check_digest(JuteIn& body, DigestCheck check, AppliedEntry& out) {
  constexpr std::size_t kDigestBytes = 12;
  const std::size_t bytes = body.rest().size();
  if (check == DigestCheck::ignore || !body.ok() || bytes == 0) return;
  // Nothing else stands behind a transaction: a length in it has changed, and hides the digest.
  out.digest_differs = bytes != kDigestBytes;
  if (out.digest_differs) return;
  records::TxnDigest digest;
  body(digest);
  out.digest_differs =
      digest.version == 2 && static_cast<std::uint64_t>(digest.tree_digest) != tree_.digest();
}

void Database::apply_one(const Context& context, Op type, JuteIn& body, Applied& out) {
  out.type = type;
  switch (type) {
    case Op::create:
    case Op::create2:
    case Op::create_container:
    case Op::create_ttl:
      return apply_create(context, type, body, out);
    case Op::remove:
    case Op::delete_container: {
      records::DeleteTxn txn;
      body(txn);
      if (body.ok()) remove(context, txn.path, out);
      return;
    }
    case Op::set_data:
    case Op::reconfig:
      return set_data(context, body, out);
    case Op::set_acl:
      return set_acl(context, body, out);
    case Op::check: {
      records::CheckVersionTxn txn;
      body(txn);
      out.path = txn.path;
      return;
    }
    case Op::create_session: {
      records::CreateSessionTxn txn;
      body(txn);
      if (body.ok()) sessions_[context.session] = txn.timeout;
      return;
    }
    case Op::close_session:
      return close_session(context, body);
    case Op::error: {
      records::ErrorTxn txn;
      body(txn);
      out.err = static_cast<WireError>(txn.err);
      return;
    }
    default:
      body.fail();
  }
}

void Database::apply_multi(const Context& context, JuteIn& body, AppliedEntry& out) {
  out.outcome.type = Op::multi;
  body(multi_);
  if (!body.ok()) return;
  const bool failed = std::any_of(multi_.txns.begin(), multi_.txns.end(), [](const auto& txn) {
    return static_cast<Op>(txn.type) == Op::error;
  });
  for (const auto& txn : multi_.txns) {
    auto& part = out.parts.emplace_back();
    part_in_.seat(txn.data);
    const auto type = static_cast<Op>(txn.type);
    if (!failed || type == Op::error)
      apply_one(context, type, part_in_, part);
    else
      part.type = Op::error;  // A part before the one that failed: reported as ok, and not done.
    if (!part_in_.ok()) body.fail();
    if (out.outcome.err == WireError::ok) out.outcome.err = part.err;
  }
}

void Database::apply_create(const Context& context, Op type, JuteIn& body, Applied& out) {
  auto& txn = create_ttl_;
  std::int64_t owner = owners::kNone;
  if (type == Op::create_ttl) {
    body(txn);
    owner = ttl_owner(txn.ttl);
  } else if (type == Op::create_container) {
    body(create_container_);
    std::swap(txn.acl, create_container_.acl);
    txn.path = create_container_.path;
    txn.data = create_container_.data;
    txn.parent_cversion = create_container_.parent_cversion;
    owner = owners::kContainer;
  } else {
    take_create(body, create_);
    std::swap(txn.acl, create_.acl);
    txn.path = create_.path;
    txn.data = create_.data;
    txn.parent_cversion = create_.parent_cversion;
    if (create_.ephemeral) owner = context.session.value;
  }
  // Nobody logs another path; a node of one could be neither found again nor loaded.
  if (!paths::valid(txn.path) || txn.path == "/" || paths::name(txn.path).size() > kNameBytesMax)
    body.fail();
  if (body.ok()) create(context, type, txn, owner, out);
}

void Database::create(const Context& context, Op type, const records::CreateTtlTxn& txn,
                      std::int64_t owner, Applied& out) {
  out.path = txn.path;
  const auto parent_path = paths::parent(txn.path);
  const auto* parent = tree_.find(parent_path);
  if (!parent) {
    out.err = WireError::no_node;
    return;
  }
  const auto parent_acl = parent->acl;
  const auto cversion =
      txn.parent_cversion == -1 ? wrapped_sum(parent->cversion(), 1) : txn.parent_cversion;
  const bool newer = cversion > parent->cversion();
  if (const auto* there = tree_.child(*parent, paths::name(txn.path))) {
    // Only on replay over a fuzzy snapshot; the node may carry a list that the snapshot lacks.
    tree_.set_acl(txn.path, acls_.acquire(txn.acl), there->aversion);
    if (newer && type == Op::create) tree_.touch_parent(parent_path, cversion, context.zxid.value);
    out.err = WireError::node_exists;
    return;
  }
  NewZnode node;
  node.data = txn.data;
  node.acl = acls_.acquire(txn.acl);
  node.owner = owner;
  node.czxid = node.mzxid = node.pzxid = context.zxid.value;
  node.ctime = node.mtime = context.time;
  const auto& made =
      tree_.add_below(*parent, txn.path, node, newer ? std::optional(cversion) : std::nullopt);
  out.stat = stat_of(made);
  index(txn.path, owner);
  if (const auto limited = Quotas::limited_by(txn.path)) quotas_.add(*limited);
  if (const auto counted = Quotas::counted_by(txn.path)) recount_quota(*counted);
  count_in_quota(txn.path, size_of(txn.data), 1);
  if (!context.events) return;
  context.events->on_written(txn.path, txn.data.value_or("").size());
  context.events->on_created(txn.path, context.zxid, node.acl, parent_acl);
}

void Database::remove(const Context& context, std::string_view path, Applied& out) {
  out.path = path;
  const auto parent_path = paths::parent(path);
  const auto* parent = tree_.find(parent_path);
  if (parent) tree_.touch_parent(parent_path, std::nullopt, context.zxid.value);
  const auto* node = tree_.find(path);
  if (!node) {
    out.err = WireError::no_node;
    return;
  }
  // Neither can be, in a log that any server wrote.
  if (node->child_count() > 0 || paths::special(path)) {
    out.err = WireError::not_empty;
    return;
  }
  const auto acl = node->acl;
  const auto parent_acl = tree_.find(parent_path)->acl;
  const auto owner = node->owner();
  const auto bytes = size_of(node->data());
  acls_.acquire(acl);  // Until the watchers have been told.
  tree_.remove(path);
  unindex(path, owner);
  if (const auto limited = Quotas::limited_by(path)) quotas_.remove(*limited);
  count_in_quota(path, -bytes, -1);
  if (context.events) {
    context.events->on_written(path, 0);
    context.events->on_deleted(path, context.zxid, acl, parent_acl);
  }
  acls_.release(acl);
}

void Database::set_data(const Context& context, JuteIn& body, Applied& out) {
  records::SetDataTxn txn;
  body(txn);
  if (!body.ok()) return;
  out.path = txn.path;
  const auto bytes_before = tree_.data_bytes();
  const auto* changed =
      tree_.set_data(txn.path, txn.data, txn.version, context.zxid.value, context.time);
  if (!changed) {
    out.err = WireError::no_node;
    return;
  }
  const auto acl = changed->acl;
  out.stat = stat_of(*changed);
  count_in_quota(txn.path, tree_.data_bytes() - bytes_before, 0);
  if (!context.events) return;
  context.events->on_written(txn.path, txn.data.value_or("").size());
  context.events->on_data_changed(txn.path, context.zxid, acl);
}

void Database::set_acl(const Context&, JuteIn& body, Applied& out) {
  body(set_acl_);
  if (!body.ok()) return;
  out.path = set_acl_.path;
  if (!tree_.find(set_acl_.path)) {
    out.err = WireError::no_node;
    return;
  }
  tree_.set_acl(set_acl_.path, acls_.acquire(set_acl_.acl), set_acl_.version);
  out.stat = stat_of(*tree_.find(set_acl_.path));
}

void Database::close_session(const Context& context, JuteIn& body) {
  if (!body.ok()) return;
  take_close_list(body, close_);
  Applied ignored;
  for (const auto path : close_.paths) remove(context, path, ignored);
  if (const auto found = ephemerals_.find(context.session); found != ephemerals_.end()) {
    const auto left = found->second;  // A copy: remove() edits the set.
    for (const auto& path : left) remove(context, path, ignored);
  }
  sessions_.erase(context.session);
}

Stat Database::stat_of(const Znode& node) const {
  auto stat = Tree::stat_of(node);
  stat.ephemeral_owner = is_ephemeral(node.owner(), extended_types_) ? node.owner() : 0;
  return stat;
}

const std::set<std::string, std::less<>>* Database::ephemerals(SessionId session) const {
  const auto found = ephemerals_.find(session);
  return found == ephemerals_.end() ? nullptr : &found->second;
}

std::vector<SessionId> Database::dead_owners() const {
  std::vector<SessionId> dead;
  for (const auto& [session, paths] : ephemerals_)
    if (!sessions_.contains(session)) dead.push_back(session);
  return dead;
}

void Database::index(std::string_view path, std::int64_t owner) {
  if (owner == owners::kNone) return;
  if (owner == owners::kContainer) {
    containers_.emplace(path);
  } else if (ttl_of(owner, extended_types_)) {
    ttls_.emplace(path);
  } else {
    ephemerals_[{owner}].emplace(path);
    ++ephemeral_count_;
  }
}

void Database::unindex(std::string_view path, std::int64_t owner) {
  if (owner == owners::kNone) return;
  const auto erase = [&](auto& set) {
    if (const auto found = set.find(path); found != set.end()) set.erase(found);
  };
  if (owner == owners::kContainer) return erase(containers_);
  if (ttl_of(owner, extended_types_)) return erase(ttls_);
  const auto found = ephemerals_.find({owner});
  if (found == ephemerals_.end()) return;
  erase(found->second);
  --ephemeral_count_;
  if (found->second.empty()) ephemerals_.erase(found);
}

void Database::count_in_quota(std::string_view path, std::int64_t bytes, std::int64_t nodes) {
  const auto subtree = quotas_.covering(path);
  if (subtree.empty() || (bytes == 0 && nodes == 0)) return;
  const auto statistics = Quotas::statistics_node(subtree);
  const auto* node = tree_.find(statistics);
  if (!node) return;
  auto quota = QuotaText::parse(node->data().value_or(""));
  quota.bytes = wrapped_sum(quota.bytes, bytes);
  quota.count = wrapped_sum(quota.count, nodes);
  tree_.replace_data(statistics, quota.text());
}

void Database::recount_quotas() {
  for (const auto& subtree : quotas_.subtrees())
    if (tree_.find(Quotas::statistics_node(subtree))) recount_quota(subtree);
}

void Database::recount_quota(std::string_view subtree) {
  QuotaText quota;
  quota.count = quota.bytes = 0;
  if (tree_.find(subtree.empty() ? "/" : subtree))
    tree_.visit(subtree.empty() ? "/" : subtree, [&](std::string_view, const Znode& node) {
      ++quota.count;
      quota.bytes += size_of(node.data());
    });
  tree_.replace_data(Quotas::statistics_node(subtree), quota.text());
}

bool Database::quota_exceeded(std::string_view path, std::int64_t bytes, std::int64_t nodes) const {
  const auto subtree = quotas_.covering(path);
  if (subtree.empty()) return false;
  const auto* limits_node = tree_.find(Quotas::limits_node(subtree));
  const auto* statistics_node = tree_.find(Quotas::statistics_node(subtree));
  if (!limits_node || !statistics_node) return false;
  const auto limits = QuotaText::parse(limits_node->data().value_or(""));
  const auto used = QuotaText::parse(statistics_node->data().value_or(""));
  const auto over = [](std::optional<std::int64_t> limit, std::int64_t value) {
    return limit.value_or(-1) > -1 && value > *limit;
  };
  return (nodes > 0 && over(limits.count_hard_limit, wrapped_sum(used.count, nodes))) ||
         (bytes != 0 && over(limits.byte_hard_limit, wrapped_sum(used.bytes, bytes)));
}

void Database::set_config(std::string_view text, Zxid version, std::int64_t wall_ms) {
  const auto* const changed = tree_.set_data(paths::kConfig, text, -1, version.value, wall_ms);
  VIVARIUM_ASSERT(changed, "a tree without its built-in nodes");
}

}  // namespace vivarium
