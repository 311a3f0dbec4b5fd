// The client's operations and their order, against a whole server on simulated doors.
#include "tests/support/client_bench.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <random>

using namespace vivarium;
using namespace vivarium::test;
using namespace std::chrono_literals;
using client::AddWatchMode;
using client::kAnyVersion;
using client::Multi;
using client::MultiRead;
using client::State;
using client::Watch;
using Texts = std::vector<std::string>;

namespace {

struct Bench {
  TestServer server;
  TestSession session{server.loop, server.transport, TestSession::settings()};
};

Texts sorted(Texts texts) {
  std::sort(texts.begin(), texts.end());
  return texts;
}

}  // namespace

TEST_CASE("a session connects by itself, and knows what it was given") {
  Bench bench;
  CHECK(bench.session->state() == State::connecting);
  CHECK(bench.session->id().value == 0);
  REQUIRE(bench.session.wait_state(State::connected));
  CHECK(bench.session->state() == State::connected);
  CHECK(bench.session->id().value != 0);
  CHECK(bench.session->key().password.size() == 16);
  CHECK(bench.session->timeout_ms() == 10000);
  CHECK(bench.session.states == std::vector{State::connected});
}

TEST_CASE("a timeout that the server does not grant is replaced by its own") {
  TestServer server;
  auto settings = TestSession::settings();
  settings.timeout_ms = 1;
  TestSession session(server.loop, server.transport, settings);
  REQUIRE(session.wait_state(State::connected));
  CHECK(session->timeout_ms() == 4000);
}

TEST_CASE("what is asked for before there is a connection waits for it") {
  Bench bench;
  const auto reply = bench.session.create("/a", "x");
  CHECK(reply.err == WireError::ok);
  CHECK(reply.path == "/a");
  CHECK(reply.stat.data_length == 1);
  CHECK(reply.zxid.value == reply.stat.czxid);
}

TEST_CASE("a znode of each kind is created, read, changed and removed") {
  Bench bench;
  auto& session = bench.session;
  CHECK(session.create("/p").path == "/p");
  CHECK(session.create("/p/n-", "1", {CreateFlag::persistent_sequential}).path == "/p/n-0000000000");
  const auto ephemeral = session.create("/e", "1", {CreateFlag::ephemeral});
  CHECK(ephemeral.stat.ephemeral_owner == session->id().value);
  CHECK(session.create("/p/e-", "1", {CreateFlag::ephemeral_sequential}).path == "/p/e-0000000001");
  CHECK(session.create("/c", std::nullopt, {CreateFlag::container}).path == "/c");
  CHECK(session.create("/t", "1", {.flag = CreateFlag::persistent_ttl, .ttl_ms = 1000}).path == "/t");
  CHECK(session.create("/t/s", "1", {.flag = CreateFlag::persistent_sequential_ttl, .ttl_ms = 1000})
            .path == "/t/s0000000000");
  CHECK(session.create("/p").err == WireError::node_exists);

  const auto set = session.set("/p", "changed", 0);
  CHECK(set.stat.version == 1);
  const auto got = session.get("/p");
  CHECK(got.data == "changed");
  CHECK(got.stat == session.exists("/p").stat);
  CHECK(session.set("/p", "", 0).err == WireError::bad_version);
  CHECK(session.remove("/p").err == WireError::not_empty);
  CHECK(session.remove("/e", 0).ok());
  CHECK(session.get("/e").err == WireError::no_node);
}

TEST_CASE("null data and empty data come back as what they were") {
  Bench bench;
  bench.session.create("/null", std::nullopt);
  bench.session.create("/empty", "");
  CHECK(bench.session.get("/null").data == std::nullopt);
  CHECK(bench.session.get("/empty").data == "");
}

TEST_CASE("children are listed, and counted to the last") {
  Bench bench;
  for (const auto* path : {"/a", "/a/b", "/a/c", "/a/c/d"}) bench.session.create(path);
  const auto children = bench.session.children("/a");
  CHECK(sorted(children.children) == Texts{"b", "c"});
  CHECK(children.stat.num_children == 2);
  const auto count = bench.session.wait_for<client::CountReply>(
      [&](auto done) { bench.session->get_all_children_number("/a", done); });
  CHECK(count.count == 3);
}

TEST_CASE("a session's ephemerals are told by prefix") {
  Bench bench;
  for (const auto* path : {"/a1", "/a2", "/b"})
    bench.session.create(path, "", {CreateFlag::ephemeral});
  const auto found = bench.session.wait_for<client::PathsReply>(
      [&](auto done) { bench.session->get_ephemerals("/a", done); });
  CHECK(sorted(found.paths) == Texts{"/a1", "/a2"});
}

TEST_CASE("an ACL is set and read, and keeps others out") {
  Bench bench;
  auto& session = bench.session;
  session.add_auth("digest", "bob:secret");
  session.create("/a");
  const auto set = session.wait_for<client::StatReply>(
      [&](auto done) { session->set_acl("/a", {{perms::kAll, "auth", ""}}, 0, done); });
  CHECK(set.stat.aversion == 1);
  const auto read =
      session.wait_for<client::AclReply>([&](auto done) { session->get_acl("/a", done); });
  REQUIRE(read.acl.size() == 1);
  CHECK(read.acl[0].perms == perms::kAll);
  CHECK(read.acl[0].scheme == "digest");
  CHECK(read.acl[0].id.starts_with("bob:"));

  TestSession other(bench.server.loop, bench.server.transport, TestSession::settings());
  CHECK(other.get("/a").err == WireError::no_auth);
}

TEST_CASE("a session is told who it is") {
  Bench bench;
  REQUIRE(bench.session.add_auth("digest", "bob:secret").ok());
  const auto who = bench.session.wait_for<client::IdentitiesReply>(
      [&](auto done) { bench.session->who_am_i(done); });
  CHECK(who.identities ==
        std::vector<Identity>{{"ip", "127.0.0.1"}, {"digest", "bob"}});
}

TEST_CASE("sync gives the path back") {
  Bench bench;
  const auto reply = bench.session.wait_for<client::PathReply>(
      [&](auto done) { bench.session->sync("/anything", done); });
  CHECK(reply.ok());
  CHECK(reply.path == "/anything");
}

TEST_CASE("all parts of a multi happen, each with its result") {
  Bench bench;
  bench.session.create("/gone");
  const auto reply = bench.session.wait_for<client::MultiReply>([&](auto done) {
    bench.session->multi(Multi()
                             .create("/a", "1")
                             .create("/a/s-", "", {CreateFlag::ephemeral_sequential})
                             .create("/c", "", {CreateFlag::container})
                             .create("/t", "", {.flag = CreateFlag::persistent_ttl, .ttl_ms = 9})
                             .set("/a", "22", 0)
                             .check("/a", 1)
                             .remove("/gone"),
                         done);
  });
  REQUIRE(reply.ok());
  REQUIRE(reply.parts.size() == 7);
  CHECK(reply.parts[0].path == "/a");
  CHECK(reply.parts[1].path == "/a/s-0000000000");
  CHECK(reply.parts[1].stat.ephemeral_owner == bench.session->id().value);
  CHECK(reply.parts[3].path == "/t");
  CHECK(reply.parts[4].stat.version == 1);
  CHECK(bench.session.get("/a").data == "22");
  CHECK(bench.session.exists("/gone").err == WireError::no_node);
}

TEST_CASE("a multi that is refused tells which part was, and nothing has happened") {
  Bench bench;
  const auto reply = bench.session.wait_for<client::MultiReply>([&](auto done) {
    bench.session->multi(Multi().create("/a", "1").check("/none").remove("/a"), done);
  });
  CHECK(reply.err == WireError::no_node);
  REQUIRE(reply.parts.size() == 3);
  CHECK(reply.parts[0].err == WireError::ok);
  CHECK(reply.parts[1].err == WireError::no_node);
  CHECK(reply.parts[2].err == WireError::runtime_inconsistency);
  CHECK(bench.session.exists("/a").err == WireError::no_node);
}

TEST_CASE("an empty multi is a multi") {
  Bench bench;
  const auto reply = bench.session.wait_for<client::MultiReply>(
      [&](auto done) { bench.session->multi(Multi(), done); });
  CHECK(reply.ok());
  CHECK(reply.parts.empty());
}

TEST_CASE("the parts of a multi_read fail each for itself") {
  Bench bench;
  bench.session.create("/a", "1");
  bench.session.create("/a/b");
  const auto reply = bench.session.wait_for<client::MultiReply>([&](auto done) {
    bench.session->multi_read(MultiRead().get("/a").get("/none").get_children("/a"), done);
  });
  CHECK(reply.ok());
  REQUIRE(reply.parts.size() == 3);
  CHECK(reply.parts[0].data == "1");
  CHECK(reply.parts[0].stat.num_children == 1);
  CHECK(reply.parts[1].err == WireError::no_node);
  CHECK(reply.parts[2].children == Texts{"b"});
}

TEST_CASE("a session that is closed takes its ephemerals with it") {
  Bench bench;
  bench.session.create("/e", "", {CreateFlag::ephemeral});
  CHECK(bench.session.close().ok());
  REQUIRE(bench.session.wait_state(State::closed));
  CHECK(bench.session.get("/").err == client::kSessionExpired);
  CHECK(bench.session.close().err == client::kSessionExpired);
  TestClient other(bench.server);
  CHECK(other.exists("/e").err == WireError::no_node);
}

TEST_CASE("a session that is destroyed right after close() is closed all the same") {
  Bench bench;
  bench.session.create("/e", "", {CreateFlag::ephemeral});
  bench.session->close({});
  bench.session.session.reset();
  TestClient other(bench.server);
  CHECK(other.exists("/e").err == WireError::no_node);
  CHECK(bench.session.states == std::vector{State::connected});
}

TEST_CASE("what is asked for after close() is refused after it") {
  Bench bench;
  Texts order;
  bench.session->create("/a", "", {}, [&](const client::Reply& reply) {
    order.push_back("create " + std::string(client::name_of(reply.err)));
  });
  bench.session->close([&](const client::Reply& reply) {
    order.push_back("close " + std::string(client::name_of(reply.err)));
  });
  bench.session->get("/a", Watch::none, [&](const client::Reply& reply) {
    order.push_back("get " + std::string(client::name_of(reply.err)));
  });
  CHECK(order.empty());
  REQUIRE(bench.session.wait_state(State::closed));
  CHECK(order == Texts{"create Ok", "close Ok", "get SessionExpired"});
}

TEST_CASE("a request that is too long is refused here, in its turn") {
  Bench bench;
  Texts order;
  const std::string data(1'048'576, 'x');
  bench.session->create("/a", "", {}, [&](const client::Reply& reply) {
    order.push_back("create " + std::string(client::name_of(reply.err)));
  });
  bench.session->set("/a", data, kAnyVersion, [&](const client::Reply& reply) {
    order.push_back("set " + std::string(client::name_of(reply.err)));
  });
  CHECK(bench.session.get("/a").data == "");
  CHECK(order == Texts{"create Ok", "set MarshallingError"});
}

TEST_CASE("a thousand operations at once are completed in their order") {
  Bench bench;
  std::mt19937 random(7);
  std::vector<int> completed;
  std::int64_t newest = 0;
  for (int i = 0; i < 1000; ++i) {
    const auto path = "/n" + std::to_string(random() % 20);
    const auto done = [&, i](const client::Reply& reply) {
      completed.push_back(i);
      CHECK(reply.zxid.value >= newest);
      newest = reply.zxid.value;
    };
    switch (random() % 8) {
      case 0: bench.session->create(path, "x", {}, done); break;
      case 1: bench.session->set(path, std::to_string(i), kAnyVersion, done); break;
      case 2: bench.session->remove(path, kAnyVersion, done); break;
      case 3: bench.session->get(path, Watch::set, done); break;
      case 4: bench.session->sync(path, done); break;
      case 5: bench.session->multi(Multi().set(path, "m").check(path), done); break;
      case 6: bench.session->exists(path, Watch::set, done); break;
      default: bench.session->get_children("/", Watch::set, done); break;
    }
  }
  CHECK(bench.session->outstanding() == 1000);
  REQUIRE(bench.server.loop.run_until([&] { return completed.size() == 1000; }));
  CHECK(std::is_sorted(completed.begin(), completed.end()));
  CHECK(bench.session->outstanding() == 0);
  CHECK(bench.session->last_zxid().value == newest);
}

TEST_CASE("operations may be asked for in completions, and follow what was asked for before") {
  Bench bench;
  Texts order;
  bench.session->create("/a", "", {}, [&](const client::Reply&) {
    order.push_back("create");
    bench.session->set("/a", "2", kAnyVersion, [&](const client::Reply&) { order.push_back("set"); });
    CHECK(order == Texts{"create"});
  });
  bench.session->get("/a", Watch::none, [&](const client::DataReply& reply) {
    order.push_back("get" + reply.data.value_or(""));
  });
  bench.server.loop.run_until([&] { return order.size() == 3; });
  CHECK(order == Texts{"create", "get", "set"});
}

TEST_CASE("a session may be destroyed in its own completion") {
  Bench bench;
  bool later = false;
  bench.session->create("/a", "", {}, [&](const client::Reply&) { bench.session.session.reset(); });
  bench.session->create("/b", "", {}, [&](const client::Reply&) { later = true; });
  bench.server.loop.run_for(100ms);
  CHECK(!bench.session.session);
  CHECK(!later);
}

TEST_CASE("a session may be destroyed as it learns of a state or of an event") {
  Bench bench;
  auto& session = bench.session;
  SECTION("connected") {
    session.also_on_state = [&](State) { session.session.reset(); };
  }
  SECTION("closed") {
    session.also_on_state = [&](State state) {
      if (state == State::closed) session.session.reset();
    };
    session->close({});
  }
  SECTION("an event") {
    session.also_on_watch = [&](const client::WatchEvent&) { session.session.reset(); };
    session->get("/", Watch::none, {});
    session->get_children("/", Watch::set, {});
    session->create("/a", "", {}, {});
  }
  bench.server.loop.run_for(100ms);
  CHECK(!session.session);
}
