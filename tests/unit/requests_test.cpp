// Every request of the client protocol, through a whole server on simulated doors.
#include "tests/support/test_server.hpp"

#include <catch2/catch.hpp>

using namespace vivarium;
using namespace vivarium::test;

namespace {

std::vector<std::string> names(const Reply& reply) {
  std::vector<std::string> all;
  JuteIn in(reply.body);
  std::vector<Text> list;
  in(list);
  for (const auto name : list) all.emplace_back(name);
  return all;
}

/// A multi's results: (type, err) of each part.
std::vector<std::pair<int, int>> results(const Reply& reply) {
  std::vector<std::pair<int, int>> all;
  JuteIn in(reply.body);
  for (;;) {
    records::MultiHeader header;
    in(header);
    if (!in.ok() || header.done) break;
    all.emplace_back(header.type, header.err);
    Text path;
    Stat stat;
    std::int32_t code = 0;
    if (header.type == -1) in(code);
    if (header.type == 1 || header.type == 15) in(path);
    if (header.type == 5 || header.type == 15) in(stat);
  }
  REQUIRE(in.ok());
  REQUIRE(in.rest().empty());
  return all;
}

constexpr int kOk = 0;

}  // namespace

TEST_CASE("a fresh tree has the built-in nodes with zero stats") {
  TestServer server;
  TestClient client(server);
  CHECK(names(client.children("/")) == std::vector<std::string>{"zookeeper"});
  CHECK(names(client.children("/zookeeper")) == std::vector<std::string>{"config", "quota"});
  const auto root = client.stat("/");
  CHECK(root.cversion == -1);
  CHECK(root.num_children == 1);
  CHECK(client.stat("/zookeeper").cversion == -2);
  CHECK(client.data("/zookeeper/config").empty());
}

TEST_CASE("create sets every stat field and moves its parent's") {
  TestServer server;
  TestClient client(server);
  const auto before = client.stat("/");
  const auto reply = client.create("/a", "hello");
  CHECK(reply.err == WireError::ok);
  CHECK(reply.as<records::PathRequest>().path == "/a");
  const auto stat = client.stat("/a");
  CHECK(stat.czxid == reply.zxid);
  CHECK(stat.mzxid == reply.zxid);
  CHECK(stat.pzxid == reply.zxid);
  CHECK(stat.ctime == stat.mtime);
  CHECK(stat.version == 0);
  CHECK(stat.cversion == 0);
  CHECK(stat.aversion == 0);
  CHECK(stat.ephemeral_owner == 0);
  CHECK(stat.data_length == 5);
  CHECK(stat.num_children == 0);
  const auto after = client.stat("/");
  CHECK(after.cversion == before.cversion + 1);
  CHECK(after.pzxid == reply.zxid);
  CHECK(after.num_children == before.num_children + 1);
}

TEST_CASE("create refuses in ZooKeeper's order of checks") {
  TestServer server;
  TestClient client(server);
  client.create("/a");
  client.create("/e", "", CreateFlag::ephemeral);
  const auto err = [&](std::string_view path, std::int32_t flag, AclList acl) {
    return client.call(Op::create, records::CreateRequest{path, "", acl, flag}).err;
  };
  const auto open = TestClient::open_acl();
  CHECK(err("relative", 9, {}) == WireError::bad_arguments);
  CHECK(err("relative", 0, {}) == WireError::bad_arguments);
  CHECK(err("/none/x", 0, {}) == WireError::invalid_acl);
  CHECK(err("/none/x", 0, {{31, "nosuch", "x"}}) == WireError::invalid_acl);
  CHECK(err("/none/x", 0, {{31, "auth", ""}}) == WireError::invalid_acl);
  CHECK(err("/none/x", 0, {{31, "world", "someone"}}) == WireError::invalid_acl);
  CHECK(err("/none/x/", 0, open) == WireError::no_node);
  CHECK(err("/a/x/", 0, open) == WireError::no_node);
  CHECK(err("/a/", 0, open) == WireError::bad_arguments);
  CHECK(err("/a/../b", 0, open) == WireError::no_node);
  CHECK(err("/a/..", 0, open) == WireError::bad_arguments);
  CHECK(err("/a/\x01", 0, open) == WireError::bad_arguments);
  CHECK(err("/a/\xf0\x9f\x98\x80", 0, open) == WireError::bad_arguments);
  CHECK(err("/a", 0, open) == WireError::node_exists);
  CHECK(err("/", 0, open) == WireError::node_exists);
  CHECK(err("/e/x", 0, open) == WireError::no_children_for_ephemerals);
}

TEST_CASE("a failed write still takes a zxid") {
  TestServer server;
  TestClient client(server);
  const auto first = client.create("/a");
  const auto failed = client.create("/a");
  const auto second = client.create("/b");
  CHECK(failed.err == WireError::node_exists);
  CHECK(failed.body.empty());
  CHECK(failed.zxid == first.zxid + 1);
  CHECK(second.zxid == first.zxid + 2);
}

TEST_CASE("sequential names count the creates below their parent") {
  TestServer server;
  TestClient client(server);
  client.create("/q");
  CHECK(client.created("/q/n-", "", CreateFlag::persistent_sequential) == "/q/n-0000000000");
  CHECK(client.created("/q/plain") == "/q/plain");
  CHECK(client.remove("/q/plain").err == WireError::ok);
  CHECK(client.created("/q/n-", "", CreateFlag::ephemeral_sequential) == "/q/n-0000000002");
  CHECK(client.created("/q/", "", CreateFlag::persistent_sequential) == "/q/0000000003");
}

TEST_CASE("null and empty data are told apart") {
  TestServer server;
  TestClient client(server);
  client.create("/null", std::nullopt);
  client.create("/empty", "");
  CHECK(client.data("/null") == "<null>");
  CHECK(client.data("/empty").empty());
  CHECK(client.stat("/null").data_length == 0);
}

TEST_CASE("setData counts versions and refuses a wrong one") {
  TestServer server;
  TestClient client(server);
  client.create("/a", "1");
  const auto reply = client.set("/a", "two", 0);
  const auto stat = reply.as<Stat>();
  CHECK(stat.version == 1);
  CHECK(stat.mzxid == reply.zxid);
  CHECK(stat.czxid < stat.mzxid);
  CHECK(stat.data_length == 3);
  CHECK(client.set("/a", "x", 0).err == WireError::bad_version);
  CHECK(client.set("/none", "x").err == WireError::no_node);
  CHECK(client.set("/a/", "x").err == WireError::bad_arguments);
  CHECK(client.set("/", "root data").err == WireError::ok);
  CHECK(client.data("/") == "root data");
}

TEST_CASE("delete checks path, parent, node, version and children") {
  TestServer server;
  TestClient client(server);
  client.create("/a");
  client.create("/a/b");
  CHECK(client.remove("/").err == WireError::bad_arguments);
  CHECK(client.remove("/zookeeper").err == WireError::bad_arguments);
  CHECK(client.remove("/none/x").err == WireError::no_node);
  CHECK(client.remove("/none").err == WireError::no_node);
  CHECK(client.remove("/a/b", 7).err == WireError::bad_version);
  CHECK(client.remove("/a").err == WireError::not_empty);
  const auto reply = client.remove("/a/b", 0);
  CHECK(reply.err == WireError::ok);
  const auto parent = client.stat("/a");
  CHECK(parent.pzxid == reply.zxid);
  CHECK(parent.cversion == 2);
  CHECK(parent.num_children == 0);
}

TEST_CASE("reads of a missing node say so, and malformed paths are just missing") {
  TestServer server;
  TestClient client(server);
  for (const std::string_view path : {"/none", "none", "//", "/zookeeper/", "/zookeeper//quota"}) {
    CAPTURE(path);
    CHECK(client.get(path).err == WireError::no_node);
    CHECK(client.exists(path).err == WireError::no_node);
    CHECK(client.children(path).err == WireError::no_node);
    CHECK(client.call(Op::get_acl, records::PathRequest{path}).err == WireError::no_node);
  }
  CHECK(client.exists(std::string_view("/a\0b", 4)).err == WireError::bad_arguments);
}

TEST_CASE("an empty path reads the root") {
  TestServer server;
  TestClient client(server);
  CHECK(client.stat("").num_children == 1);
  CHECK(client.data("").empty());
  CHECK(names(client.children("")) == std::vector<std::string>{"zookeeper"});
  CHECK(client.call(Op::get_acl, records::PathRequest{""}).err == WireError::ok);
  CHECK(client.call(Op::get_all_children_number, records::PathRequest{""}).as<std::int32_t>() == 4);
  CHECK(client.create("").err == WireError::bad_arguments);
  CHECK(client.remove("").err == WireError::bad_arguments);
}

TEST_CASE("getChildren2 adds the stat, getAllChildrenNumber counts descendants") {
  TestServer server;
  TestClient client(server);
  for (const auto path : {"/a", "/a/y", "/a/x", "/a/x/deep"}) client.create(path);
  const auto reply = client.call(Op::get_children2, records::PathWatchRequest{"/a", false});
  JuteIn in(reply.body);
  std::vector<Text> list;
  Stat stat;
  in(list, stat);
  CHECK(list == std::vector<Text>{"x", "y"});
  CHECK(stat.num_children == 2);
  const auto count = client.call(Op::get_all_children_number, records::PathRequest{"/a"});
  CHECK(count.as<records::ErrorTxn>().err == 3);
}

TEST_CASE("ACLs decide, and getACL hides hashes from those who may only read") {
  TestServer server;
  TestClient owner(server), other(server);
  CHECK(owner.authenticate("digest", "bob:secret").err == WireError::ok);
  CHECK(owner.create("/mine", "x", CreateFlag::persistent, {{perms::kAll, "auth", ""}}).err ==
        WireError::ok);
  CHECK(other.get("/mine").err == WireError::no_auth);
  CHECK(other.exists("/mine").err == WireError::no_auth);
  CHECK(other.children("/mine").err == WireError::no_auth);
  CHECK(other.set("/mine", "y").err == WireError::no_auth);
  CHECK(other.create("/mine/x").err == WireError::no_auth);
  CHECK(other.call(Op::get_acl, records::PathRequest{"/mine"}).err == WireError::no_auth);
  CHECK(other.remove("/mine").err == WireError::ok);  // Asks the parent.

  owner.create("/read", "x", CreateFlag::persistent,
               {{perms::kAll, "auth", ""}, {perms::kRead, "world", "anyone"}});
  const auto id_seen_by = [](TestClient& client) {
    const auto reply = client.call(Op::get_acl, records::PathRequest{"/read"});
    JuteIn in(reply.body);
    AclList list;
    in(list);
    return std::string(list.front().id);
  };
  CHECK(id_seen_by(owner) == "bob:fyVmFCwVbTJYrznoSu1koqYEYF0=");
  CHECK(id_seen_by(other) == "bob:x");
}

TEST_CASE("what comes twice in an ACL counts once, before auth is replaced") {
  TestServer server;
  TestClient client(server);
  client.authenticate("digest", "u:p");
  std::string last_id;
  const auto stored = [&](std::string_view path, const AclList& asked) {
    client.create(path, "", CreateFlag::persistent, asked);
    const auto reply = client.call(Op::get_acl, records::PathRequest{path});
    JuteIn in(reply.body);
    AclList acl;
    in(acl);
    if (!acl.empty()) last_id = acl.back().id;
    return acl.size();
  };
  CHECK(stored("/a", {{31, "auth", ""}, {31, "auth", ""}}) == 1);
  const std::string own = last_id;
  REQUIRE(own.starts_with("u:"));
  CHECK(stored("/b", {{31, "auth", ""}, {31, "digest", own}}) == 2);
  CHECK(stored("/c", {{31, "world", "anyone"}, {31, "world", "anyone"}}) == 1);
  CHECK(stored("/d", {{31, "world", "anyone"}, {1, "world", "anyone"}}) == 2);
}

TEST_CASE("setACL counts aversion and nothing else") {
  TestServer server;
  TestClient client(server);
  client.create("/a", "x");
  const auto before = client.stat("/a");
  const auto reply = client.call(
      Op::set_acl, records::SetAclRequest{"/a", {{perms::kRead | perms::kAdmin, "world", "anyone"}}, 0});
  auto expected = before;
  expected.aversion = 1;
  CHECK(reply.as<Stat>() == expected);
  CHECK(client.set("/a", "y").err == WireError::no_auth);
  CHECK(client.call(Op::set_acl, records::SetAclRequest{"/a", TestClient::open_acl(), 0}).err ==
        WireError::bad_version);
}

TEST_CASE("super passes every ACL") {
  TestServer server;
  TestClient owner(server), admin(server);
  owner.authenticate("digest", "bob:secret");
  owner.create("/mine", "x", CreateFlag::persistent, {{perms::kAll, "auth", ""}});
  admin.authenticate("digest", "super:admin");
  CHECK(admin.data("/mine") == "x");
}

TEST_CASE("an unknown scheme fails to authenticate and closes the connection") {
  TestServer server;
  TestClient client(server);
  const auto create = to_jute(records::CreateRequest{"/after", "", TestClient::open_acl(), 0});
  client.send(Op::auth, to_jute(records::AuthPacket{0, "nosuch", "x"}));
  client.send(Op::create, create);
  CHECK(client.wait_for(kXidAuth).err == WireError::auth_failed);
  client.wait_closed();
  TestClient other(server);
  CHECK(other.exists("/after").err == WireError::no_node);
}

TEST_CASE("a scheme that the connection itself proves asks for no credentials, and digest does") {
  TestServer server;
  TestClient client(server);
  client.send(Op::auth, to_jute(records::AuthPacket{0, "ip", {}}));
  CHECK(client.wait_for(kXidAuth).err == WireError::ok);
  client.send(Op::auth, to_jute(records::AuthPacket{0, "digest", {}}));
  CHECK(client.wait_for(kXidAuth).err == WireError::auth_failed);
}

TEST_CASE("multi does all or nothing at one zxid") {
  TestServer server;
  TestClient client(server);
  client.create("/a", "x");
  const auto good = MultiBody()
                        .add(Op::create, records::CreateRequest{"/m", "1", TestClient::open_acl(), 0})
                        .add(Op::create2, records::CreateRequest{"/m/c", "", TestClient::open_acl(), 0})
                        .add(Op::set_data, records::SetDataRequest{"/m", "2", 0})
                        .add(Op::check, records::PathVersionRequest{"/m", 1})
                        .add(Op::remove, records::PathVersionRequest{"/a", -1})
                        .bytes();
  const auto reply = client.wait_for(client.send(Op::multi, good));
  CHECK(reply.err == WireError::ok);
  CHECK(results(reply) ==
        std::vector<std::pair<int, int>>{{1, kOk}, {15, kOk}, {5, kOk}, {13, kOk}, {2, kOk}});
  CHECK(client.stat("/m").czxid == client.stat("/m/c").czxid);

  const auto bad = MultiBody()
                       .add(Op::create, records::CreateRequest{"/n", "", TestClient::open_acl(), 0})
                       .add(Op::check, records::PathVersionRequest{"/m", 9})
                       .add(Op::remove, records::PathVersionRequest{"/m/c", -1})
                       .bytes();
  const auto failed = client.wait_for(client.send(Op::multi, bad));
  CHECK(failed.err == WireError::ok);
  CHECK(results(failed) == std::vector<std::pair<int, int>>{{-1, 0}, {-1, -103}, {-1, -2}});
  CHECK(client.exists("/n").err == WireError::no_node);
  CHECK(client.created("/s-", "", CreateFlag::persistent_sequential) == "/s-0000000002");
}

TEST_CASE("an empty multi is legal and a malformed or mixed one is not") {
  TestServer server;
  TestClient client(server);
  const auto empty = client.wait_for(client.send(Op::multi, MultiBody().bytes()));
  CHECK(empty.err == WireError::ok);
  CHECK(results(empty).empty());
  const auto mixed = MultiBody()
                         .add(Op::create, records::CreateRequest{"/x", "", TestClient::open_acl(), 0})
                         .add(Op::get_data, records::PathWatchRequest{"/", false})
                         .bytes();
  CHECK(client.wait_for(client.send(Op::multi, mixed)).err == WireError::marshalling_error);
  CHECK(client.wait_for(client.send(Op::multi, "abc")).err == WireError::marshalling_error);
  CHECK(client.exists("/x").err == WireError::no_node);
}

TEST_CASE("multiRead answers each part for itself") {
  TestServer server;
  TestClient client(server);
  client.create("/a", "data");
  const auto body = MultiBody()
                        .add(Op::get_data, records::PathWatchRequest{"/a", true})
                        .add(Op::get_data, records::PathWatchRequest{"/none", false})
                        .add(Op::get_children, records::PathWatchRequest{"/zookeeper", false})
                        .bytes();
  const auto reply = client.wait_for(client.send(Op::multi_read, body));
  JuteIn in(reply.body);
  records::MultiHeader header;
  Data data;
  Stat stat;
  std::int32_t code = 0;
  std::vector<Text> list;
  in(header, data, stat);
  CHECK(header.type == 4);
  CHECK(data == "data");
  in(header, code);
  CHECK(header.type == -1);
  CHECK(header.err == -101);
  CHECK(code == -101);
  in(header, list, header);
  CHECK(list == std::vector<Text>{"config", "quota"});
  CHECK(header.done);
  CHECK(in.ok());
  CHECK(in.rest().empty());
  client.set("/a", "changed");
  CHECK(client.take_events().empty());
}

TEST_CASE("a short multiRead cannot ask for an answer of any length") {
  TestServer server;
  TestClient client(server);
  client.create("/large", std::string(1'000'000, 'l'));
  const auto ask = [&](int parts) {
    MultiBody multi;
    for (int i = 0; i < parts; ++i)
      multi.add(Op::get_data, records::PathWatchRequest{"/large", false});
    return client.wait_for(client.send(Op::multi_read, multi.bytes()));
  };
  CHECK(ask(3).body.size() > 3'000'000);
  const auto refused = ask(80);
  CHECK(refused.err == WireError::bad_arguments);
  CHECK(refused.body.empty());
}

TEST_CASE("replies keep the order of requests, reads behind writes included") {
  TestServer server;
  TestClient client(server);
  const auto create = client.send(
      Op::create, to_jute(records::CreateRequest{"/a", "1", TestClient::open_acl(), 0}));
  const auto read = client.send(Op::get_data, to_jute(records::PathWatchRequest{"/a", false}));
  client.send(Op::ping, {});
  const auto set = client.send(Op::set_data, to_jute(records::SetDataRequest{"/a", "2", 0}));
  const auto sync = client.send(Op::sync, to_jute(records::PathRequest{"/any"}));
  const auto last = client.send(Op::get_data, to_jute(records::PathWatchRequest{"/a", false}));
  CHECK(client.wait_for(create).err == WireError::ok);
  CHECK(client.wait_for(read).err == WireError::ok);
  CHECK(client.wait_for(kXidPing).err == WireError::ok);
  CHECK(client.wait_for(set).as<Stat>().version == 1);
  CHECK(client.wait_for(sync).as<records::PathRequest>().path == "/any");
  CHECK(client.wait_for(last).body.find('2') != std::string::npos);
}

TEST_CASE("what is behind a sync and before a write sees nothing of that write") {
  TestServer server;
  TestClient client(server);
  const auto create = client.send(
      Op::create, to_jute(records::CreateRequest{"/a", "1", TestClient::open_acl(), 0}));
  const auto sync = client.send(Op::sync, to_jute(records::PathRequest{"/a"}));
  const auto read = client.send(Op::get_data, to_jute(records::PathWatchRequest{"/a", false}));
  const auto set = client.send(Op::set_data, to_jute(records::SetDataRequest{"/a", "2", 0}));
  CHECK(client.wait_for(create).err == WireError::ok);
  const auto synced = client.wait_for(sync);
  CHECK(client.wait_for(read).body.find('2') == std::string::npos);
  CHECK(client.wait_for(set).zxid == synced.zxid + 1);
}

TEST_CASE("a write that is sent behind a setACL is held to it") {
  TestServer server;
  TestClient client(server);
  client.create("/a");
  const auto close = client.send(
      Op::set_acl, to_jute(records::SetAclRequest{"/a", {{1, "world", "anyone"}}, -1}));
  const auto set = client.send(Op::set_data, to_jute(records::SetDataRequest{"/a", "x", -1}));
  CHECK(client.wait_for(close).err == WireError::ok);
  CHECK(client.wait_for(set).err == WireError::no_auth);
}

TEST_CASE("what is null and must not be is a marshalling error") {
  TestServer server;
  TestClient client(server);
  const std::string null(4, '\xff'), zeros(16, '\0');
  const auto refused = [&](Op op, const std::string& body) {
    CAPTURE(op);
    CHECK(client.wait_for(client.send(op, body)).err == WireError::marshalling_error);
  };
  for (const auto op : {Op::create, Op::remove, Op::exists, Op::get_data, Op::get_acl,
                        Op::get_children, Op::get_children2, Op::get_all_children_number})
    refused(op, null + zeros);
  refused(Op::set_acl, to_jute(records::PathRequest{"/"}) +
                           std::string("\0\0\0\1\0\0\0\x1f\0\0\0\2ip", 14) + null + zeros);
  const auto part = to_jute(records::MultiHeader{static_cast<std::int32_t>(Op::remove), false, -1});
  const auto end = to_jute(records::MultiHeader{-1, true, -1});
  const auto failing = to_jute(records::PathVersionRequest{"/not/there", -1});
  refused(Op::multi, part + failing + part + null + zeros.substr(0, 4) + end);
  refused(Op::set_watches, zeros.substr(0, 8) + null + null + null);
  CHECK(client.wait_for(client.send(Op::sync, null)).body == null);
  CHECK(client.wait_for(client.send(Op::get_ephemerals, null)).err == WireError::ok);
}

TEST_CASE("a malformed reconfig is told so before it is told that there is none") {
  TestServer server;
  TestClient client(server);
  CHECK(client.wait_for(client.send(Op::reconfig, "abc")).err == WireError::marshalling_error);
}

TEST_CASE("a sync that cannot be decoded is told so, in its turn") {
  TestServer server;
  TestClient client(server);
  const auto create = client.send(
      Op::create, to_jute(records::CreateRequest{"/a", "1", TestClient::open_acl(), 0}));
  const auto sync = client.send(Op::sync, "\0\0");
  CHECK(client.wait_for(create).err == WireError::ok);
  const auto refused = client.wait_for(sync);
  CHECK(refused.err == WireError::marshalling_error);
  CHECK(refused.body.empty());
}

TEST_CASE("a ping is answered with the xid of pings, whatever it came with") {
  TestServer server;
  TestClient client(server);
  client.send_as(7, Op::ping, {});
  CHECK(client.wait_for(kXidPing).err == WireError::ok);
}

TEST_CASE("what the server does not offer gets ZooKeeper's own error") {
  TestServer server;
  SECTION("reconfig is disabled") {
    TestClient client(server);
    CHECK(client.call(Op::reconfig, records::ReconfigRequest{}).err == WireError::reconfig_disabled);
  }
  SECTION("unknown, internal and lone check requests are refused and close") {
    for (const int op : {0, 10, 13, 20, 23, 99, -1, -10, 1000}) {
      CAPTURE(op);
      TestClient client(server);
      client.send_as(1, static_cast<Op>(op), to_jute(records::PathVersionRequest{"/a", 0}));
      CHECK(client.wait_for(1).err == WireError::unimplemented);
      client.wait_closed();
      CHECK(client.closed);
    }
  }
  SECTION("sasl fails and closes") {
    TestClient client(server);
    client.send_as(1, Op::sasl, to_jute(Data("")));
    CHECK(client.wait_for(1).err == WireError::auth_failed);
    client.wait_closed();
    CHECK(client.closed);
  }
}

TEST_CASE("TTL and container nodes need their own opcode and flags") {
  TestServer server;
  TestClient client(server);
  const auto ttl = [&](std::int32_t flag, std::int64_t ms) {
    return client
        .call(Op::create_ttl,
              records::CreateTtlRequest{"/ttl", "", TestClient::open_acl(), flag, ms})
        .err;
  };
  CHECK(ttl(5, 0) == WireError::bad_arguments);
  CHECK(ttl(5, 1ll << 40) == WireError::bad_arguments);
  CHECK(ttl(0, 5) == WireError::bad_arguments);
  CHECK(ttl(5, 1000) == WireError::ok);
  CHECK(client.stat("/ttl").ephemeral_owner == 0);
  const auto container = [&](std::int32_t flag) {
    return client
        .call(Op::create_container, records::CreateRequest{"/c", "", TestClient::open_acl(), flag})
        .err;
  };
  CHECK(container(0) == WireError::bad_arguments);
  CHECK(container(4) == WireError::ok);
  CHECK(client.create("/x", "", CreateFlag::container).err == WireError::bad_arguments);

  auto settings = TestServer::defaults();
  settings.extended_types = false;
  TestServer plain(settings);
  TestClient other(plain);
  CHECK(other.call(Op::create_ttl,
                   records::CreateTtlRequest{"/t", "", TestClient::open_acl(), 5, 1000})
            .err == WireError::unimplemented);
}

TEST_CASE("expired TTL nodes and used, empty containers are reaped") {
  TestServer server;
  TestClient client(server);
  client.call(Op::create_ttl, records::CreateTtlRequest{"/t", "", TestClient::open_acl(), 5, 30000});
  client.call(Op::create_container, records::CreateRequest{"/c", "", TestClient::open_acl(), 4});
  client.call(Op::create_container, records::CreateRequest{"/new", "", TestClient::open_acl(), 4});
  client.create("/c/x");
  client.remove("/c/x");
  for (int i = 0; i < 40; ++i) {
    client.call(Op::ping);
    server.loop.run_for(std::chrono::seconds(3));
  }
  CHECK(client.exists("/t").err == WireError::no_node);
  CHECK(client.exists("/c").err == WireError::no_node);
  CHECK(client.exists("/new").err == WireError::ok);
}

TEST_CASE("whoAmI names users without their secrets") {
  TestServer server;
  TestClient client(server);
  client.authenticate("digest", "bob:secret");
  const auto reply = client.call(Op::who_am_i);
  JuteIn in(reply.body);
  std::vector<records::ClientInfo> infos;
  in(infos);
  REQUIRE(infos.size() == 2);
  CHECK(infos[0].scheme == "ip");
  CHECK(infos[0].user == "127.0.0.1");
  CHECK(infos[1].scheme == "digest");
  CHECK(infos[1].user == "bob");
}

TEST_CASE("quotas count what is below them and hard ones refuse") {
  auto settings = TestServer::defaults();
  settings.enforce_quota = true;
  TestServer server(settings);
  TestClient client(server);
  client.create("/q", "1234");
  client.create("/zookeeper/quota/q");
  client.create("/zookeeper/quota/q/zookeeper_limits",
                "count=-1,bytes=-1=;byteHardLimit=10;countHardLimit=3");
  client.create("/zookeeper/quota/q/zookeeper_stats", "");
  CHECK(client.data("/zookeeper/quota/q/zookeeper_stats") == "count=1,bytes=4");
  client.create("/q/a", "12");
  CHECK(client.data("/zookeeper/quota/q/zookeeper_stats") == "count=2,bytes=6");
  CHECK(client.set("/q/a", "1234567").err == WireError::quota_exceeded);
  CHECK(client.set("/q/a", "123456").err == WireError::ok);
  CHECK(client.create("/q/b", "1").err == WireError::quota_exceeded);
  CHECK(client.create("/q/b", "").err == WireError::ok);
  CHECK(client.create("/q/c", "").err == WireError::quota_exceeded);
  client.remove("/q/b");
  CHECK(client.data("/zookeeper/quota/q/zookeeper_stats") == "count=2,bytes=10");
  CHECK(client.stat("/zookeeper/quota/q/zookeeper_stats").version == 0);
}
