#pragma once
// A tree as simple as can be, to hold the real one against: a map from path to fields, its digest
// computed from scratch by the words of section D.3.

#include "kernel/core/tree.hpp"

#include <vivarium/jute.hpp>

#include <zlib.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vivarium {

struct ModelNode {
  std::optional<std::string> data;
  AclNumber acl = kOpenAcl;
  std::int64_t owner = 0;
  std::int64_t czxid = 0, mzxid = 0, ctime = 0, mtime = 0, pzxid = 0;
  std::int32_t version = 0, cversion = 0, aversion = 0;
  bool operator==(const ModelNode&) const = default;
};

inline NewZnode new_znode(const ModelNode& node) {
  return {.data = node.data,
          .acl = node.acl,
          .owner = node.owner,
          .czxid = node.czxid,
          .mzxid = node.mzxid,
          .ctime = node.ctime,
          .mtime = node.mtime,
          .version = node.version,
          .aversion = node.aversion,
          .cversion = node.cversion,
          .pzxid = node.pzxid};
}

inline ModelNode model_node(const Znode& node) {
  ModelNode model;
  if (const auto data = node.data()) model.data = std::string(*data);
  model.acl = node.acl;
  model.owner = node.owner();
  model.czxid = node.czxid;
  model.mzxid = node.mzxid;
  model.ctime = node.ctime;
  model.mtime = node.mtime;
  model.pzxid = node.pzxid();
  model.version = node.version;
  model.cversion = node.cversion();
  model.aversion = node.aversion;
  return model;
}

inline std::string parent_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

/// Keyed by path, "/" for the root.
class TreeModel {
 public:
  TreeModel() { nodes["/"].data = ""; }

  std::map<std::string, ModelNode> nodes;

  std::vector<std::string> children(const std::string& path) const {
    std::vector<std::string> names;
    for (const auto& [other, node] : nodes)
      if (other != "/" && parent_of(other) == path)
        names.push_back(other.substr(other.rfind('/') + 1));
    return names;
  }

  bool has_children(const std::string& path) const {
    const auto below = path == "/" ? "/" : path + "/";
    const auto next = nodes.upper_bound(below);
    return next != nodes.end() && next->first.starts_with(below);
  }

  std::uint64_t digest() const {
    std::uint64_t sum = 0;
    for (const auto& [path, node] : nodes)
      if (!path.starts_with("/zookeeper/")) sum += digest_of(path, node);
    return sum;
  }

  std::int64_t data_bytes() const {
    std::int64_t sum = 0;
    for (const auto& [path, node] : nodes)
      sum += static_cast<std::int64_t>(path.size() + (node.data ? node.data->size() : 0));
    return sum;
  }

 private:
  static std::uint64_t digest_of(const std::string& path, const ModelNode& node) {
    std::string text = path == "/" ? "" : path;
    text += node.data.value_or("");
    JuteOut out(text);
    for (const auto value : {node.czxid, node.mzxid, node.pzxid, node.ctime, node.mtime})
      out.put(value);
    for (const auto value : {node.version, node.cversion, node.aversion}) out.put(value);
    out.put(node.owner);
    return crc32(0, reinterpret_cast<const Bytef*>(text.data()), static_cast<uInt>(text.size()));
  }
};

/// The records of a snapshot's nodes (section G.4), in their order; "/" for the root.
inline std::vector<std::pair<std::string, ModelNode>> parse_records(std::string_view bytes) {
  std::vector<std::pair<std::string, ModelNode>> records;
  JuteIn in(bytes);
  while (in.ok() && !in.rest().empty()) {
    const auto path = in.take_bytes().value_or("?");
    auto& [stored, node] = records.emplace_back(path.empty() ? "/" : path, ModelNode());
    if (const auto data = in.take_bytes()) node.data = std::string(*data);
    const auto acl = in.take<std::int64_t>();
    node.acl = acl == -1 ? kOpenAcl : static_cast<AclNumber>(acl);
    for (auto* field : {&node.czxid, &node.mzxid, &node.ctime, &node.mtime})
      *field = in.take<std::int64_t>();
    for (auto* field : {&node.version, &node.cversion, &node.aversion})
      *field = in.take<std::int32_t>();
    node.owner = in.take<std::int64_t>();
    node.pzxid = in.take<std::int64_t>();
  }
  if (!in.ok()) records.clear();
  return records;
}

/// A tree and its model, put through the same seeded changes.
class TreePair {
 public:
  explicit TreePair(std::uint64_t seed)
      : random_(seed), tree_(std::make_unique<Tree>(acls, seed)) {}

  AclTable acls;
  TreeModel model;

  Tree& tree() { return *tree_; }
  void destroy_tree() { tree_.reset(); }

  std::uint64_t pick(std::uint64_t below) { return random_() % below; }

  /// One change of a random kind.
  void change() {
    ++zxid_;
    const auto kind = pick(20);
    if (kind < 8) return add();
    if (kind < 12) return remove();
    if (kind < 14) return set_data();
    if (kind < 16) return replace_data();
    if (kind < 18) return set_acl();
    return kind == 18 ? load() : touch();
  }

  void add() {
    const auto parent = pick(2) ? std::string("/") : some_path();
    const auto path = (parent == "/" ? "" : parent) + "/" + some_name();
    if (model.nodes.contains(path)) return;
    auto& node = model.nodes[path];
    node = fresh_node();
    tree().add(path, new_znode(node));
    touch_parent(path, model.nodes[parent_of(path)].cversion + 1);
  }

  void remove() {
    const auto path = some_path();
    if (path == "/" || model.has_children(path)) return;
    model.nodes.erase(path);
    tree().remove(path);
    touch_parent(path, std::nullopt);
  }

  void touch_parent(const std::string& path, std::optional<std::int32_t> cversion) {
    tree().touch_parent(parent_of(path), cversion, zxid_);
    auto& parent = model.nodes[parent_of(path)];
    if (cversion) parent.cversion = *cversion;
    parent.pzxid = zxid_;
  }

 private:
  void set_data() {
    const auto path = some_path();
    auto& node = model.nodes[path];
    node.data = some_data();
    ++node.version;
    node.mzxid = zxid_;
    node.mtime = zxid_ * 1000;
    tree().set_data(path, node.data, node.version, node.mzxid, node.mtime);
  }

  void replace_data() {
    const auto path = some_path();
    model.nodes[path].data = some_data();
    tree().replace_data(path, model.nodes[path].data);
  }

  void set_acl() {
    const auto path = some_path();
    auto& node = model.nodes[path];
    node.acl = some_acl();
    ++node.aversion;
    tree().set_acl(path, node.acl, node.aversion);
  }

  void touch() {
    const auto path = some_path();
    tree().touch_parent(path, std::nullopt, zxid_);
    model.nodes[path].pzxid = zxid_;
  }

  void load() {
    const auto path = some_path();
    auto& node = model.nodes[path];
    node = fresh_node();
    node.cversion = static_cast<std::int32_t>(pick(3));
    node.pzxid += static_cast<std::int64_t>(pick(2));
    tree().load(path, new_znode(node));
  }

  ModelNode fresh_node() {
    ModelNode node;
    node.data = some_data();
    node.acl = some_acl();
    if (pick(3) == 0)
      node.owner = pick(2) ? owners::kContainer : static_cast<std::int64_t>(random_());
    node.czxid = node.mzxid = node.pzxid = zxid_;
    node.ctime = node.mtime = zxid_ * 1000;
    return node;
  }

  std::string some_path() {
    auto at = model.nodes.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(pick(model.nodes.size())));
    return at->first;
  }

  std::string some_name() {
    if (pick(20) == 0) return std::string(pick(60) + 1, static_cast<char>('a' + pick(26)));
    return pick(30) == 0 ? "zookeeper" : "n" + std::to_string(pick(300));
  }

  std::optional<std::string> some_data() {
    if (pick(8) == 0) return std::nullopt;
    return std::string(pick(4) == 0 ? 0 : pick(80), static_cast<char>('A' + pick(26)));
  }

  AclNumber some_acl() {
    const auto kind = pick(5);
    if (kind == 0) return kOpenAcl;
    const AclEntry entry{static_cast<std::int32_t>(kind), "world", "anyone"};
    return acls.acquire(std::span(&entry, 1));
  }

  std::mt19937_64 random_;
  std::unique_ptr<Tree> tree_;
  std::int64_t zxid_ = 0;
};

}  // namespace vivarium
