#include "kernel/core/tree.hpp"

#include "kernel/core/branch.hpp"
#include "kernel/core/path_names.hpp"
#include "kernel/core/paths.hpp"
#include "kernel/core/tree_walk.hpp"
#include "kernel/core/znode_block.hpp"

#include <vivarium/assert.hpp>

#include <algorithm>
#include <utility>

namespace vivarium {
namespace {

std::uint64_t digest_of(const Znode& node) {
  if (node.unhashed) return 0;
  return node_digest(node.crc,
                     {node.czxid, node.mzxid, node.pzxid(), node.ctime, node.mtime, node.version,
                      node.cversion(), node.aversion, node.owner()});
}

std::int64_t bytes_of(std::string_view path, std::int32_t data_length) {
  return static_cast<std::int64_t>(path.size()) + std::max(data_length, 0);
}

std::vector<const Znode*> sorted_children(const Znode& node) {
  std::vector<const Znode*> children;
  if (!node.branch) return children;
  children.reserve(node.branch->count());
  node.branch->each([&](const Znode* child) { children.push_back(child); });
  std::sort(children.begin(), children.end(),
            [](const Znode* a, const Znode* b) { return a->name() < b->name(); });
  return children;
}

}  // namespace

/// Where a node hangs.
struct Tree::Place {
  Znode* node = nullptr;    ///< nullptr: no such node.
  Slot* slot = nullptr;     ///< In the parent's table; nullptr: root_ itself.
  Znode* parent = nullptr;
};

Tree::Tree(AclTable& acls, std::uint64_t seed) : acls_(acls), hash_(seed) {
  NewZnode root;
  root.data = "";
  root_ = make("/", root);
  digest_ = digest_of(*root_);
  node_count_ = 1;
  data_bytes_ = bytes_of("/", root_->data_length);
}

Tree::~Tree() {
  VIVARIUM_ASSERT(!walk_, "a tree was destroyed before the walk over it");
  std::vector<Znode*> doomed{root_};
  while (!doomed.empty()) {
    Znode* const node = doomed.back();
    doomed.pop_back();
    if (node->branch) node->branch->each([&](Znode* child) { doomed.push_back(child); });
    discard(node);
  }
}

// --- looking -------------------------------------------------------------------------------------

Tree::Place Tree::place_of(std::string_view path) const {
  if (!path.starts_with('/')) return {};
  Place place{root_};
  for (PathNames names(path); names.next();) {
    Branch* const branch = place.node->branch;
    Slot* const slot = branch ? branch->find(names.name(), hash_(names.name())) : nullptr;
    if (!slot) return {};
    place = {slot->node(), slot, place.node};
  }
  return place;
}

const Znode* Tree::find(std::string_view path) const { return place_of(path).node; }

const Znode* Tree::child(const Znode& parent, std::string_view name) const {
  Slot* const slot = parent.branch ? parent.branch->find(name, hash_(name)) : nullptr;
  return slot ? slot->node() : nullptr;
}

std::vector<std::string_view> Tree::children(const Znode& node) const {
  std::vector<std::string_view> names;
  if (!node.branch) return names;
  names.reserve(node.branch->count());
  node.branch->each([&](const Znode* child) { names.push_back(child->name()); });
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<const Znode*> Tree::children(const Znode& node, std::string_view after,
                                         std::size_t most) const {
  std::vector<const Znode*> first;  // A heap, the last name on top.
  if (!node.branch || most == 0) return first;
  const auto by_name = [](const Znode* a, const Znode* b) { return a->name() < b->name(); };
  node.branch->each([&](const Znode* child) {
    if (child->name() <= after) return;
    if (first.size() == most) {
      if (!by_name(child, first.front())) return;
      std::pop_heap(first.begin(), first.end(), by_name);
      first.pop_back();
    }
    first.push_back(child);
    std::push_heap(first.begin(), first.end(), by_name);
  });
  std::sort_heap(first.begin(), first.end(), by_name);
  return first;
}

std::int64_t Tree::descendants(const Znode& node) const {
  if (&node == root_) return node_count_ - 1;
  std::int64_t count = 0;
  std::vector<const Branch*> branches{node.branch};
  while (!branches.empty()) {
    const Branch* const branch = branches.back();
    branches.pop_back();
    if (!branch) continue;
    count += branch->count();
    branch->each([&](const Znode* child) {
      if (child->branch) branches.push_back(child->branch);
    });
  }
  return count;
}

void Tree::visit(std::string_view path,
                 const std::function<void(std::string_view, const Znode&)>& visit) const {
  struct Step {
    const Znode* node;
    std::size_t parent_length;
  };
  const Znode* const top = find(path);
  if (!top) return;
  visit(path, *top);
  std::string at(path == "/" ? "" : path);
  std::vector<Step> steps;
  const auto push_children = [&](const Znode& node) {
    const auto children = sorted_children(node);
    for (auto child = children.rbegin(); child != children.rend(); ++child)
      steps.push_back({*child, at.size()});
  };
  push_children(*top);
  while (!steps.empty()) {
    const auto step = steps.back();
    steps.pop_back();
    at.resize(step.parent_length);
    at += '/';
    at += step.node->name();
    visit(at, *step.node);
    push_children(*step.node);
  }
}

Stat Tree::stat_of(const Znode& node) {
  const auto children = node.child_count();
  // Every create counts once in the persisted form; twice that, less who is still there, counts the
  // removals too. It wraps, as Java's does.
  const auto changes = static_cast<std::uint32_t>(node.cversion()) * 2 -
                       static_cast<std::uint32_t>(children);
  return {.czxid = node.czxid,
          .mzxid = node.mzxid,
          .ctime = node.ctime,
          .mtime = node.mtime,
          .version = node.version,
          .cversion = static_cast<std::int32_t>(changes),
          .aversion = node.aversion,
          .ephemeral_owner = node.owner(),
          .data_length = std::max(node.data_length, 0),
          .num_children = children,
          .pzxid = node.pzxid()};
}

// --- changing ------------------------------------------------------------------------------------

/// Lets `change` work on the node at `path`, which it may put elsewhere, and keeps walk and digest
/// right. nullptr when there is no such node.
template <class Change>
const Znode* Tree::edit_if_there(std::string_view path, Change change) {
  if (walk_) walk_->give(path);
  auto place = place_of(path);
  if (!place.node) return nullptr;
  digest_ -= digest_of(*place.node);
  change(place);
  digest_ += digest_of(*place.node);
  return place.node;
}

template <class Change>
void Tree::edit(std::string_view path, Change change) {
  const auto* const edited = edit_if_there(path, change);
  VIVARIUM_ASSERT(edited, "a change to a node that is not there");
}

void Tree::add(std::string_view path, const NewZnode& node) {
  auto* const parent = place_of(paths::parent(path)).node;
  VIVARIUM_ASSERT(parent, "a node was added below one that is not there");
  hang_below(*parent, path, node);
}

const Znode& Tree::add_below(const Znode& parent, std::string_view path, const NewZnode& node,
                             std::optional<std::int32_t> parent_cversion) {
  if (walk_) walk_->give(paths::parent(path));
  auto& changed = const_cast<Znode&>(parent);  // Ours, as all nodes are.
  digest_ -= digest_of(changed);
  const Znode* const child = hang_below(changed, path, node);
  if (parent_cversion) touch(*changed.branch, parent_cversion, node.czxid);
  digest_ += digest_of(changed);
  return *child;
}

void Tree::load(std::string_view path, const NewZnode& node) {
  if (find(path))
    replace(path, node);
  else
    add(path, node);
}

void Tree::replace(std::string_view path, const NewZnode& node) {
  edit(path, [&](Place& place) {
    Znode* const old = place.node;
    data_bytes_ -= bytes_of(path, old->data_length);
    put(place, make(path, node));
    data_bytes_ += bytes_of(path, place.node->data_length);
    if (old->branch) {
      auto& branch = *std::exchange(old->branch, nullptr);
      branch.cversion = node.cversion;
      branch.pzxid = node.pzxid;
      Branch::free(std::exchange(place.node->branch, &branch));
    }
    discard(old);
  });
}

void Tree::touch_parent(std::string_view parent, std::optional<std::int32_t> cversion,
                        std::int64_t pzxid) {
  edit(parent, [&](Place& place) { touch(branch_of(*place.node), cversion, pzxid); });
}

void Tree::touch(Branch& branch, std::optional<std::int32_t> cversion, std::int64_t pzxid) {
  if (cversion && *cversion <= branch.cversion) return;
  if (cversion) branch.cversion = *cversion;
  branch.pzxid = std::max(branch.pzxid, pzxid);
}

void Tree::remove(std::string_view path) {
  if (walk_) walk_->give(path);
  const auto place = place_of(path);
  VIVARIUM_ASSERT(place.parent, "removal of the root or of a node that is not there");
  VIVARIUM_ASSERT(place.node->child_count() == 0, "removal of a node that has children");
  digest_ -= digest_of(*place.node);
  --node_count_;
  data_bytes_ -= bytes_of(path, place.node->data_length);
  if (walk_ && place.node->branch) walk_->removed(place.node->branch);
  unhang(place);
  discard(place.node);
}

const Znode* Tree::set_data(std::string_view path, std::optional<std::string_view> data,
                            std::int32_t version, std::int64_t mzxid, std::int64_t mtime) {
  return edit_if_there(path, [&](Place& place) {
    put_data(place, path, data);
    place.node->version = version;
    place.node->mzxid = mzxid;
    place.node->mtime = mtime;
  });
}

void Tree::replace_data(std::string_view path, std::optional<std::string_view> data) {
  edit(path, [&](Place& place) { put_data(place, path, data); });
}

void Tree::set_acl(std::string_view path, AclNumber acl, std::int32_t aversion) {
  edit(path, [&](Place& place) {
    acls_.release(std::exchange(place.node->acl, acl));
    place.node->aversion = aversion;
  });
}

std::unique_ptr<TreeWalk> Tree::walk() {
  VIVARIUM_ASSERT(!walk_, "a second walk over the same tree");
  parity_ = !parity_;
  auto walk = std::make_unique<MarkingWalk>(*this);
  walk_ = walk.get();
  return walk;
}

// --- nodes and tables ----------------------------------------------------------------------------

Znode* Tree::make(std::string_view path, const NewZnode& node) const {
  Znode* const made = make_znode(paths::name(path), node.data, node.owner);
  made->czxid = node.czxid;
  made->mzxid = node.mzxid;
  made->ctime = node.ctime;
  made->mtime = node.mtime;
  made->version = node.version;
  made->aversion = node.aversion;
  made->acl = node.acl;
  made->crc = crc_of(path, node.data);
  made->mark = parity_;
  made->unhashed = !counts_in_digest(path);
  if (node.cversion != 0 || node.pzxid != node.czxid)
    made->branch = Branch::make(node.cversion, node.pzxid, parity_);
  return made;
}

void Tree::discard(Znode* node) {
  acls_.release(node->acl);
  Branch::free(node->branch);
  free_znode(node);
}

void Tree::put(Place& place, Znode* node) {
  place.node = node;
  if (place.slot)
    place.slot->set_node(node);
  else
    root_ = node;
}

void Tree::put_data(Place& place, std::string_view path, std::optional<std::string_view> data) {
  const auto crc = crc_of(path, data);
  data_bytes_ -= bytes_of(path, place.node->data_length);
  put(place, with_data(place.node, data));
  data_bytes_ += bytes_of(path, place.node->data_length);
  place.node->crc = crc;
}

/// A branch that is new during a walk gets only new nodes, which the walk needs not have.
Branch& Tree::branch_of(Znode& node) {
  if (!node.branch) node.branch = Branch::make(0, node.czxid, parity_);
  return *node.branch;
}

Znode* Tree::hang_below(Znode& parent, std::string_view path, const NewZnode& node) {
  Znode* const child = make(path, node);
  const auto hash = hash_(child->name());
  auto& branch = branch_of(parent);
  VIVARIUM_ASSERT(!branch.find(child->name(), hash), "a second node of the same name");
  if (branch.full()) rebuild_branch(parent);
  parent.branch->insert(child, hash);
  digest_ += digest_of(*child);
  ++node_count_;
  data_bytes_ += bytes_of(path, child->data_length);
  return child;
}

void Tree::unhang(const Place& place) {
  place.parent->branch->erase(place.slot);
  if (place.parent->branch->sparse()) rebuild_branch(*place.parent);
}

void Tree::rebuild_branch(Znode& node) {
  Branch* const old = node.branch;
  node.branch = old->rebuilt(hash_);
  if (walk_) walk_->rebuilt(old, node.branch);
  Branch::free(old);
}

}  // namespace vivarium
