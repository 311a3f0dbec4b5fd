#include "kernel/core/tree.hpp"

#include "kernel/core/branch.hpp"
#include "tests/unit/tree_model.hpp"

#include <catch2/catch.hpp>

#include <pthread.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <set>
#include <string>
#include <vector>

using namespace vivarium;

namespace {

NewZnode node_with(std::optional<std::string_view> data) {
  NewZnode node;
  node.data = data;
  return node;
}

std::string data_at(const Tree& tree, std::string_view path) {
  return std::string(tree.find(path)->data().value_or("null"));
}

/// Everything that can be asked of the tree is as the model has it.
void require_same(const Tree& tree, const TreeModel& model) {
  std::map<std::string, ModelNode> seen;
  tree.visit("/", [&](std::string_view path, const Znode& node) {
    seen.emplace(path, model_node(node));
  });
  REQUIRE(seen == model.nodes);
  REQUIRE(tree.digest() == model.digest());
  REQUIRE(tree.data_bytes() == model.data_bytes());
  REQUIRE(tree.node_count() == static_cast<std::int64_t>(model.nodes.size()));
}

void require_children(const Tree& tree, const TreeModel& model) {
  for (const auto& [path, node] : model.nodes) {
    const auto* found = tree.find(path);
    REQUIRE(found);
    const auto names = tree.children(*found);
    const auto expected = model.children(path);
    REQUIRE(std::vector<std::string>(names.begin(), names.end()) == expected);
    REQUIRE(found->child_count() == static_cast<std::int32_t>(expected.size()));
  }
}

std::string walk_all(TreeWalk& walk, std::size_t bytes) {
  std::string out;
  while (walk.next(out, bytes)) {
  }
  return out;
}

/// The records are those of `model`, each once, parents before children.
void require_snapshot_of(const TreeModel& model, std::string_view bytes) {
  std::map<std::string, ModelNode> seen;
  for (auto& [path, node] : parse_records(bytes)) {
    INFO(path);
    REQUIRE((path == "/" || seen.contains(parent_of(path))));
    REQUIRE(seen.emplace(path, std::move(node)).second);
  }
  REQUIRE(seen == model.nodes);
}

/// The tree that the reference's section B.13 describes.
struct FreshTree {
  AclTable acls;
  Tree tree{acls, 1};
  AclEntry read_only{perms::kRead, "world", "anyone"};
  AclEntry all{perms::kAll, "world", "anyone"};

  FreshTree() {
    auto node = node_with("");
    tree.add("/zookeeper", node);
    tree.add("/zookeeper/quota", node);
    node.aversion = -1;
    node.acl = acls.acquire(std::span(&read_only, 1));
    tree.add("/zookeeper/config", node);
  }

  void create(std::string_view path, std::optional<std::string_view> data, const AclEntry& acl,
              std::int64_t owner, std::int32_t parent_cversion, std::int64_t zxid,
              std::int64_t time) {
    auto node = node_with(data);
    node.acl = acls.acquire(std::span(&acl, 1));
    node.owner = owner;
    node.czxid = node.mzxid = node.pzxid = zxid;
    node.ctime = node.mtime = time;
    tree.add(path, node);
    tree.touch_parent(parent_of(std::string(path)), parent_cversion, zxid);
  }
};

/// What Apache ZooKeeper 3.8.0's DataTree made of the same operations; snapshot records in its
/// order.
constexpr std::string_view kGoldenRecords =
    "0000000000000004726f6f74ffffffffffffffff0000000000000000000000010000000a000000000000000000"
    "000174876e819000000007000000020000000000000000000000000000000100000007000000022f6100000005"
    "68656c6c6f00000000000000020000000100000001000000010000000100000174876e807b00000174876e807b"
    "00000000000000020000000000000000000000000000000100000009000000042f612f63000000000000000000"
    "0000020000000100000003000000010000000300000174876e807d00000174876e807d00000000000000000000"
    "0001800000000000000000000001000000030000000b2f7a6f6f6b656570657278ffffffff0000000000000002"
    "0000000100000007000000010000000700000174876e812e00000174876e812e00000000000000000000000000"
    "0000000000000000000001000000070000000a2f7a6f6f6b656570657200000000ffffffffffffffff00000000"
    "000000000000000000000000000000000000000000000000000000000000000000000001000000000000000000"
    "00000000000001000000080000000c2f7a6f6f6b65657065722f71ffffffff0000000000000002000000010000"
    "0008000000010000000800000174876e812f00000174876e812f00000000000000000000000000000000000000"
    "000000000100000008000000112f7a6f6f6b65657065722f636f6e666967000000036366670000000000000001"
    "00000000000000000000000100000005000000000000000000000174876e812cffffffff00000000ffffffff00"
    "000000000000000000000000000000000000102f7a6f6f6b65657065722f71756f746100000000ffffffffffff"
    "ffff00000000000000000000000000000000000000000000000000000000000000000000000000000001000000"
    "0000000000000000000000000100000006000000122f7a6f6f6b65657065722f71756f74612f61ffffffff0000"
    "0000000000020000000100000006000000010000000600000174876e812d00000174876e812d00000000000000"
    "000000000000000000000000000000000100000006";

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t at = 0; at < hex.size(); at += 2)
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(at, 2)), nullptr, 16));
  return bytes;
}

/// Runs `body` on a stack on which one frame per level of a deep tree has no room.
void with_small_stack(void (*body)()) {
  pthread_attr_t attributes;
  REQUIRE(pthread_attr_init(&attributes) == 0);
  REQUIRE(pthread_attr_setstacksize(&attributes, 192 << 10) == 0);
  pthread_t thread;
  const auto run = [](void* argument) -> void* {
    (*static_cast<void (**)()>(argument))();
    return nullptr;
  };
  REQUIRE(pthread_create(&thread, &attributes, run, &body) == 0);
  REQUIRE(pthread_join(thread, nullptr) == 0);
  pthread_attr_destroy(&attributes);
}

constexpr std::size_t kDeepLevels = 8000;

void build_and_use_a_deep_tree() {
  AclTable acls;
  Tree tree(acls, 1);
  std::string path;
  for (std::size_t level = 0; level < kDeepLevels; ++level) tree.add(path += "/d", node_with("x"));
  auto walk = tree.walk();
  std::string out;
  walk->next(out, 1);
  tree.set_data(path, "y", 1, 1, 1);
  tree.touch_parent("/d/d", 1, 1);
  std::size_t visited = 0;
  tree.visit("/", [&](std::string_view, const Znode&) { ++visited; });
  const auto below = tree.descendants(*tree.find("/d"));
  walk.reset();
  if (visited != kDeepLevels + 1 || below != static_cast<std::int64_t>(kDeepLevels) - 1)
    std::abort();
}

}  // namespace

// --- the digest ----------------------------------------------------------------------------------

TEST_CASE("The digest of a fresh tree is ZooKeeper's") {
  REQUIRE(node_digest(crc_of("/", ""), {}) == 68323592);
  REQUIRE(node_digest(crc_of("/zookeeper", ""), {}) == 1303661912);
  REQUIRE(FreshTree().tree.digest() == 1371985504);
}

TEST_CASE("After each operation the digest is that of ZooKeeper 3.8.0, and so is the snapshot") {
  FreshTree fresh;
  auto& tree = fresh.tree;
  REQUIRE(tree.data_bytes() == 44);
  fresh.create("/a", "hello", fresh.all, 0, 1, 0x100000001, 1600000000123);
  REQUIRE(tree.digest() == 7213026868);
  fresh.create("/a/b", std::nullopt, fresh.read_only, 0x1001122334455, 1, 0x100000002,
               1600000000124);
  REQUIRE(tree.digest() == 6833947733);
  fresh.create("/a/c", "", fresh.read_only, owners::kContainer, 2, 0x100000003, 1600000000125);
  REQUIRE(tree.digest() == 9576076633);
  tree.set_data("/a/b", "x", 1, 0x100000004, 1600000000200);
  REQUIRE(tree.digest() == 11317915177);
  tree.set_acl("/a/c", fresh.acls.acquire(std::span(&fresh.all, 1)), 1);
  REQUIRE(tree.digest() == 11158864486);
  tree.set_data("/zookeeper/config", "cfg", -1, 0x100000005, 1600000000300);
  REQUIRE(tree.digest() == 11158864486);
  fresh.create("/zookeeper/quota/a", std::nullopt, fresh.all, 0, 1, 0x100000006, 1600000000301);
  REQUIRE(tree.digest() == 11158864486);
  fresh.create("/zookeeperx", std::nullopt, fresh.all, 0, 2, 0x100000007, 1600000000302);
  REQUIRE(tree.digest() == 14757100831);
  fresh.create("/zookeeper/q", std::nullopt, fresh.all, 0, 1, 0x100000008, 1600000000303);
  REQUIRE(tree.digest() == 16214579401);
  tree.remove("/a/b");
  tree.touch_parent("/a", std::nullopt, 0x100000009);
  REQUIRE(tree.digest() == 12576648314);
  tree.set_data("/", "root", 7, 0x10000000a, 1600000000400);
  REQUIRE(tree.digest() == 12432570992);
  REQUIRE(tree.data_bytes() == 103);

  auto ours = parse_records(walk_all(*tree.walk(), 100));
  auto theirs = parse_records(from_hex(kGoldenRecords));
  const auto by_path = [](const auto& a, const auto& b) { return a.first < b.first; };
  std::sort(ours.begin(), ours.end(), by_path);
  std::sort(theirs.begin(), theirs.end(), by_path);
  REQUIRE(theirs.size() == 9);
  REQUIRE(ours == theirs);
}

TEST_CASE("A null and an empty text add nothing to a checksum") {
  REQUIRE(crc_of("/a", std::nullopt) == crc_of("/a", ""));
  REQUIRE(crc_of("/a", std::string_view()) == crc_of("/a", ""));
  REQUIRE(crc_of("/a", "b") != crc_of("/a", ""));
}

TEST_CASE("A checksum is zlib's, whatever the lengths") {
  std::string text;
  for (std::size_t length = 0; length < 1100; ++length) {
    const auto* bytes = reinterpret_cast<const Bytef*>(text.data());
    const auto whole = static_cast<std::uint32_t>(crc32(0, bytes, static_cast<uInt>(length)));
    REQUIRE(crc_of(text, std::nullopt) == whole);
    REQUIRE(crc_of(std::string_view(text).substr(0, length / 3),
                   std::string_view(text).substr(length / 3)) == whole);
    text += static_cast<char>(length * 37 + length / 5);
  }
}

// --- finding and telling -------------------------------------------------------------------------

TEST_CASE("Only the exact path of a node finds it") {
  AclTable acls;
  Tree tree(acls, 7);
  tree.add("/a", node_with("1"));
  tree.add("/a/b", node_with("2"));
  REQUIRE(data_at(tree, "/a") == "1");
  REQUIRE(data_at(tree, "/a/b") == "2");
  for (const auto* path :
       {"", "a", "a/b", "//", "/a/", "//a", "/a//b", "/a/b/", "/b", "/a/b/c", "/A"})
    REQUIRE_FALSE(tree.find(path));
}

TEST_CASE("Names may hold any bytes and have any length") {
  AclTable acls;
  Tree tree(acls, 7);
  for (std::size_t length = 1; length < 70; ++length) {
    std::string path = "/" + std::string(length, '\xff');
    tree.add(path, node_with(path));
    path.back() = '\0';
    tree.add(path, node_with(path));
  }
  REQUIRE(tree.children(*tree.find("/")).size() == 138);
  for (std::size_t length = 1; length < 70; ++length) {
    const std::string path = "/" + std::string(length, '\xff');
    REQUIRE(data_at(tree, path) == path);
  }
}

TEST_CASE("The cversion that clients see counts creates and deletes") {
  AclTable acls;
  Tree tree(acls, 7);
  tree.add("/zookeeper", node_with(""));
  REQUIRE(Tree::stat_of(*tree.find("/")).cversion == -1);
  tree.add("/a", node_with("abc"));
  tree.touch_parent("/", 1, 5);
  tree.remove("/a");
  tree.touch_parent("/", std::nullopt, 6);
  const auto stat = Tree::stat_of(*tree.find("/"));
  REQUIRE(stat.cversion == 1);
  REQUIRE(stat.num_children == 1);
  REQUIRE(stat.pzxid == 6);
  REQUIRE(tree.find("/")->cversion() == 1);
}

TEST_CASE("A stat has every field of its node, and no length for null data") {
  AclTable acls;
  Tree tree(acls, 7);
  const NewZnode node{.data = "12345", .owner = 9, .czxid = 1, .mzxid = 2, .ctime = 3, .mtime = 4,
                      .version = 5, .aversion = 6, .cversion = 7, .pzxid = 8};
  tree.add("/a", node);
  REQUIRE(Tree::stat_of(*tree.find("/a")) ==
          Stat{1, 2, 3, 4, 5, 14, 6, 9, 5, 0, 8});
  tree.replace_data("/a", std::nullopt);
  REQUIRE(Tree::stat_of(*tree.find("/a")).data_length == 0);
  REQUIRE_FALSE(tree.find("/a")->data());
}

TEST_CASE("A create moves pzxid only with a larger cversion, a remove only upwards") {
  AclTable acls;
  Tree tree(acls, 7);
  tree.touch_parent("/", 3, 30);
  tree.touch_parent("/", 3, 40);
  tree.touch_parent("/", 2, 50);
  REQUIRE(tree.find("/")->cversion() == 3);
  REQUIRE(tree.find("/")->pzxid() == 30);
  tree.touch_parent("/", std::nullopt, 20);
  REQUIRE(tree.find("/")->pzxid() == 30);
  tree.touch_parent("/", std::nullopt, 60);
  REQUIRE(tree.find("/")->pzxid() == 60);
  REQUIRE(tree.find("/")->cversion() == 3);
}

TEST_CASE("A visit meets parents first and siblings in order") {
  AclTable acls;
  Tree tree(acls, 7);
  for (const auto* path : {"/b", "/a", "/b/d", "/b/c", "/b/d/x", "/b!"})
    tree.add(path, node_with(""));
  std::vector<std::string> seen;
  const auto note = [&](std::string_view path, const Znode&) { seen.emplace_back(path); };
  tree.visit("/", note);
  REQUIRE(seen == std::vector<std::string>{"/", "/a", "/b", "/b/c", "/b/d", "/b/d/x", "/b!"});
  seen.clear();
  tree.visit("/b/d", note);
  REQUIRE(seen == std::vector<std::string>{"/b/d", "/b/d/x"});
  seen.clear();
  tree.visit("/none", note);
  REQUIRE(seen.empty());
  REQUIRE(tree.descendants(*tree.find("/")) == 6);
  REQUIRE(tree.descendants(*tree.find("/b")) == 3);
  REQUIRE(tree.descendants(*tree.find("/a")) == 0);
}

// --- changing ------------------------------------------------------------------------------------

TEST_CASE("Data of any size replaces data of any other size") {
  AclTable acls;
  Tree tree(acls, 7);
  TreeModel model;
  for (const std::int64_t owner : {0, 5}) {
    const auto path = "/n" + std::to_string(owner);
    auto& node = model.nodes[path];
    node.owner = owner;
    tree.add(path, new_znode(node));
    for (const std::size_t size : {0u, 1u, 40u, 41u, 60u, 3u, 1000000u, 100u, 0u}) {
      node.data = std::string(size, 'x');
      tree.replace_data(path, node.data);
      require_same(tree, model);
    }
    node.data.reset();
    tree.replace_data(path, node.data);
    require_same(tree, model);
  }
}

TEST_CASE("Data that grows within its block stays where it is") {
  AclTable acls;
  Tree tree(acls, 7);
  tree.add("/abcdef", node_with("0123456789"));  // 64 + 6 + 10 of 88 bytes
  const auto* before = tree.find("/abcdef");
  tree.set_data("/abcdef", "012345678901234567", 1, 1, 1);
  REQUIRE(tree.find("/abcdef") == before);
  REQUIRE(data_at(tree, "/abcdef") == "012345678901234567");
}

TEST_CASE("Data may be replaced by a part of itself") {
  AclTable acls;
  Tree tree(acls, 7);
  tree.add("/a", node_with("abcdefgh" + std::string(100, 'x')));
  tree.replace_data("/a", tree.find("/a")->data()->substr(2, 100));
  REQUIRE(data_at(tree, "/a").substr(0, 7) == "cdefghx");
  tree.replace_data("/a", tree.find("/a")->data()->substr(1, 3));
  REQUIRE(data_at(tree, "/a") == "def");
}

TEST_CASE("Loading a node that is there replaces its fields and keeps its children") {
  AclTable acls;
  TreeModel model;
  Tree tree(acls, 7);
  const AclEntry entry{1, "world", "anyone"};
  model.nodes["/a"] = {.data = "old", .acl = acls.acquire(std::span(&entry, 1))};
  model.nodes["/a/b"].data = "child";
  tree.load("/a", new_znode(model.nodes["/a"]));
  tree.load("/a/b", new_znode(model.nodes["/a/b"]));
  model.nodes["/a"] = {.data = "new, and longer", .owner = 3, .czxid = 1, .mzxid = 2, .ctime = 3,
                       .mtime = 4, .pzxid = 5, .version = 6, .cversion = -7, .aversion = 8};
  tree.load("/a", new_znode(model.nodes["/a"]));
  model.nodes["/"] = {.data = std::nullopt, .czxid = 9, .pzxid = 10, .cversion = 11};
  tree.load("/", new_znode(model.nodes["/"]));
  require_same(tree, model);
  REQUIRE(acls.numbers().empty());
}

TEST_CASE("A directory grows to many children and gives its table back when they go") {
  AclTable acls;
  Tree tree(acls, 7);
  constexpr int kMany = 20000;
  for (int i = 0; i < kMany; ++i) tree.add("/" + std::to_string(i), node_with(std::to_string(i)));
  for (int i = 0; i < kMany; ++i)
    REQUIRE(data_at(tree, "/" + std::to_string(i)) == std::to_string(i));
  for (int i = 0; i < kMany; ++i)
    if (i % 1000 != 0) tree.remove("/" + std::to_string(i));
  REQUIRE(tree.children(*tree.find("/")).size() == kMany / 1000);
  REQUIRE_FALSE(tree.find("/")->branch->sparse());
  for (int i = 0; i < kMany; ++i)
    REQUIRE((tree.find("/" + std::to_string(i)) != nullptr) == (i % 1000 == 0));
}

TEST_CASE("Children come in pages, in the order of their names") {
  AclTable acls;
  Tree tree(acls, 7);
  constexpr std::size_t kMany = 100'000, kPage = 1000;
  for (std::size_t i = 0; i < kMany; ++i) tree.add("/" + std::to_string(i * 7919 % kMany), node_with(""));
  const auto& root = *tree.find("/");
  const auto all = tree.children(root);
  std::vector<std::string_view> paged;
  for (auto page = tree.children(root, "", kPage); !page.empty();
       page = tree.children(root, paged.back(), kPage)) {
    CHECK(page.size() == kPage);
    for (const auto* child : page) paged.push_back(child->name());
  }
  CHECK(paged == all);
  CHECK(tree.children(root, all[kMany - 3], kPage).size() == 2);
  CHECK(tree.children(root, "9999", std::numeric_limits<std::size_t>::max()).size() == 10);
  CHECK(tree.children(root, "", 0).empty());
  CHECK(tree.children(*tree.find("/1"), "", kPage).empty());
}

TEST_CASE("A queue that children go through for ever stays small") {
  AclTable acls;
  Tree tree(acls, 7);
  const auto path = [](int i) { return "/item-" + std::to_string(i); };
  for (int i = 0; i < 20000; ++i) {
    tree.add(path(i), node_with(""));
    if (i >= 3) tree.remove(path(i - 3));
  }
  REQUIRE(tree.children(*tree.find("/")) ==
          std::vector<std::string_view>{"item-19997", "item-19998", "item-19999"});
}

TEST_CASE("Random changes leave the tree as they leave a map") {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    TreePair pair(seed);
    for (int round = 0; round < 40; ++round) {
      for (int i = 0; i < 60; ++i) pair.change();
      require_same(pair.tree(), pair.model);
    }
    require_children(pair.tree(), pair.model);
    pair.destroy_tree();
    REQUIRE(pair.acls.numbers().empty());
  }
}

TEST_CASE("The depth of a tree does not show on the stack") {
  with_small_stack(build_and_use_a_deep_tree);
}

// --- snapshots -----------------------------------------------------------------------------------

TEST_CASE("A walk gives the tree of the moment it began, whatever happens meanwhile") {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    TreePair pair(seed);
    for (int i = 0; i < 400; ++i) pair.change();
    for (int walks = 0; walks < 6; ++walks) {
      const auto at_start = pair.model;
      auto walk = pair.tree().walk();
      std::string out;
      const auto changes = pair.pick(40);
      const auto bytes = pair.pick(3000);
      while (walk->next(out, bytes))
        for (std::uint64_t i = 0; i < changes; ++i) pair.change();
      require_snapshot_of(at_start, out);
      REQUIRE_FALSE(walk->next(out, bytes));
      for (int i = 0; i < 20; ++i) pair.change();
      require_same(pair.tree(), pair.model);
    }
  }
}

TEST_CASE("A walk survives tables that are rebuilt under it again and again") {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    TreePair pair(seed);
    for (int i = 0; i < 300; ++i) pair.add();
    const auto at_start = pair.model;
    auto walk = pair.tree().walk();
    std::string out;
    while (walk->next(out, 1)) {
      if (pair.pick(2))
        for (int i = 0; i < 40; ++i) pair.add();
      else
        for (int i = 0; i < 400; ++i) pair.remove();
    }
    require_snapshot_of(at_start, out);
  }
}

TEST_CASE("A walk survives the removal of everything it has not reached") {
  TreePair pair(5);
  for (int i = 0; i < 300; ++i) pair.change();
  const auto at_start = pair.model;
  auto walk = pair.tree().walk();
  std::string out;
  walk->next(out, 500);
  while (pair.model.nodes.size() > 1) pair.remove();
  while (walk->next(out, 500)) {
  }
  require_snapshot_of(at_start, out);
  REQUIRE(pair.tree().node_count() == 1);
}

TEST_CASE("An abandoned walk leaves the next one whole") {
  TreePair pair(9);
  for (int i = 0; i < 400; ++i) pair.change();
  for (const std::size_t bytes : {0u, 2000u, 20000u}) {
    auto abandoned = pair.tree().walk();
    std::string ignored;
    if (bytes > 0) abandoned->next(ignored, bytes);
    for (int i = 0; i < 100; ++i) pair.change();
    abandoned.reset();
    for (int i = 0; i < 100; ++i) pair.change();
    require_snapshot_of(pair.model, walk_all(*pair.tree().walk(), 1000));
  }
}

TEST_CASE("A finished walk need not be destroyed before the next begins") {
  TreePair pair(9);
  for (int i = 0; i < 100; ++i) pair.change();
  const auto first = pair.tree().walk();
  const auto records = walk_all(*first, 100);
  const auto second = pair.tree().walk();
  REQUIRE(walk_all(*second, 1 << 20) == records);
}

TEST_CASE("A piece of a snapshot is about as long as asked") {
  AclTable acls;
  Tree tree(acls, 7);
  for (int i = 0; i < 1000; ++i) tree.add("/" + std::to_string(i), node_with("0123456789"));
  const auto walk = tree.walk();
  for (bool more = true; more;) {
    std::string piece;
    more = walk->next(piece, 1000);
    REQUIRE(piece.size() < 1200);
    REQUIRE((piece.size() >= 1000 || !more));
  }
}
