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

PendingTree::Found PendingTree::find(std::string_view path) const {
  Found found;
  found.touched_ = touched(path);
  if (found.touched_)
    found.node_ = found.touched_->second.node;
  else if (const auto* node = database_.tree().find(path))
    found.node_ = from_tree(*node);
  return found;
}

bool PendingTree::exists(std::string_view path) const {
  const auto* const pending = touched(path);
  return pending ? pending->second.node.exists : database_.exists(path);
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

PendingTree::Node* PendingTree::touched(std::string_view path) const {
  if (last_parent_ && last_parent_->first == path) return last_parent_;
  if (nodes_.empty()) return nullptr;
  const auto found = nodes_.find(path);
  return found == nodes_.end() ? nullptr : const_cast<Node*>(&*found);  // Ours, as all entries are.
}

PendingTree::Node& PendingTree::edit(const Found& node, std::string_view path, Zxid zxid) {
  if (node.touched_) return change(*node.touched_, true, zxid);
  auto& entry = *nodes_.emplace(std::string(path), Entry{node.node_, {}}).first;
  database_.acls().acquire(node->acl);
  return change(entry, false, zxid);
}

PendingTree::Entry& PendingTree::edit_parent(const Found& parent, std::string_view path, Zxid zxid) {
  last_parent_ = &edit(parent, path, zxid);
  return last_parent_->second;
}

PendingTree::Entry& PendingTree::edit_absent(std::string_view path, Zxid zxid) {
  const auto [entry, is_new] = nodes_.try_emplace(std::string(path));
  return change(*entry, !is_new, zxid).second;
}

PendingTree::Node& PendingTree::change(Node& node, bool known, Zxid zxid) {
  auto& [path, entry] = node;
  if (undo_) undo_->before.emplace_back(path, known ? std::optional(entry) : std::nullopt);
  if (undo_ && known) database_.acls().acquire(entry.node.acl);  // Held by the undo record.
  if (entry.node.exists && counts_in_digest(path))
    difference_ -= node_digest(entry.node.crc, entry.node.fields);
  if (entry.changed != zxid) {
    changes_.push_back({zxid, &node});
    begun_.add();
  }
  entry.changed = zxid;
  return node;
}

void PendingTree::put_back(std::string_view path, const Entry& entry) {
  if (entry.node.exists && counts_in_digest(path))
    difference_ += node_digest(entry.node.crc, entry.node.fields);
}

void PendingTree::create(const Found& parent, std::string_view path, Data data, AclNumber acl,
                         std::int64_t owner, std::int32_t parent_cversion, Zxid zxid,
                         std::int64_t time) {
  const auto parent_path = paths::parent(path);
  auto& above = edit_parent(parent, parent_path, zxid);
  ++above.node.child_count;
  if (parent_cversion > above.node.fields.cversion) {
    above.node.fields.cversion = parent_cversion;
    above.node.fields.pzxid = zxid.value;
  }
  put_back(parent_path, above);

  auto& entry = edit_absent(path, zxid);
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

void PendingTree::remove(const Found& node, std::string_view path, Zxid zxid) {
  const auto parent_path = paths::parent(path);
  auto& parent = edit_parent(find(parent_path), parent_path, zxid);
  --parent.node.child_count;
  parent.node.fields.pzxid = std::max(parent.node.fields.pzxid, zxid.value);
  put_back(parent_path, parent);

  auto& entry = edit(node, path, zxid).second;
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

void PendingTree::set_data(const Found& node, std::string_view path, Data data, std::int32_t version,
                           Zxid zxid, std::int64_t time) {
  auto& entry = edit(node, path, zxid).second;
  entry.node.crc = crc_of(path, data);
  entry.node.data_length = data ? static_cast<std::int32_t>(data->size()) : -1;
  entry.node.fields.version = version;
  entry.node.fields.mzxid = zxid.value;
  entry.node.fields.mtime = time;
  put_back(path, entry);
}

void PendingTree::set_acl(const Found& node, std::string_view path, AclNumber acl, std::int32_t aversion,
                          Zxid zxid) {
  auto& entry = edit(node, path, zxid).second;
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
  for (; changes_.size() > undo.changes; changes_.pop_back()) ended_.add();
  while (owned_changes_.size() > undo.owned_changes) {
    forget_owner(owned_changes_.back());
    owned_changes_.pop_back();
  }
  for (auto record = undo.before.rbegin(); record != undo.before.rend(); ++record) {
    auto& node = *nodes_.find(record->first);
    if (!record->second) {
      erase(node);
      continue;
    }
    database_.acls().release(node.second.node.acl);
    node.second = *record->second;
  }
  difference_ = undo.difference;
}

void PendingTree::settle(Zxid zxid, std::uint64_t digest_before, std::uint64_t digest_after) {
  difference_ -= digest_after - digest_before;
  while (!changes_.empty() && changes_.front().zxid <= zxid) {
    const auto change = changes_.front();
    changes_.pop_front();
    ended_.add();
    if (change.node->second.changed == change.zxid) erase(*change.node);
  }
  while (!owned_changes_.empty() && owned_changes_.front().zxid <= zxid) {
    forget_owner(owned_changes_.front());
    owned_changes_.pop_front();
  }
  if (changes_.empty()) {
    VIVARIUM_ASSERT(difference_ == 0, "the tree is not what was prepared");
  }
}

void PendingTree::erase(Node& node) {
  if (last_parent_ == &node) last_parent_ = nullptr;
  database_.acls().release(node.second.node.acl);
  nodes_.erase(node.first);
}

void PendingTree::discard() {
  ended_.add(static_cast<std::int64_t>(changes_.size()));
  while (!nodes_.empty()) erase(*nodes_.begin());
  changes_.clear();
  owned_changes_.clear();
  owned_.clear();
  difference_ = 0;
}

}  // namespace vivarium
