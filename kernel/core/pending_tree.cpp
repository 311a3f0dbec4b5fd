#include "kernel/core/pending_tree.hpp"

#include "kernel/core/paths.hpp"

#include <vivarium/assert.hpp>

#include <algorithm>
#include <set>

namespace vivarium {

PendingNode PendingTree::from_tree(const Znode& node) {
  PendingNode pending;
  pending.exists = true;
  pending.fields = {node.czxid,   node.mzxid,      node.pzxid(),  node.ctime,  node.mtime,
                    node.version, node.cversion(), node.aversion, node.owner()};
  pending.crc = node.crc;
  pending.child_count = node.child_count();
  pending.data_length = node.data_length;
  pending.acl = node.acl;
  return pending;
}

std::optional<PendingNode> PendingTree::find(std::string_view path) const {
  if (!nodes_.empty()) {
    const auto entry = nodes_.find(path);
    if (entry != nodes_.end())
      return entry->second.node.exists ? std::optional(entry->second.node) : std::nullopt;
  }
  const auto* node = database_.tree().find(path);
  return node ? std::optional(from_tree(*node)) : std::nullopt;
}

std::vector<std::string> PendingTree::ephemerals(SessionId session) const {
  std::set<std::string, std::less<>> paths;
  if (const auto* applied = database_.ephemerals(session)) paths = *applied;
  if (const auto changed = owned_.find(session); changed != owned_.end()) {
    for (const auto& path : changed->second) {
      const auto node = find(path);
      if (node && node->fields.owner == session.value)
        paths.insert(path);
      else
        paths.erase(path);
    }
  }
  return {paths.begin(), paths.end()};
}

PendingTree::Entry& PendingTree::edit(std::string_view path, Zxid zxid) {
  auto found = nodes_.find(path);
  const bool known = found != nodes_.end();
  if (!known) {
    found = nodes_.emplace(std::string(path), Entry()).first;
    if (const auto* node = database_.tree().find(path)) {
      found->second.node = from_tree(*node);
      database_.acls().acquire(node->acl);
    }
  }
  auto& entry = found->second;
  if (undo_) undo_->before.emplace_back(found->first, known ? std::optional(entry) : std::nullopt);
  if (undo_ && known) database_.acls().acquire(entry.node.acl);  // Held by the undo record.
  if (entry.node.exists && counts_in_digest(path))
    difference_ -= node_digest(entry.node.crc, entry.node.fields);
  if (entry.changed != zxid) changes_.push_back({zxid, &found->first});
  entry.changed = zxid;
  return entry;
}

void PendingTree::put_back(std::string_view path, const Entry& entry) {
  if (entry.node.exists && counts_in_digest(path))
    difference_ += node_digest(entry.node.crc, entry.node.fields);
}

void PendingTree::create(std::string_view path, Data data, AclNumber acl, std::int64_t owner,
                         std::int32_t parent_cversion, Zxid zxid, std::int64_t time) {
  const auto parent_path = paths::parent(path);
  auto& parent = edit(parent_path, zxid);
  ++parent.node.child_count;
  if (parent_cversion > parent.node.fields.cversion) {
    parent.node.fields.cversion = parent_cversion;
    parent.node.fields.pzxid = zxid.value;
  }
  put_back(parent_path, parent);

  auto& entry = edit(path, zxid);
  database_.acls().acquire(acl);
  database_.acls().release(entry.node.acl);
  entry.node = {true,
                {zxid.value, zxid.value, zxid.value, time, time, 0, 0, 0, owner},
                crc_of(path, data),
                0,
                data ? static_cast<std::int32_t>(data->size()) : -1,
                acl};
  put_back(path, entry);
  note_owner(owner, path, zxid);
}

void PendingTree::remove(std::string_view path, Zxid zxid) {
  const auto parent_path = paths::parent(path);
  auto& parent = edit(parent_path, zxid);
  --parent.node.child_count;
  parent.node.fields.pzxid = std::max(parent.node.fields.pzxid, zxid.value);
  put_back(parent_path, parent);

  auto& entry = edit(path, zxid);
  note_owner(entry.node.fields.owner, path, zxid);
  database_.acls().release(entry.node.acl);
  entry.node = {};
}

void PendingTree::note_owner(std::int64_t owner, std::string_view path, Zxid zxid) {
  if (owner == owners::kNone || owner == owners::kContainer) return;
  owned_changes_.push_back({zxid, {owner}, std::string(path)});
  owned_[{owner}].emplace(path);
}

void PendingTree::forget_owner(const OwnedChange& change) {
  const auto owned = owned_.find(change.session);
  owned->second.erase(owned->second.find(change.path));
  if (owned->second.empty()) owned_.erase(owned);
}

void PendingTree::set_data(std::string_view path, Data data, std::int32_t version, Zxid zxid,
                           std::int64_t time) {
  auto& entry = edit(path, zxid);
  entry.node.crc = crc_of(path, data);
  entry.node.data_length = data ? static_cast<std::int32_t>(data->size()) : -1;
  entry.node.fields.version = version;
  entry.node.fields.mzxid = zxid.value;
  entry.node.fields.mtime = time;
  put_back(path, entry);
}

void PendingTree::set_acl(std::string_view path, AclNumber acl, std::int32_t aversion, Zxid zxid) {
  auto& entry = edit(path, zxid);
  database_.acls().acquire(acl);
  database_.acls().release(entry.node.acl);
  entry.node.acl = acl;
  entry.node.fields.aversion = aversion;
  put_back(path, entry);
}

void PendingTree::begin() { undo_ = Undo{{}, changes_.size(), owned_changes_.size(), difference_}; }

void PendingTree::commit() {
  for (const auto& [path, entry] : undo_->before)
    if (entry) database_.acls().release(entry->node.acl);
  undo_.reset();
}

void PendingTree::rollback() {
  auto undo = std::move(*undo_);
  undo_.reset();
  while (changes_.size() > undo.changes) changes_.pop_back();
  while (owned_changes_.size() > undo.owned_changes) {
    forget_owner(owned_changes_.back());
    owned_changes_.pop_back();
  }
  for (auto record = undo.before.rbegin(); record != undo.before.rend(); ++record) {
    const auto entry = nodes_.find(record->first);
    database_.acls().release(entry->second.node.acl);
    if (record->second)
      entry->second = *record->second;
    else
      nodes_.erase(entry);
  }
  difference_ = undo.difference;
}

void PendingTree::settle(Zxid zxid, std::uint64_t digest_before, std::uint64_t digest_after) {
  difference_ -= digest_after - digest_before;
  while (!changes_.empty() && changes_.front().zxid <= zxid) {
    const auto change = changes_.front();
    changes_.pop_front();
    const auto entry = nodes_.find(*change.path);
    if (entry->second.changed == change.zxid) erase(entry);
  }
  while (!owned_changes_.empty() && owned_changes_.front().zxid <= zxid) {
    forget_owner(owned_changes_.front());
    owned_changes_.pop_front();
  }
  if (changes_.empty()) {
    VIVARIUM_ASSERT(difference_ == 0, "the tree is not what was prepared");
  }
}

void PendingTree::erase(Nodes::iterator entry) {
  database_.acls().release(entry->second.node.acl);
  nodes_.erase(entry);
}

void PendingTree::discard() {
  while (!nodes_.empty()) erase(nodes_.begin());
  changes_.clear();
  owned_changes_.clear();
  owned_.clear();
  difference_ = 0;
}

}  // namespace vivarium
