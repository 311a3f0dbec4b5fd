#include "kernel/core/watches.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace vivarium;

namespace {

/// A watcher that notes in a common diary what it was told: "a:created /x".
class Diarist final : public Watcher {
 public:
  Diarist(std::string name, std::vector<std::string>& diary)
      : name_(std::move(name)), diary_(diary) {}

  void notify(const WatchEvent& event) override {
    static constexpr std::array kNames{"", "created", "deleted", "data", "children"};
    diary_.push_back(name_ + ":" + kNames.at(static_cast<std::size_t>(event.type)) + " " +
                     std::string(event.path));
    last_zxid = event.zxid;
    last_acl = event.acl;
  }

  Zxid last_zxid;
  AclNumber last_acl = 0;

 private:
  std::string name_;
  std::vector<std::string>& diary_;
};

using Diary = std::vector<std::string>;
using Paths = std::vector<std::string_view>;

struct Scene {
  Watches watches{1};
  Diary diary;
  Diarist a{"a", diary}, b{"b", diary}, c{"c", diary};

  Diary take() { return std::exchange(diary, {}); }
  Diary created(std::string_view path) {
    watches.trigger_created(path, {1}, kOpenAcl);
    return take();
  }
  Diary deleted(std::string_view path) {
    watches.trigger_deleted(path, {1}, kOpenAcl);
    return take();
  }
  Diary data_changed(std::string_view path) {
    watches.trigger_data_changed(path, {1}, kOpenAcl);
    return take();
  }
  Diary children_changed(std::string_view path) {
    watches.trigger_children_changed(path, {1}, kOpenAcl);
    return take();
  }
};

}  // namespace

TEST_CASE("A data watch hears of one creation, change or deletion and is used up") {
  Scene scene;
  scene.watches.add_data("/x", scene.a);
  REQUIRE(scene.children_changed("/x").empty());
  REQUIRE(scene.created("/x") == Diary{"a:created /x"});
  REQUIRE(scene.created("/x").empty());
  scene.watches.add_data("/x", scene.a);
  REQUIRE(scene.data_changed("/x") == Diary{"a:data /x"});
  scene.watches.add_data("/x", scene.a);
  REQUIRE(scene.deleted("/x") == Diary{"a:deleted /x"});
  REQUIRE(scene.watches.count() == 0);
}

TEST_CASE("A child watch hears of one change of the children, or of the deletion") {
  Scene scene;
  scene.watches.add_child("/x", scene.a);
  REQUIRE(scene.created("/x").empty());
  REQUIRE(scene.data_changed("/x").empty());
  REQUIRE(scene.children_changed("/x") == Diary{"a:children /x"});
  REQUIRE(scene.children_changed("/x").empty());
  scene.watches.add_child("/x", scene.a);
  REQUIRE(scene.deleted("/x") == Diary{"a:deleted /x"});
  REQUIRE(scene.watches.count() == 0);
}

TEST_CASE("A persistent watch hears everything about its node, again and again") {
  Scene scene;
  scene.watches.add_persistent("/x", scene.a);
  for (int i = 0; i < 2; ++i) {
    REQUIRE(scene.created("/x") == Diary{"a:created /x"});
    REQUIRE(scene.data_changed("/x") == Diary{"a:data /x"});
    REQUIRE(scene.children_changed("/x") == Diary{"a:children /x"});
    REQUIRE(scene.deleted("/x") == Diary{"a:deleted /x"});
  }
  REQUIRE(scene.data_changed("/x/y").empty());
  REQUIRE(scene.watches.count() == 2);
}

TEST_CASE("A recursive watch hears of every descendant by its path, and never of children") {
  Scene scene;
  scene.watches.add_recursive("/x", scene.a);
  for (const auto* path : {"/x", "/x/y", "/x/y/z"}) {
    REQUIRE(scene.created(path) == Diary{"a:created " + std::string(path)});
    REQUIRE(scene.data_changed(path) == Diary{"a:data " + std::string(path)});
    REQUIRE(scene.deleted(path) == Diary{"a:deleted " + std::string(path)});
    REQUIRE(scene.children_changed(path).empty());
  }
  for (const auto* path : {"/", "/xy", "/xy/z", "/y/x"}) REQUIRE(scene.data_changed(path).empty());
  REQUIRE(scene.watches.count() == 1);
}

TEST_CASE("A recursive watch on the empty path hears of nothing") {
  Scene scene;
  scene.watches.add_recursive("", scene.a);
  for (const auto* path : {"/", "/x", "/x/y"}) REQUIRE(scene.created(path).empty());
}

TEST_CASE("A recursive watch on the root hears of every node") {
  Scene scene;
  scene.watches.add_recursive("/", scene.a);
  REQUIRE(scene.data_changed("/") == Diary{"a:data /"});
  REQUIRE(scene.data_changed("/x") == Diary{"a:data /x"});
  REQUIRE(scene.data_changed("/x/y") == Diary{"a:data /x/y"});
}

TEST_CASE("A watcher hears of one change once, however many of its watches match") {
  Scene scene;
  auto& watches = scene.watches;
  watches.add_data("/x/y", scene.a);
  watches.add_child("/x/y", scene.a);
  watches.add_persistent("/x/y", scene.a);
  for (const auto* path : {"/", "/x", "/x/y"}) watches.add_recursive(path, scene.a);
  REQUIRE(scene.deleted("/x/y") == Diary{"a:deleted /x/y"});
  REQUIRE_FALSE(watches.contains("/x/y", scene.a, WatcherType::data));
  REQUIRE_FALSE(watches.contains("/x/y", scene.a, WatcherType::children));
  REQUIRE(watches.contains("/x/y", scene.a, WatcherType::persistent));
  REQUIRE(scene.deleted("/x/y") == Diary{"a:deleted /x/y"});
}

TEST_CASE("A deletion uses up a child watch even of a watcher that the data table told") {
  Scene scene;
  scene.watches.add_recursive("/", scene.a);
  scene.watches.add_child("/x", scene.a);
  REQUIRE(scene.deleted("/x") == Diary{"a:deleted /x"});
  REQUIRE(scene.children_changed("/x").empty());
}

TEST_CASE("Watchers are told in the order they came, then those of the ancestors, nearest first") {
  Scene scene;
  auto& watches = scene.watches;
  watches.add_recursive("/", scene.a);
  watches.add_recursive("/x", scene.b);
  watches.add_persistent("/x/y", scene.c);
  REQUIRE(scene.data_changed("/x/y") == Diary{"c:data /x/y", "b:data /x/y", "a:data /x/y"});
  watches.add_data("/x/y", scene.b);
  watches.add_data("/x/y", scene.a);
  REQUIRE(scene.data_changed("/x/y") == Diary{"c:data /x/y", "b:data /x/y", "a:data /x/y"});
  watches.add_data("/z", scene.c);
  watches.add_data("/z", scene.a);
  watches.add_data("/z", scene.b);
  REQUIRE(scene.data_changed("/z") == Diary{"c:data /z", "a:data /z", "b:data /z"});
}

TEST_CASE("An event carries its zxid and the ACL that decides; the trigger counts who was told") {
  Scene scene;
  scene.watches.add_data("/x", scene.a);
  scene.watches.add_data("/x", scene.b);
  REQUIRE(scene.watches.trigger_data_changed("/x", {77}, 5) == 2);
  REQUIRE(scene.watches.trigger_data_changed("/x", {78}, 5) == 0);
  REQUIRE(scene.b.last_zxid == Zxid{77});
  REQUIRE(scene.b.last_acl == 5);
}

TEST_CASE("Kinds of watch on one path are independent of each other") {
  Scene scene;
  auto& watches = scene.watches;
  watches.add_persistent("/x", scene.a);
  watches.add_data("/x", scene.a);
  REQUIRE(scene.data_changed("/x").size() == 1);
  REQUIRE(scene.data_changed("/x").size() == 1);
  watches.add_recursive("/x", scene.a);
  REQUIRE(watches.remove("/x", scene.a, WatcherType::persistent));
  REQUIRE(scene.children_changed("/x").empty());
  REQUIRE(scene.data_changed("/x/y").size() == 1);
}

TEST_CASE("Each type of removal takes its own kind and says whether it was there") {
  using enum WatcherType;
  Scene scene;
  auto& watches = scene.watches;
  const auto add_all = [&] {
    watches.add_data("/x", scene.a);
    watches.add_child("/x", scene.a);
    watches.add_persistent("/x", scene.a);
    watches.add_recursive("/x", scene.a);
  };
  for (const auto type : {children, data, any, persistent, persistent_recursive}) {
    REQUIRE_FALSE(watches.contains("/x", scene.a, type));
    REQUIRE_FALSE(watches.remove("/x", scene.a, type));
  }
  for (const auto type : {children, data, persistent, persistent_recursive}) {
    add_all();
    REQUIRE_FALSE(watches.contains("/x", scene.b, type));
    REQUIRE_FALSE(watches.remove("/x", scene.b, type));
    REQUIRE_FALSE(watches.remove("/y", scene.a, type));
    REQUIRE(watches.remove("/x", scene.a, type));
    for (const auto other : {children, data, persistent, persistent_recursive})
      REQUIRE(watches.contains("/x", scene.a, other) == (other != type));
    REQUIRE(watches.contains("/x", scene.a, any));
  }
  add_all();
  REQUIRE(watches.remove("/x", scene.a, any));
  REQUIRE_FALSE(watches.contains("/x", scene.a, any));
  REQUIRE(watches.count() == 0);
}

TEST_CASE("A dropped watcher hears nothing more, the others do") {
  Scene scene;
  for (auto* watcher : {&scene.a, &scene.b}) {
    scene.watches.add_data("/x", *watcher);
    scene.watches.add_child("/y", *watcher);
    scene.watches.add_recursive("/", *watcher);
  }
  scene.watches.drop(scene.a);
  scene.watches.drop(scene.c);
  REQUIRE(scene.data_changed("/x") == Diary{"b:data /x"});
  REQUIRE(scene.children_changed("/y") == Diary{"b:children /y"});
  scene.watches.drop(scene.b);
  REQUIRE(scene.watches.count() == 0);
  scene.watches.add_data("/x", scene.a);
  REQUIRE(scene.data_changed("/x") == Diary{"a:data /x"});
}

TEST_CASE("The summaries show the data table, by path and by watcher") {
  Scene scene;
  auto& watches = scene.watches;
  watches.add_child("/only-child", scene.c);
  watches.add_data("/z", scene.b);
  watches.add_persistent("/y", scene.a);
  watches.add_recursive("/z", scene.a);
  watches.add_data("/y", scene.a);
  const auto totals = watches.data_totals();
  REQUIRE(totals.watchers == 2);
  REQUIRE(totals.paths == 2);
  REQUIRE(totals.watches == 3);
  REQUIRE(watches.count() == 5);
  const auto by_watcher = watches.data_by_watcher();
  REQUIRE(by_watcher.size() == 2);
  REQUIRE(by_watcher[0] == std::pair<const Watcher*, Paths>{&scene.b, {"/z"}});
  REQUIRE(by_watcher[1] == std::pair<const Watcher*, Paths>{&scene.a, {"/y", "/z"}});
  const auto by_path = watches.data_by_path();
  REQUIRE(by_path.size() == 2);
  REQUIRE(by_path[0].first == "/y");
  REQUIRE(by_path[0].second == std::vector<const Watcher*>{&scene.a});
  REQUIRE(by_path[1].first == "/z");
  REQUIRE(by_path[1].second == std::vector<const Watcher*>{&scene.b, &scene.a});
}

TEST_CASE("A hundred thousand watches go with their watcher") {
  Scene scene;
  for (int i = 0; i < 100000; ++i) scene.watches.add_data("/n" + std::to_string(i), scene.a);
  scene.watches.add_data("/n7", scene.b);
  REQUIRE(scene.watches.count() == 100001);
  scene.watches.drop(scene.a);
  REQUIRE(scene.watches.count() == 1);
  REQUIRE(scene.data_changed("/n7") == Diary{"b:data /n7"});
}

TEST_CASE("A path of many levels costs no lookup for each of them") {
  Scene scene;
  std::string path;
  for (int i = 0; i < 500000; ++i) path += "/d";
  scene.watches.add_recursive("/d/d", scene.a);
  scene.watches.add_recursive("/d/x/y", scene.b);
  for (int i = 0; i < 100; ++i) REQUIRE(scene.watches.trigger_data_changed(path, {1}, 0) == 1);
}

namespace {

/// ZooKeeper's own two tables, word for word: path, watcher, set of modes.
class TwoTables {
 public:
  enum Mode { standard, persistent, recursive };
  using Table = std::map<std::string, std::map<int, std::set<Mode>>>;

  Table data, child;

  std::set<int> trigger(Table& table, const std::string& path) const {
    std::set<int> told;
    for (auto& [watcher, modes] : table[path]) {
      told.insert(watcher);
      modes.erase(standard);
    }
    for (auto up = path; up != "/";) {
      const auto slash = up.rfind('/');
      up = slash == 0 ? "/" : up.substr(0, slash);
      for (const auto& [watcher, modes] : table[up])
        if (modes.contains(recursive)) told.insert(watcher);
    }
    purge(table);
    return told;
  }

  bool erase(Table& table, const std::string& path, int watcher, std::set<Mode> gone) const {
    bool removed = false;
    for (const auto mode : gone) removed |= table[path][watcher].erase(mode) > 0;
    purge(table);
    return removed;
  }

  static std::size_t size(const Table& table) {
    std::size_t sum = 0;
    for (const auto& [path, watchers] : table) sum += watchers.size();
    return sum;
  }

 private:
  static void purge(Table& table) {
    for (auto& [path, watchers] : table)
      std::erase_if(watchers, [](const auto& entry) { return entry.second.empty(); });
    std::erase_if(table, [](const auto& entry) { return entry.second.empty(); });
  }
};

class Listener final : public Watcher {
 public:
  Listener(int number, std::vector<int>& told) : number_(number), told_(told) {}
  void notify(const WatchEvent&) override { told_.push_back(number_); }

 private:
  int number_;
  std::vector<int>& told_;
};

const std::array<std::string, 8> kPaths{"/", "/a", "/a/b", "/a/b/c", "/ab", "/a/c", "/b", "/b/c"};

void random_addition(Watches& watches, TwoTables& tables, std::mt19937& random, Watcher& watcher,
                     int number) {
  const auto& path = kPaths.at(random() % kPaths.size());
  switch (random() % 4) {
    case 0:
      watches.add_data(path, watcher);
      tables.data[path][number].insert(TwoTables::standard);
      break;
    case 1:
      watches.add_child(path, watcher);
      tables.child[path][number].insert(TwoTables::standard);
      break;
    case 2:
      watches.add_persistent(path, watcher);
      tables.data[path][number].insert(TwoTables::persistent);
      tables.child[path][number].insert(TwoTables::persistent);
      break;
    default:
      watches.add_recursive(path, watcher);
      tables.data[path][number].insert(TwoTables::recursive);
  }
}

bool removal(TwoTables& tables, const std::string& path, int number, WatcherType type) {
  using enum TwoTables::Mode;
  auto& data = tables.data;
  auto& child = tables.child;
  switch (type) {
    case WatcherType::children: return tables.erase(child, path, number, {standard});
    case WatcherType::data: return tables.erase(data, path, number, {standard});
    case WatcherType::persistent:
      tables.erase(child, path, number, {persistent});
      return tables.erase(data, path, number, {persistent});
    case WatcherType::persistent_recursive: return tables.erase(data, path, number, {recursive});
    default: {
      const bool in_child = tables.erase(child, path, number, {standard, persistent, recursive});
      return tables.erase(data, path, number, {standard, persistent, recursive}) || in_child;
    }
  }
}

std::set<int> expected_of(TwoTables& tables, const std::string& path, EventType type) {
  if (type == EventType::children_changed) return tables.trigger(tables.child, path);
  auto told = tables.trigger(tables.data, path);
  if (type == EventType::deleted) told.merge(tables.trigger(tables.child, path));
  return told;
}

void fire(Watches& watches, const std::string& path, EventType type) {
  switch (type) {
    case EventType::created: watches.trigger_created(path, {1}, 0); break;
    case EventType::deleted: watches.trigger_deleted(path, {1}, 0); break;
    case EventType::data_changed: watches.trigger_data_changed(path, {1}, 0); break;
    case EventType::children_changed: watches.trigger_children_changed(path, {1}, 0); break;
  }
}

}  // namespace

TEST_CASE("Random watches and changes reach whom ZooKeeper's two tables would tell") {
  std::mt19937 random(3);
  Watches watches(1);
  TwoTables tables;
  std::vector<int> told;
  std::vector<std::unique_ptr<Listener>> listeners;
  for (int i = 0; i < 6; ++i) listeners.push_back(std::make_unique<Listener>(i, told));
  for (int round = 0; round < 20000; ++round) {
    const auto number = static_cast<int>(random() % listeners.size());
    auto& watcher = *listeners[static_cast<std::size_t>(number)];
    const auto& path = kPaths.at(random() % kPaths.size());
    if (random() % 3 == 0) {
      const auto type = static_cast<EventType>(1 + random() % 4);
      const auto expected = expected_of(tables, path, type);
      told.clear();
      fire(watches, path, type);
      REQUIRE(told.size() == expected.size());
      REQUIRE(std::set<int>(told.begin(), told.end()) == expected);
    } else if (random() % 4 == 0) {
      const auto type = static_cast<WatcherType>(1 + random() % 5);
      const bool held = watches.contains(path, watcher, type);
      REQUIRE(watches.remove(path, watcher, type) == held);
      REQUIRE(removal(tables, path, number, type) == held);
    } else if (random() % 50 == 0) {
      watches.drop(watcher);
      for (const auto& other : kPaths) removal(tables, other, number, WatcherType::any);
    } else {
      random_addition(watches, tables, random, watcher, number);
    }
    REQUIRE(watches.data_totals().watches == TwoTables::size(tables.data));
    REQUIRE(watches.data_totals().paths == tables.data.size());
    REQUIRE(watches.count() == TwoTables::size(tables.data) + TwoTables::size(tables.child));
  }
}
