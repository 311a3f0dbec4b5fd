// A Lua policy in a whole server: it denies on every path by which data leaves, and cannot harm the server.
#include "tests/support/lua_fixture.hpp"
#include "tests/support/test_server.hpp"

#include <catch2/catch.hpp>

using namespace vivarium;
using namespace vivarium::test;

namespace {

/// Nobody but the team's own user sees or touches what is below /secret.
constexpr std::string_view kTeamRule = R"(
  function decide(access)
    if under(access.path, "/secret") and not has(access, "digest", "team:shzD+8mpsnqt5eJ2+pNI6z4v2Jg=") then
      return deny("the team's own")
    end
    return defer()
  end
)";

struct PolicyServer {
  explicit PolicyServer(std::string_view script)
      : lua(script), started(lua.policy.start().has_value()), server(TestServer::defaults(), &lua.policy) {
    REQUIRE(started);
  }
  LuaFixture lua;
  bool started;
  TestServer server;
};

/// A client with the identity that the rule asks for.
struct Member : TestClient {
  explicit Member(TestServer& server) : TestClient(server) { authenticate("digest", "team:pw"); }
};

WireError path_request(TestClient& client, Op op, std::string_view path) {
  return client.call(op, records::PathRequest{path}).err;
}

}  // namespace

TEST_CASE("a policy denies reads of every kind, whatever the ACL allows") {
  PolicyServer with(kTeamRule);
  Member member(with.server);
  TestClient other(with.server);
  REQUIRE(member.create("/secret", "data").err == WireError::ok);
  REQUIRE(member.create("/secret/child", "more").err == WireError::ok);
  CHECK(member.data("/secret") == "data");
  CHECK(other.get("/secret").err == WireError::no_auth);
  CHECK(other.exists("/secret").err == WireError::no_auth);
  CHECK(other.exists("/secret/none").err == WireError::no_auth);
  CHECK(other.children("/secret").err == WireError::no_auth);
  CHECK(other.call(Op::get_children2, records::PathWatchRequest{"/secret", false}).err ==
        WireError::no_auth);
  CHECK(path_request(other, Op::get_acl, "/secret") == WireError::no_auth);
  CHECK(path_request(other, Op::get_all_children_number, "/secret") == WireError::no_auth);
  const auto body = MultiBody()
                        .add(Op::get_data, records::PathWatchRequest{"/secret", false})
                        .add(Op::get_children, records::PathWatchRequest{"/secret/child", false})
                        .bytes();
  const auto reply = other.wait_for(other.send(Op::multi_read, body));
  CHECK(reply.body.find("data") == std::string::npos);
  CHECK(reply.body.find("more") == std::string::npos);
}

TEST_CASE("a policy denies writes of every kind, parts of a multi included") {
  PolicyServer with(kTeamRule);
  Member member(with.server);
  TestClient other(with.server);
  member.create("/secret", "data");
  CHECK(other.create("/secret/x").err == WireError::no_auth);
  CHECK(other.set("/secret", "x").err == WireError::no_auth);
  CHECK(other.remove("/secret").err == WireError::no_auth);
  CHECK(other.call(Op::set_acl, records::SetAclRequest{"/secret", TestClient::open_acl(), -1}).err ==
        WireError::no_auth);
  const auto body = MultiBody()
                        .add(Op::create, records::CreateRequest{"/fine", "", TestClient::open_acl(), 0})
                        .add(Op::check, records::PathVersionRequest{"/secret", 0})
                        .bytes();
  const auto reply = other.wait_for(other.send(Op::multi, body));
  CHECK(reply.err == WireError::ok);
  CHECK(other.exists("/fine").err == WireError::no_node);
  CHECK(member.data("/secret") == "data");
}

TEST_CASE("a policy keeps events from those who may not see the node") {
  PolicyServer with(kTeamRule);
  Member member(with.server);
  TestClient other(with.server);
  CHECK(other.call(Op::add_watch, records::PathTypeRequest{"/", 1}).err == WireError::ok);
  CHECK(other.call(Op::add_watch, records::PathTypeRequest{"/secret", 0}).err == WireError::no_auth);
  member.create("/secret", "data");
  member.set("/secret", "more");
  member.create("/secret/child");
  member.remove("/secret/child");
  const auto open = member.create("/open").zxid;
  CHECK(other.take_events() == std::vector<Event>{{EventType::created, "/open", open}});
  const records::SetWatchesRequest request{0, {"/secret"}, {"/secret"}, {"/secret"}};
  other.send_as(kXidSetWatches, Op::set_watches, to_jute(request));
  CHECK(other.wait_for(kXidSetWatches).err == WireError::ok);
  CHECK(other.take_events().empty());
}

TEST_CASE("a policy may allow what the ACL forbids, and super repairs what it broke") {
  PolicyServer with(R"(
    function decide(access)
      if access.path == "/locked" and access.operation == "get_data" then return allow() end
      if access.path == "/broken" then error("a bug in the script") end
      return defer()
    end
  )");
  TestClient client(with.server), admin(with.server);
  client.authenticate("digest", "bob:secret");
  client.create("/locked", "x", CreateFlag::persistent, {{perms::kAll, "auth", ""}});
  CHECK(admin.get("/locked").err == WireError::ok);
  CHECK(admin.set("/locked", "y").err == WireError::no_auth);
  CHECK(client.create("/broken").err == WireError::no_auth);
  admin.authenticate("digest", "super:admin");
  CHECK(admin.create("/broken").err == WireError::ok);
}

TEST_CASE("a script that runs away is cut off, denies, and the server serves on") {
  const std::string_view body = GENERATE(as<std::string_view>{}, "while true do end",
                                         "local s = string.rep('x', 1 << 30)",
                                         "while true do pcall(function() while true do end end) end",
                                         "local t = {} while true do t[#t + 1] = 'x' .. #t end",
                                         "local function f() return f() + 1 end f()");
  CAPTURE(body);
  PolicyServer with("function decide(access) if access.path == '/bomb' then " + std::string(body) +
                    " end return defer() end");
  TestClient client(with.server);
  CHECK(client.create("/bomb").err == WireError::no_auth);
  CHECK(client.get("/bomb").err == WireError::no_node);
  CHECK(client.create("/fine", "x").err == WireError::ok);
  CHECK(client.data("/fine") == "x");
}

TEST_CASE("a changed script counts at once after a reload, a bad one leaves the last good") {
  PolicyServer with("function decide(access) return defer() end");
  TestClient client(with.server);
  client.create("/a", "x");
  CHECK(client.get("/a").err == WireError::ok);
  REQUIRE(with.lua.reload("function decide(access) return deny('closed') end").has_value());
  CHECK(client.get("/a").err == WireError::no_auth);
  CHECK_FALSE(with.lua.reload("function decide(access").has_value());
  CHECK_FALSE(with.lua.reload("\x1bLua bytecode").has_value());
  CHECK(client.get("/a").err == WireError::no_auth);
}
