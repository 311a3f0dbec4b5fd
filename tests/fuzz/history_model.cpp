#include "tests/fuzz/history_model.hpp"

#include <array>
#include <vector>

#include <vivarium/assert.hpp>

#include "kernel/core/paths.hpp"

namespace vivarium::fuzz {
namespace {

const std::array<Identity, 1> kAllSeeing = {Identity{"super", ""}};

/// The next version; -1 is none.
std::int32_t next_version(std::int32_t version) {
  const auto next = static_cast<std::int32_t>(static_cast<std::uint32_t>(version) + 1);
  return next == -1 ? 0 : next;
}

bool may_all_read(const HistoryNode& node) {
  static const std::string kOpen = to_jute(AclList{{perms::kAll, "world", "anyone"}});
  return node.acl.empty() || node.acl == kOpen;
}

/// Its data are counted by the server, and logged by nobody.
bool is_counted(std::string_view path) {
  return path.starts_with("/zookeeper/quota/") && path.ends_with("/zookeeper_stats");
}

std::string text_of(Data data) { return data ? "'" + std::string(*data) + "'" : "null"; }

}  // namespace

HistoryModel::HistoryModel(const ServerView& view) : zxid_(view.last_applied().value) {
  learn(view, "/");
}

void HistoryModel::learn(const ServerView& view, const std::string& path) {
  const auto seen = view.node(path, {kAllSeeing}, {});
  VIVARIUM_ASSERT(seen, "a node that is listed is not there: " + path);
  const Stat& stat = seen->stat;
  HistoryNode& known = nodes_[path];
  known.data = seen->data;
  if (path == "/zookeeper/config") known.acl = to_jute(AclList{{perms::kRead, "world", "anyone"}});
  known.czxid = stat.czxid;
  known.mzxid = stat.mzxid;
  known.pzxid = stat.pzxid;
  known.ctime = stat.ctime;
  known.mtime = stat.mtime;
  known.version = stat.version;
  known.cversion = (stat.cversion + stat.num_children) / 2;
  known.aversion = stat.aversion;
  for (const auto& child : seen->children) learn(view, (path == "/" ? "/" : path + "/") + child.name);
}

HistoryNode& HistoryModel::node(std::string_view path) {
  const auto found = nodes_.find(path);
  VIVARIUM_ASSERT(found != nodes_.end(), "a transaction on no node: " + std::string(path));
  changed_.emplace(path);
  return found->second;
}

void HistoryModel::tell(Events& events, std::string_view path, const HistoryNode& seen_by) {
  auto& last = events[std::string(path)];
  (may_all_read(seen_by) ? last.heard : last.unheard) = zxid_;
}

std::set<std::string> HistoryModel::children_of(std::string_view path) const {
  std::set<std::string> names;
  const std::string below = path == "/" ? "/" : std::string(path) + "/";
  for (auto at = nodes_.upper_bound(below); at != nodes_.end() && at->first.starts_with(below);
       ++at)
    if (at->first.find('/', below.size()) == std::string::npos)
      names.insert(at->first.substr(below.size()));
  return names;
}

// --- transactions --------------------------------------------------------------------------------

void HistoryModel::apply(const LogEntry& entry) {
  JuteIn in(entry.payload.view());
  records::TxnHeader header;
  in(header);
  VIVARIUM_ASSERT(in.ok() && header.zxid == entry.zxid.value, "an entry of another zxid");
  VIVARIUM_ASSERT(header.zxid == zxid_ + 1, "a zxid is left out, or taken twice");
  zxid_ = header.zxid;
  session_ = header.client_id;
  time_ = header.time;
  const auto err = apply_one(static_cast<Op>(header.type), in);
  VIVARIUM_ASSERT(in.ok(), "a transaction that cannot be read");
  outcomes_[{session_, header.cxid}] = {zxid_, err};
}

WireError HistoryModel::apply_one(Op type, JuteIn& body) {
  const auto read = [&body](auto txn) {
    body(txn);
    return txn;
  };
  switch (type) {
  case Op::create:
  case Op::create2: {
    const auto txn = read(records::CreateTxn());
    create(txn, txn.ephemeral ? session_ : 0, false);
    break;
  }
  case Op::create_container: create(read(records::CreateContainerTxn()), 0, true); break;
  case Op::create_ttl: create(read(records::CreateTtlTxn()), 0, true); break;
  case Op::remove: remove(read(records::DeleteTxn()).path, false); break;
  case Op::delete_container: remove(read(records::DeleteTxn()).path, true); break;
  case Op::set_data: set_data(read(records::SetDataTxn())); break;
  case Op::set_acl: set_acl(read(records::SetAclTxn())); break;
  case Op::check: node(read(records::CheckVersionTxn()).path); break;
  case Op::create_session:
    read(records::CreateSessionTxn());
    VIVARIUM_ASSERT(sessions_.insert(session_).second, "a session is created twice");
    break;
  case Op::close_session: close_session(body); break;
  case Op::error: return static_cast<WireError>(read(records::ErrorTxn()).err);
  case Op::multi: return apply_multi(body);
  default: VIVARIUM_ASSERT(false, "a transaction that nobody asks for");
  }
  return WireError::ok;
}

/// All of it or nothing. The client is told by the parts, so the whole is ok.
WireError HistoryModel::apply_multi(JuteIn& body) {
  records::MultiTxn multi;
  body(multi);
  std::size_t errors = 0;
  for (const auto& part : multi.txns) errors += part.type == static_cast<std::int32_t>(Op::error);
  for (const auto& part : multi.txns) {
    JuteIn in(part.data);
    if (errors == 0) apply_one(static_cast<Op>(part.type), in);
    VIVARIUM_ASSERT(in.ok(), "a part of a multi that cannot be read");
    VIVARIUM_ASSERT(errors > 0 || in.rest().empty(), "a part of a multi with more behind it");
  }
  return WireError::ok;
}

template <class Txn>
void HistoryModel::create(const Txn& txn, std::int64_t owner, bool may_be_reaped) {
  VIVARIUM_ASSERT(paths::valid(txn.path), "a node of an impossible path");
  VIVARIUM_ASSERT(!nodes_.contains(txn.path), "a node is created twice");
  VIVARIUM_ASSERT(!txn.acl.empty(), "a node without an ACL");
  VIVARIUM_ASSERT(owner == 0 || sessions_.contains(owner), "an ephemeral of no session");
  auto& parent = node(paths::parent(txn.path));
  VIVARIUM_ASSERT(parent.owner == 0, "a child of an ephemeral");
  VIVARIUM_ASSERT(txn.parent_cversion == parent.cversion + 1, "creates were miscounted");
  parent.cversion = txn.parent_cversion;
  parent.pzxid = zxid_;
  tell(child_events_, paths::parent(txn.path), parent);

  auto& made = nodes_[std::string(txn.path)];
  if (txn.data) made.data = std::string(*txn.data);
  made.acl = to_jute(txn.acl);
  made.owner = owner;
  made.may_be_reaped = may_be_reaped;
  made.czxid = made.mzxid = made.pzxid = zxid_;
  made.ctime = made.mtime = time_;
  changed_.emplace(txn.path);
  tell(data_events_, txn.path, made);
}

void HistoryModel::remove(std::string_view path, bool by_reaper) {
  const auto gone = node(path);
  VIVARIUM_ASSERT(!paths::special(path), "a node is removed that every server has");
  VIVARIUM_ASSERT(children_of(path).empty(), "a node is removed, and its children stay");
  VIVARIUM_ASSERT(!by_reaper || gone.may_be_reaped, "a node is removed that nobody let go");
  const auto& parent = nodes_.find(paths::parent(path))->second;
  tell(data_events_, path, gone);
  tell(child_events_, path, gone);
  tell(child_events_, paths::parent(path), parent);
  nodes_.erase(nodes_.find(path));
  node(paths::parent(path)).pzxid = zxid_;
}

void HistoryModel::set_data(const records::SetDataTxn& txn) {
  auto& changed = node(txn.path);
  VIVARIUM_ASSERT(txn.version == next_version(changed.version), "versions were miscounted");
  changed.data = txn.data ? std::optional(std::string(*txn.data)) : std::nullopt;
  changed.version = txn.version;
  changed.mzxid = zxid_;
  changed.mtime = time_;
  tell(data_events_, txn.path, changed);
}

void HistoryModel::set_acl(const records::SetAclTxn& txn) {
  auto& changed = node(txn.path);
  VIVARIUM_ASSERT(txn.version == next_version(changed.aversion), "ACL versions were miscounted");
  VIVARIUM_ASSERT(!txn.acl.empty(), "an ACL becomes empty");
  changed.acl = to_jute(txn.acl);
  changed.aversion = txn.version;
}

/// What the transaction lists, if anything, is what the session owns.
void HistoryModel::close_session(JuteIn& body) {
  records::CloseSessionTxn txn;
  body(txn);
  std::set<std::string> owned;
  for (const auto& [path, known] : nodes_)
    if (known.owner != 0 && known.owner == session_) owned.insert(path);
  const std::set<std::string> listed(txn.paths.begin(), txn.paths.end());
  VIVARIUM_ASSERT(listed.empty() || listed == owned, "a session ends, and others' nodes with it");
  for (const auto& path : owned) remove(path, false);
  sessions_.erase(session_);
}

// --- questions -----------------------------------------------------------------------------------

const HistoryModel::Outcome* HistoryModel::outcome(std::int64_t session, std::int32_t cxid) const {
  const auto found = outcomes_.find({session, cxid});
  return found == outcomes_.end() ? nullptr : &found->second;
}

bool HistoryModel::fires(const Events& events, std::string_view path, std::int64_t since) {
  const auto found = events.find(path);
  return found != events.end() && found->second.heard > since && found->second.unheard <= since;
}

bool HistoryModel::fires_data_watch(std::string_view path, std::int64_t since) const {
  return fires(data_events_, path, since);
}

bool HistoryModel::fires_child_watch(std::string_view path, std::int64_t since) const {
  return fires(child_events_, path, since);
}

Stat HistoryModel::stat_of(std::string_view path) const {
  const auto& known = nodes_.find(path)->second;
  Stat stat;
  stat.czxid = known.czxid;
  stat.mzxid = known.mzxid;
  stat.pzxid = known.pzxid;
  stat.ctime = known.ctime;
  stat.mtime = known.mtime;
  stat.version = known.version;
  stat.aversion = known.aversion;
  stat.num_children = static_cast<std::int32_t>(children_of(path).size());
  stat.cversion = 2 * known.cversion - stat.num_children;
  stat.ephemeral_owner = known.owner;
  stat.data_length = static_cast<std::int32_t>(known.data.value_or("").size());
  return stat;
}

void HistoryModel::check_view(const ServerView& view, const std::string& path) const {
  auto seen = view.node(path, {kAllSeeing}, {});
  const auto found = nodes_.find(path);
  VIVARIUM_ASSERT(seen.has_value() == (found != nodes_.end()),
                  path + (seen ? " is there and was removed" : " is not there"));
  if (!seen) return;
  const HistoryNode& known = found->second;
  auto stat = stat_of(path);
  if (known.may_be_reaped) stat.ephemeral_owner = seen->stat.ephemeral_owner;
  if (is_counted(path)) stat.data_length = seen->stat.data_length;
  VIVARIUM_ASSERT(seen->stat == stat, path + " has another stat");
  VIVARIUM_ASSERT(is_counted(path) || seen->data == known.data.value_or(""),
                  path + " has the data '" + seen->data + "', not " + text_of(known.data));
  std::set<std::string> children;
  for (const auto& child : seen->children) children.insert(child.name);
  VIVARIUM_ASSERT(children == children_of(path), path + " has other children");
}

void HistoryModel::check_changed(const ServerView& view) {
  for (const auto& path : changed_) check_view(view, path);
  changed_.clear();
}

void HistoryModel::check_all(const ServerView& view) const {
  for (const auto& [path, known] : nodes_) {
    check_view(view, path);
    VIVARIUM_ASSERT(known.owner == 0 || sessions_.contains(known.owner),
                    path + " has outlived its session");
  }
  VIVARIUM_ASSERT(static_cast<std::size_t>(view.node_count()) == nodes_.size(),
                  "there are nodes that nobody created");
}

}  // namespace vivarium::fuzz
