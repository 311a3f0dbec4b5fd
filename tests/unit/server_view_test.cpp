// What services see of znodes through ServerView: no more than a client of the same identities.
#include "tests/support/lua_fixture.hpp"
#include "tests/support/test_server.hpp"

#include <vivarium/service.hpp>

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace vivarium;
using namespace vivarium::test;

namespace {

const Identity kTeam{"digest", "team:shzD+8mpsnqt5eJ2+pNI6z4v2Jg="};  // team:pw
const Identity kOther{"digest", "other:xxxxxxxxxxxxxxxxxxxxxxxxxxx="};

AclList team_alone() { return {{perms::kAll, kTeam.scheme, kTeam.id}}; }

std::vector<std::string> names_of(const NodeView& node) {
  std::vector<std::string> names;
  for (const auto& child : node.children) names.push_back(child.name);
  return names;
}

/// `/team` is the team's, with a child that is everybody's; `/open` is everybody's, with a child that is the team's.
struct Scene {
  explicit Scene(AclPolicy* policy = nullptr) : server(TestServer::defaults(), policy), client(server) {
    client.authenticate("digest", "team:pw");
    client.create("/team", "theirs", CreateFlag::persistent, team_alone());
    client.create("/team/child");
    client.create("/open", "all see it");
    client.create("/open/closed", "theirs", CreateFlag::persistent, team_alone());
    client.create("/open/other");
    client.create("/open/other/one");
  }

  std::optional<NodeView> node(std::string_view path, std::vector<Identity> identities = {},
                               const NodeWindow& window = {}) const {
    return server.server.view().node(path, {identities}, window);
  }
  auto acl(std::string_view path, std::vector<Identity> identities = {}) const {
    return server.server.view().acl(path, {identities});
  }

  TestServer server;
  TestClient client;
};

}  // namespace

TEST_CASE("A viewer sees of a znode what its ACL lets him") {
  Scene scene;
  CHECK_FALSE(scene.node("/team"));
  CHECK_FALSE(scene.node("/team", {kOther}));
  CHECK_FALSE(scene.node("/open/closed"));
  CHECK_FALSE(scene.node("/none"));
  const auto theirs = scene.node("/team", {kOther, kTeam});
  REQUIRE(theirs);
  CHECK(theirs->data == "theirs");
  CHECK(theirs->stat == scene.client.stat("/team"));
  CHECK(names_of(*theirs) == std::vector<std::string>{"child"});
  CHECK(scene.node("/team", {{"super", ""}}));
}

TEST_CASE("A path that no client could use finds nothing") {
  Scene scene;
  for (const auto* path : {"", "open", "/open/", "//open", "/open//other", "/open/."}) {
    CAPTURE(path);
    CHECK_FALSE(scene.node(path, {kTeam}));
    CHECK_FALSE(scene.acl(path, {kTeam}));
  }
}

TEST_CASE("Of a hidden child a viewer sees the name, which the parent tells, and no more") {
  Scene scene;
  auto open = scene.node("/open");
  REQUIRE(open);
  CHECK(names_of(*open) == std::vector<std::string>{"closed", "other"});
  CHECK_FALSE(open->children[0].num_children);
  CHECK(open->children[1].num_children == 1);
  CHECK(scene.node("/open", {kTeam})->children[0].num_children == 0);
}

TEST_CASE("A window bounds what is given, and tells that there is more") {
  Scene scene;
  for (int i = 10; i < 35; ++i) scene.client.create("/open/other/n" + std::to_string(i));
  const auto list = [&](const NodeWindow& window) { return *scene.node("/open/other", {}, window); };
  auto page = list({.children_after = "n10", .children_max = 3});
  CHECK(names_of(page) == std::vector<std::string>{"n11", "n12", "n13"});
  CHECK(page.more_children);
  CHECK(page.stat.num_children == 26);
  page = list({.children_after = "n33", .children_max = 2});
  CHECK(names_of(page) == std::vector<std::string>{"n34", "one"});
  CHECK_FALSE(page.more_children);
  page = list({.name_bytes_max = 7});
  CHECK(names_of(page) == std::vector<std::string>{"n10", "n11"});
  CHECK(page.more_children);
  CHECK(list({.name_bytes_max = 0}).children.size() == 1);
  CHECK(list({.children_max = 0}).children.empty());
  CHECK(list({.children_max = 0}).more_children);
  CHECK(list({}).children.size() == 26);
  CHECK(scene.node("/open", {}, {.data_bytes_max = 3})->data == "all");
  CHECK(scene.node("/open", {}, {.data_bytes_max = 3})->stat.data_length == 10);
}

TEST_CASE("An ACL is shown as getACL shows it") {
  Scene scene;
  scene.client.create("/read", "", CreateFlag::persistent,
                      {{perms::kRead, "world", "anyone"}, {perms::kAll, kTeam.scheme, kTeam.id}});
  scene.client.create("/admin", "", CreateFlag::persistent, {{perms::kAdmin, "world", "anyone"}});
  const auto seen = scene.acl("/read");
  REQUIRE(seen);
  REQUIRE(seen->size() == 2);
  CHECK((*seen)[0].perms == perms::kRead);
  CHECK((*seen)[0].scheme == "world");
  CHECK((*seen)[1].id == "team:x");
  CHECK((*scene.acl("/read", {kTeam}))[1].id == kTeam.id);
  CHECK_FALSE(scene.acl("/team"));
  CHECK_FALSE(scene.acl("/none"));
  CHECK(scene.acl("/admin"));
  CHECK_FALSE(scene.node("/admin"));
  const auto open = scene.acl("/zookeeper");
  REQUIRE(open);
  CHECK(open->front().scheme == "world");
}

TEST_CASE("A policy hides znodes, their children and ACLs from viewers") {
  LuaFixture lua(R"(
    function decide(access)
      if access.path == "/open/other" and not access.writes and access.address ~= "10.0.0.9" then return deny("from elsewhere") end
      if access.path == "/open" and access.operation == "get_children" then return deny("no lists") end
      return defer()
    end
  )");
  REQUIRE(lua.policy.start().has_value());
  Scene scene(&lua.policy);
  CHECK_FALSE(scene.node("/open/other"));
  CHECK_FALSE(scene.acl("/open/other"));
  CHECK(scene.server.server.view().node("/open/other", {{}, "10.0.0.9"}, {}));
  const auto open = scene.node("/open");
  REQUIRE(open);
  CHECK_FALSE(open->lists_children);
  CHECK(open->children.empty());
  CHECK_FALSE(open->more_children);
}
