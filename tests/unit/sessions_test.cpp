// Sessions and watches, through a whole server on simulated doors.
#include "tests/support/test_server.hpp"

#include "kernel/core/connection.hpp"

#include <catch2/catch.hpp>

using namespace vivarium;
using namespace vivarium::test;
using namespace std::chrono_literals;

namespace {

std::string hex(std::string_view bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    text += digits[static_cast<unsigned char>(c) >> 4];
    text += digits[static_cast<unsigned char>(c) & 15];
  }
  return text;
}

void add_watch(TestClient& client, std::string_view path, std::int32_t mode) {
  REQUIRE(client.call(Op::add_watch, records::PathTypeRequest{path, mode}).err == WireError::ok);
}

WireError remove_watches(TestClient& client, std::string_view path, std::int32_t type) {
  return client.call(Op::remove_watches, records::PathTypeRequest{path, type}).err;
}

using Events = std::vector<Event>;

}  // namespace

TEST_CASE("the session password is what Java derives from the id") {
  CHECK(hex(session_password({0x1})) == "054cc74a37327db215e702e20c73f005");
  CHECK(hex(session_password({0x1018ea4b7a30000})) == "3f763294602462e0b588f826a91b2375");
}

TEST_CASE("the timeout is clamped into the server's limits") {
  TestServer server;
  TestClient client(server, TestClient::Greeting::none);
  CHECK(client.connect(0, std::string(16, '\0'), 1));
  CHECK(client.session_timeout == 4000);
  TestClient other(server, TestClient::Greeting::none);
  CHECK(other.connect(0, std::string(16, '\0'), 1'000'000));
  CHECK(other.session_timeout == 40000);
}

TEST_CASE("a client that has seen more than the server is closed without an answer") {
  TestServer server;
  TestClient client(server, TestClient::Greeting::none);
  CHECK_FALSE(client.connect(0, std::string(16, '\0'), 10000, 1ll << 40));
  CHECK(client.closed);
}

TEST_CASE("a session moves to a new connection and the old one closes") {
  TestServer server;
  TestClient first(server);
  first.create("/e", "", CreateFlag::ephemeral);
  TestClient second(server, TestClient::Greeting::none);
  CHECK(second.connect(first.session, first.password));
  CHECK(second.session == first.session);
  first.wait_closed();
  CHECK(second.stat("/e").ephemeral_owner == first.session);
}

TEST_CASE("a wrong password or an unknown session is told that it is expired") {
  TestServer server;
  TestClient first(server);
  for (const bool known : {true, false}) {
    TestClient other(server, TestClient::Greeting::none);
    CHECK_FALSE(other.connect(known ? first.session : 12345, std::string(16, 'x')));
    CHECK(other.session == 0);
    CHECK(other.password == std::string(16, '\0'));
    other.wait_closed();
    CHECK(other.closed);
  }
  TestClient unknown(server, TestClient::Greeting::none);
  CHECK_FALSE(unknown.connect(12345, session_password({12345})));
  // Whoever has the session keeps it, and its connection.
  CHECK(first.exists("/").err == WireError::ok);
  CHECK_FALSE(first.closed);
}

TEST_CASE("closing a session removes its ephemerals at one zxid") {
  TestServer server;
  TestClient owner(server), other(server);
  owner.create("/a", "", CreateFlag::ephemeral);
  owner.create("/b", "", CreateFlag::ephemeral);
  other.exists("/a", true);
  other.exists("/b", true);
  const auto reply = owner.call(Op::close_session);
  CHECK(reply.err == WireError::ok);
  owner.wait_closed();
  CHECK(other.take_events() ==
        Events{{EventType::deleted, "/a", reply.zxid}, {EventType::deleted, "/b", reply.zxid}});
  TestClient late(server, TestClient::Greeting::none);
  CHECK_FALSE(late.connect(owner.session, owner.password));
}

TEST_CASE("an ephemeral still in flight goes with its session") {
  TestServer server;
  TestClient owner(server), other(server);
  owner.send(Op::create, to_jute(records::CreateRequest{"/e", "", TestClient::open_acl(), 1}));
  owner.send(Op::close_session, {});
  owner.send(Op::create, to_jute(records::CreateRequest{"/late", "", TestClient::open_acl(), 0}));
  owner.wait_closed();
  CHECK(other.exists("/e").err == WireError::no_node);
  CHECK(other.exists("/late").err == WireError::no_node);
}

TEST_CASE("a silent session expires between its timeout and one tick more") {
  TestServer server;
  TestClient owner(server, TestClient::Greeting::none), other(server);
  owner.connect(0, std::string(16, '\0'), 4000);
  owner.create("/e", "", CreateFlag::ephemeral);
  const auto began = server.loop.now();
  MonoTime gone{};
  for (int i = 0; i < 100 && gone == MonoTime{}; ++i) {
    server.loop.run_for(100ms);
    if (other.exists("/e").err == WireError::no_node) gone = server.loop.now();
  }
  CHECK(gone - began > 3900ms);
  CHECK(gone - began < 6300ms);
  owner.wait_closed();
  CHECK(owner.closed);
}

TEST_CASE("a jump of the wall clock neither expires nor keeps a session") {
  TestServer server;
  TestClient client(server);
  server.loop.set_wall_ms(server.loop.wall_ms() + 3'600'000);
  server.loop.run_for(3s);
  CHECK(client.call(Op::ping).err == WireError::ok);
  server.loop.set_wall_ms(server.loop.wall_ms() - 7'200'000);
  server.loop.run_for(3s);
  CHECK(client.call(Op::ping).err == WireError::ok);
}

TEST_CASE("pings keep a session alive") {
  TestServer server;
  TestClient client(server);
  for (int i = 0; i < 20; ++i) {
    server.loop.run_for(3s);
    CHECK(client.call(Op::ping).err == WireError::ok);
  }
}

TEST_CASE("a connection that never says who it is gets closed") {
  TestServer server;
  TestClient client(server, TestClient::Greeting::none);
  server.loop.run_for(11s);
  CHECK(client.closed);
}

TEST_CASE("one-shot watches fire once, before any reply that shows the change") {
  TestServer server;
  TestClient watcher(server), writer(server);
  writer.create("/a");
  watcher.get("/a", true);
  watcher.exists("/missing", true);
  watcher.children("/a", true);
  const auto set = writer.set("/a", "x");
  writer.set("/a", "y");
  const auto create = writer.create("/missing");
  const auto child = writer.create("/a/c");
  writer.create("/a/d");
  CHECK(watcher.take_events() == Events{{EventType::data_changed, "/a", set.zxid},
                                        {EventType::created, "/missing", create.zxid},
                                        {EventType::children_changed, "/a", child.zxid}});
}

TEST_CASE("a deletion reaches a client once though it watches data and children") {
  TestServer server;
  TestClient watcher(server), writer(server);
  writer.create("/a");
  watcher.get("/a", true);
  watcher.children("/a", true);
  watcher.children("/", true);
  const auto gone = writer.remove("/a");
  CHECK(watcher.take_events() == Events{{EventType::deleted, "/a", gone.zxid},
                                        {EventType::children_changed, "/", gone.zxid}});
}

TEST_CASE("a failed read leaves no watch, a failed exists does") {
  TestServer server;
  TestClient watcher(server), writer(server);
  CHECK(watcher.get("/a", true).err == WireError::no_node);
  CHECK(watcher.children("/a", true).err == WireError::no_node);
  writer.create("/a");
  CHECK(watcher.take_events().empty());
}

TEST_CASE("persistent watches stay, recursive ones see descendants and no child events") {
  TestServer server;
  TestClient persistent(server), recursive(server), writer(server);
  writer.create("/a");
  add_watch(persistent, "/a", 0);
  add_watch(recursive, "/a", 1);
  const auto one = writer.set("/a", "1").zxid;
  const auto two = writer.create("/a/b").zxid;
  const auto three = writer.set("/a/b", "x").zxid;
  const auto four = writer.remove("/a/b").zxid;
  CHECK(persistent.take_events() == Events{{EventType::data_changed, "/a", one},
                                           {EventType::children_changed, "/a", two},
                                           {EventType::children_changed, "/a", four}});
  CHECK(recursive.take_events() == Events{{EventType::data_changed, "/a", one},
                                          {EventType::created, "/a/b", two},
                                          {EventType::data_changed, "/a/b", three},
                                          {EventType::deleted, "/a/b", four}});
  CHECK(remove_watches(persistent, "/a", 5) == WireError::no_watcher);
  CHECK(remove_watches(persistent, "/a", 4) == WireError::ok);
  CHECK(remove_watches(recursive, "/a", 3) == WireError::ok);
  CHECK(remove_watches(recursive, "/a", 9) == WireError::marshalling_error);
  writer.set("/a", "2");
  CHECK(persistent.take_events().empty());
  CHECK(recursive.take_events().empty());
}

TEST_CASE("checkWatches tells whether there is one and leaves it") {
  TestServer server;
  TestClient client(server);
  client.create("/a");
  const auto check = [&](std::int32_t type) {
    return client.call(Op::check_watches, records::PathTypeRequest{"/a", type}).err;
  };
  CHECK(check(2) == WireError::no_watcher);
  client.get("/a", true);
  CHECK(check(2) == WireError::ok);
  CHECK(check(2) == WireError::ok);
  CHECK(check(1) == WireError::no_watcher);
  CHECK(remove_watches(client, "/a", 2) == WireError::ok);
  CHECK(check(3) == WireError::no_watcher);
}

TEST_CASE("a watch below the root's empty name never fires, and setWatches knows the node") {
  TestServer server;
  TestClient client(server);
  const auto before = client.create("/a").zxid;
  client.children("", true);
  client.get("", true);
  client.create("/b");
  client.set("/", "x");
  CHECK(client.take_events().empty());
  client.send_as(kXidSetWatches, Op::set_watches,
                 to_jute(records::SetWatchesRequest{before, {""}, {}, {""}}));
  CHECK(client.wait_for(kXidSetWatches).err == WireError::ok);
  CHECK(client.take_events() ==
        Events{{EventType::data_changed, "", -1}, {EventType::children_changed, "", -1}});
}

TEST_CASE("setWatches fires what was missed and sets the rest again") {
  TestServer server;
  TestClient writer(server), client(server);
  for (const auto path : {"/same", "/changed", "/children"}) writer.create(path);
  const auto seen = writer.create("/gone").zxid;
  writer.set("/changed", "x");
  writer.create("/children/c");
  writer.remove("/gone");
  writer.create("/now");
  const records::SetWatchesRequest request{
      seen, {"/same", "/changed", "/gone"}, {"/now", "/still"}, {"/same", "/children", "/gone"}};
  client.send_as(kXidSetWatches, Op::set_watches, to_jute(request));
  CHECK(client.wait_for(kXidSetWatches).err == WireError::ok);
  CHECK(client.take_events() == Events{{EventType::data_changed, "/changed", -1},
                                       {EventType::deleted, "/gone", -1},
                                       {EventType::created, "/now", -1},
                                       {EventType::children_changed, "/children", -1},
                                       {EventType::deleted, "/gone", -1}});
  const auto set = writer.set("/same", "x").zxid;
  const auto still = writer.create("/still").zxid;
  CHECK(client.take_events() == Events{{EventType::data_changed, "/same", set},
                                       {EventType::created, "/still", still}});
}

TEST_CASE("no event and no setWatches tells of a node that the client may not read") {
  TestServer server;
  TestClient owner(server), spy(server);
  owner.authenticate("digest", "bob:secret");
  const AclList mine{{perms::kAll, "auth", ""}};
  add_watch(spy, "/", 1);
  spy.exists("/secret", true);
  owner.create("/secret", "x", CreateFlag::persistent, mine);
  const auto made = owner.stat("/secret");
  owner.set("/secret", "y");
  CHECK(spy.take_events().empty());
  const records::SetWatchesRequest request{made.czxid - 1, {"/secret"}, {"/secret"}, {"/secret"}};
  spy.send_as(kXidSetWatches, Op::set_watches, to_jute(request));
  CHECK(spy.wait_for(kXidSetWatches).err == WireError::ok);
  CHECK(spy.take_events().empty());
}

TEST_CASE("watches end with their connection") {
  TestServer server;
  TestClient writer(server);
  writer.create("/a");
  TestClient first(server);
  first.get("/a", true);
  TestClient second(server, TestClient::Greeting::none);
  CHECK(second.connect(first.session, first.password));
  writer.set("/a", "x");
  CHECK(second.take_events().empty());
}

TEST_CASE("getEphemerals lists the session's own by prefix") {
  TestServer server;
  TestClient client(server), other(server);
  client.create("/d");
  client.create("/d/a", "", CreateFlag::ephemeral);
  client.create("/e", "", CreateFlag::ephemeral);
  other.create("/d/other", "", CreateFlag::ephemeral);
  const auto list = [&](std::string_view prefix) {
    const auto reply = client.call(Op::get_ephemerals, records::PathRequest{prefix});
    JuteIn in(reply.body);
    std::vector<Text> paths;
    in(paths);
    return std::vector<std::string>(paths.begin(), paths.end());
  };
  CHECK(list("/") == std::vector<std::string>{"/d/a", "/e"});
  CHECK(list("/d") == std::vector<std::string>{"/d/a"});
  CHECK(list("/x").empty());
}
