#include "simulator/checks/model.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>

namespace vivarium::simulator {
namespace {

bool is_sequential(CreateFlag flag) {
  return flag == CreateFlag::persistent_sequential || flag == CreateFlag::ephemeral_sequential;
}

constexpr std::string_view kQuotas = "/zookeeper/quota";
constexpr std::string_view kLimits = "/zookeeper_limits";
constexpr std::string_view kUsed = "/zookeeper_stats";

/// Of "count=1,bytes=2=;byteHardLimit=3".
std::optional<std::int64_t> number_in(std::string_view text, std::string_view key) {
  const auto wanted = std::string(key) + "=";
  for (std::size_t at = 0; (at = text.find(wanted, at)) != text.npos; at += wanted.size()) {
    if (at > 0 && text[at - 1] != ',' && text[at - 1] != ';') continue;
    const auto digits = text.substr(at + wanted.size());
    std::int64_t value = -1;
    std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return value;
  }
  return std::nullopt;
}

std::string text_of(std::int64_t count, std::int64_t bytes) {
  return "count=" + std::to_string(count) + ",bytes=" + std::to_string(bytes);
}

bool matches(const client::Acl& entry, const Identities& who) {
  if (entry.scheme == "world") return true;
  return std::any_of(who.begin(), who.end(), [&](const Identity& identity) {
    return identity.scheme == entry.scheme && identity.id == entry.id;
  });
}

}  // namespace

bool allows(const AclEntries& acl, const Identities& who, std::int32_t permissions) {
  return acl.empty() || std::any_of(acl.begin(), acl.end(), [&](const client::Acl& entry) {
           return (entry.perms & permissions) != 0 && matches(entry, who);
         });
}

std::optional<AclEntries> stored_acl(const AclEntries& asked, const Identities& who) {
  AclEntries stored;
  for (const auto& entry : asked) {
    if (entry.scheme != "auth") {
      stored.push_back(entry);
      continue;
    }
    const auto before = stored.size();
    for (const auto& identity : who)
      if (identity.scheme == "digest") stored.push_back({entry.perms, identity.scheme, identity.id});
    if (stored.size() == before) return std::nullopt;
  }
  return stored.empty() ? std::nullopt : std::optional(stored);
}

AclEntries shown_acl(const AclEntries& acl, const Identities& who) {
  auto shown = acl.empty() ? AclEntries{{perms::kAll, "world", "anyone"}} : acl;
  if (allows(acl, who, perms::kAdmin)) return shown;
  for (auto& entry : shown)
    if (entry.scheme == "digest") entry.id = entry.id.substr(0, entry.id.find(':')) + ":x";
  return shown;
}

std::string parent_of(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == 0 ? "/" : std::string(path.substr(0, slash));
}

Model::Model() {
  nodes_["/"].children = {"zookeeper"};
  nodes_["/zookeeper"].children = {"config", "quota"};
  nodes_["/zookeeper/config"];
  nodes_["/zookeeper/quota"];
}

const Model::Node* Model::find(std::string_view path) const {
  const auto found = nodes_.find(path);
  return found == nodes_.end() ? nullptr : &found->second;
}

Stat Model::stat(const Node& node) const {
  Stat stat;
  stat.czxid = node.czxid;
  stat.mzxid = node.mzxid;
  stat.pzxid = node.pzxid;
  stat.ctime = node.ctime;
  stat.mtime = node.mtime;
  stat.version = node.version;
  stat.aversion = node.aversion;
  stat.num_children = static_cast<std::int32_t>(node.children.size());
  stat.cversion = 2 * node.creations - stat.num_children;
  stat.ephemeral_owner = node.owner;
  stat.data_length = static_cast<std::int32_t>(node.data.size());
  return stat;
}

const std::set<std::string>& Model::ephemerals(SessionId session) const {
  static const std::set<std::string> kNone;
  const auto found = sessions_.find(session.value);
  return found == sessions_.end() ? kNone : found->second;
}

std::string Model::name_of(const Write& write) const {
  if (!is_sequential(write.flag)) return write.path;
  const auto* parent = find(parent_of(write.path));
  char number[16];
  std::snprintf(number, sizeof number, "%010d", parent ? parent->creations : 0);
  return write.path + number;
}

// --- what is refused: section C.2, in its order ---------------------------------------------------

WireError Model::judge(const Write& write, const Asker& asker) const {
  switch (write.action) {
    case Action::create: return judge_create(write, asker);
    case Action::remove: return judge_removal(write, asker);
    case Action::set_acl: return judge_acl(write, asker);
    default: return judge_set(write, asker);
  }
}

WireError Model::judge_create(const Write& write, const Asker& asker) const {
  if (!stored_acl(write.acl, asker.who)) return WireError::invalid_acl;
  const auto* parent = find(parent_of(write.path));
  if (!parent) return WireError::no_node;
  if (!allows(parent->acl, asker.who, perms::kCreate)) return WireError::no_auth;
  const auto path = name_of(write);
  if (find(path)) return WireError::node_exists;
  if (parent->owner != 0) return WireError::no_children_for_ephemerals;
  const auto bytes = static_cast<std::int64_t>(write.data.size());
  return exceeds(path, asker.applied, bytes, 1) ? WireError::quota_exceeded : WireError::ok;
}

WireError Model::judge_removal(const Write& write, const Asker& asker) const {
  const auto* parent = find(parent_of(write.path));
  if (!parent) return WireError::no_node;
  if (!allows(parent->acl, asker.who, perms::kDelete)) return WireError::no_auth;
  const auto* node = find(write.path);
  if (!node) return WireError::no_node;
  if (write.version != -1 && write.version != node->version) return WireError::bad_version;
  return node->children.empty() ? WireError::ok : WireError::not_empty;
}

/// A set, or the check of a version.
WireError Model::judge_set(const Write& write, const Asker& asker) const {
  const auto* node = find(write.path);
  if (!node) return WireError::no_node;
  if (!allows(node->acl, asker.who, write.check ? perms::kRead : perms::kWrite))
    return WireError::no_auth;
  const auto growth =
      static_cast<std::int64_t>(write.data.size()) - static_cast<std::int64_t>(node->data.size());
  if (!write.check && exceeds(write.path, asker.applied, growth, 0)) return WireError::quota_exceeded;
  return write.version == -1 || write.version == node->version ? WireError::ok : WireError::bad_version;
}

WireError Model::judge_acl(const Write& write, const Asker& asker) const {
  if (!stored_acl(write.acl, asker.who)) return WireError::invalid_acl;
  const auto* node = find(write.path);
  if (!node) return WireError::no_node;
  if (!allows(node->acl, asker.who, perms::kAdmin)) return WireError::no_auth;
  return write.version == -1 || write.version == node->aversion ? WireError::ok : WireError::bad_version;
}

// --- the transactions ----------------------------------------------------------------------------

void Model::begin_session(const records::TxnHeader& header) { sessions_[header.client_id]; }

void Model::create(const records::TxnHeader& header, std::string_view path, std::string_view data,
                   const AclEntries& acl, bool ephemeral) {
  auto& node = nodes_[std::string(path)];
  node.data = data;
  node.acl = acl;
  node.czxid = node.mzxid = node.pzxid = header.zxid;
  node.ctime = node.mtime = header.time;
  if (ephemeral) {
    node.owner = header.client_id;
    sessions_[header.client_id].insert(std::string(path));
  }
  auto& parent = nodes_[parent_of(path)];
  parent.children.insert(std::string(path.substr(path.rfind('/') + 1)));
  parent.pzxid = header.zxid;
  ++parent.creations;
  note_quota_node(header, path);
  count(header, path, static_cast<std::int64_t>(data.size()), 1);
  changes_.push_back({{header.zxid}, EventType::created, std::string(path), acl});
  acl_changes_.push_back({{header.zxid}, std::string(path), acl});
  changes_.push_back({{header.zxid}, EventType::children_changed, parent_of(path), parent.acl});
}

void Model::remove(const records::TxnHeader& header, std::string_view path) {
  const auto found = nodes_.find(path);
  if (found == nodes_.end()) return;
  const auto node = found->second;
  if (node.owner != 0) sessions_[node.owner].erase(std::string(path));
  nodes_.erase(found);
  auto& parent = nodes_[parent_of(path)];
  parent.children.erase(std::string(path.substr(path.rfind('/') + 1)));
  parent.pzxid = header.zxid;
  note_quota_node(header, path);
  count(header, path, -static_cast<std::int64_t>(node.data.size()), -1);
  changes_.push_back({{header.zxid}, EventType::deleted, std::string(path), node.acl});
  acl_changes_.push_back({{header.zxid}, std::string(path), std::nullopt});
  changes_.push_back({{header.zxid}, EventType::children_changed, parent_of(path), parent.acl});
}

void Model::set(const records::TxnHeader& header, std::string_view path, std::string_view data,
                std::int32_t version) {
  auto& node = nodes_[std::string(path)];
  const auto before = static_cast<std::int64_t>(node.data.size());
  node.data = data;
  node.mzxid = header.zxid;
  node.mtime = header.time;
  node.version = version;
  note_quota_node(header, path);
  count(header, path, static_cast<std::int64_t>(data.size()) - before, 0);
  changes_.push_back({{header.zxid}, EventType::data_changed, std::string(path), node.acl});
}

void Model::set_acl(const records::TxnHeader& header, std::string_view path, const AclEntries& acl,
                    std::int32_t version) {
  auto& node = nodes_[std::string(path)];
  node.acl = acl;
  node.aversion = version;
  acl_changes_.push_back({{header.zxid}, std::string(path), acl});
}

void Model::end_session(const records::TxnHeader& header) {
  const auto owned = ephemerals({header.client_id});
  for (const auto& path : std::set<std::string>(owned)) remove(header, path);
  sessions_.erase(header.client_id);
}

// --- quotas: section B.13 -------------------------------------------------------------------------

const Model::Quota* Model::quota_at(std::string_view path, Zxid zxid) const {
  for (const auto& [subtree, changes] : quotas_) {
    const bool covers = path == subtree || path.starts_with(subtree + "/");
    if (!covers) continue;
    const auto after = std::upper_bound(changes.begin(), changes.end(), zxid,
                                        [](Zxid z, const QuotaChange& change) { return z < change.zxid; });
    if (after != changes.begin()) return &std::prev(after)->quota;
  }
  return nullptr;
}

bool Model::exceeds(std::string_view path, Zxid applied, std::int64_t bytes,
                    std::int64_t nodes) const {
  const auto* quota = quota_at(path, applied);
  if (!quota || !quota->limits || !quota->used) return false;
  const auto over = [](std::optional<std::int64_t> limit, std::int64_t value) {
    return limit && *limit > -1 && value > *limit;
  };
  const auto used = [&](std::string_view key) { return number_in(*quota->used, key).value_or(0); };
  return (nodes > 0 && over(number_in(*quota->limits, "countHardLimit"), used("count") + nodes)) ||
         (bytes != 0 && over(number_in(*quota->limits, "byteHardLimit"), used("bytes") + bytes));
}

/// Behind a change of this node: it may be one of the two of a quota.
void Model::note_quota_node(const records::TxnHeader& header, std::string_view path) {
  const bool limits = path.ends_with(kLimits);
  const bool used = path.ends_with(kUsed);
  if (!path.starts_with(kQuotas) || (!limits && !used)) return;
  const auto subtree =
      std::string(path.substr(kQuotas.size(), path.rfind('/') - kQuotas.size()));
  auto& changes = quotas_[subtree];
  auto quota = changes.empty() ? Quota{} : changes.back().quota;
  const auto* node = find(path);
  if (used && node && !quota.used) recount(subtree);
  (limits ? quota.limits : quota.used) = node ? std::optional(node->data) : std::nullopt;
  changes.push_back({{header.zxid}, std::move(quota)});
}

/// What is used is written into its node, without a transaction and without a trace in its Stat.
void Model::count(const records::TxnHeader& header, std::string_view path, std::int64_t bytes,
                  std::int64_t nodes) {
  const auto* now = quota_at(path, {header.zxid});
  if (!now || !now->limits || !now->used) return;
  auto quota = *now;
  quota.used = text_of(number_in(*quota.used, "count").value_or(0) + nodes,
                       number_in(*quota.used, "bytes").value_or(0) + bytes);
  for (auto& [subtree, changes] : quotas_)
    if (path == subtree || path.starts_with(subtree + "/")) {
      nodes_[std::string(kQuotas) + subtree + std::string(kUsed)].data = *quota.used;
      changes.push_back({{header.zxid}, std::move(quota)});
      return;
    }
}

void Model::recount(std::string_view subtree) {
  std::int64_t nodes = 0, bytes = 0;
  for (const auto& [path, node] : nodes_)
    if (path == subtree || path.starts_with(std::string(subtree) + "/")) {
      ++nodes;
      bytes += static_cast<std::int64_t>(node.data.size());
    }
  nodes_[std::string(kQuotas) + std::string(subtree) + std::string(kUsed)].data = text_of(nodes, bytes);
}

}  // namespace vivarium::simulator
