// What a client does about its connection: greeting, silence, loss, other servers, expiry, and servers
// that do not speak the protocol.
#include "tests/support/client_bench.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace vivarium;
using namespace vivarium::test;
using namespace std::chrono_literals;
using client::State;
using client::Watch;
using Texts = std::vector<std::string>;
using States = std::vector<State>;

namespace {

struct Bench {
  TestServer server;
  FlakyTransport network{server.loop, server.transport};
  TestSession session{server.loop, network, TestSession::settings()};

  Bench() { session.wait_state(State::connected); }
};

/// A session and a server whose every word the test decides.
struct Script {
  SimulatedLoop loop{1};
  MemoryTransport transport{loop, std::make_shared<MemoryNetwork>()};
  ScriptedServer server{loop, transport, 2181};
  TestSession session{loop, transport, TestSession::settings()};

  bool connected() { return session.wait_state(State::connected); }
  bool suspended() { return session.wait_state(State::suspended); }
  ~Script() { session.session.reset(); }
};

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a lost connection is replaced, with the same session and its ephemerals") {
  Bench bench;
  bench.session.create("/e", "", {CreateFlag::ephemeral});
  const auto id = bench.session->id();
  bench.network.cut();
  REQUIRE(bench.session.wait_state(State::suspended));
  REQUIRE(bench.session.wait_state(State::connected));
  CHECK(bench.session->id() == id);
  CHECK(bench.session.exists("/e").stat.ephemeral_owner == id.value);
  CHECK(bench.session.states == States{State::connected, State::suspended, State::connected});
}

TEST_CASE("what is in flight when a connection is lost is reported as lost, in order") {
  Bench bench;
  Texts order;
  const auto note = [&](const std::string& name) {
    return [&, name](const client::Reply& reply) {
      order.push_back(name + " " + std::string(client::name_of(reply.err)));
    };
  };
  bench.network.mute = true;
  bench.session->create("/a", "", {}, note("create"));
  bench.session->get("/a", Watch::none, note("get"));
  bench.session.settle();
  bench.session.also_on_state = [&](State state) { order.emplace_back(name_of(state)); };
  bench.network.cut();
  REQUIRE(bench.session.wait_state(State::suspended));
  bench.network.mute = false;
  REQUIRE(bench.session.wait_state(State::connected));
  CHECK(order == Texts{"create ConnectionLoss", "get ConnectionLoss", "suspended", "connected"});
  // It was carried out, which nobody could know.
  CHECK(bench.session.exists("/a").ok());
}

TEST_CASE("an operation that is asked for without a connection ends with the attempt to get one") {
  Bench bench;
  bench.network.reachable = false;
  bench.network.cut();
  REQUIRE(bench.session.wait_state(State::suspended));
  CHECK(bench.session.get("/").err == client::kConnectionLoss);
  bench.network.reachable = true;
  bench.session.wait_state(State::connected);
  CHECK(bench.session.get("/").ok());
}

TEST_CASE("an idle session lives on by its pings") {
  Bench bench;
  bench.server.loop.run_for(10min);
  CHECK(bench.session.states == States{State::connected});
  CHECK(bench.session.get("/").ok());
}

TEST_CASE("a session that was out of reach for too long learns that it has expired") {
  Bench bench;
  bench.session.create("/e", "", {CreateFlag::ephemeral});
  bench.network.reachable = false;
  bench.network.cut();
  bench.server.loop.run_for(1min);
  CHECK(bench.session->state() == State::suspended);
  WireError err = WireError::ok;
  bench.network.reachable = true;
  bench.session->get("/", Watch::none, [&](const client::Reply& reply) { err = reply.err; });
  REQUIRE(bench.session.wait_state(State::expired));
  CHECK(err == client::kSessionExpired);
  CHECK(bench.session.get("/").err == client::kSessionExpired);
  CHECK(bench.session.add_auth("digest", "a:b").err == client::kSessionExpired);
  CHECK(bench.session.close().err == client::kSessionExpired);
  CHECK(bench.session->state() == State::expired);
}

TEST_CASE("a session moves to whoever has its key") {
  Bench bench;
  bench.session.create("/e", "", {CreateFlag::ephemeral});
  auto settings = TestSession::settings();
  settings.session = bench.session->key();
  TestSession heir(bench.server.loop, bench.server.transport, settings);
  bench.session.also_on_state = [&](State state) {
    if (state == State::suspended) bench.session.session.reset();
  };
  REQUIRE(heir.wait_state(State::connected));
  CHECK(heir->id().value == heir.exists("/e").stat.ephemeral_owner);
  bench.server.loop.run_for(1min);
  CHECK(!bench.session.session);
  CHECK(heir.states == States{State::connected});
}

TEST_CASE("a wrong password gets no session") {
  Bench bench;
  auto settings = TestSession::settings();
  settings.session = bench.session->key();
  settings.session->password.back() ^= 1;
  TestSession thief(bench.server.loop, bench.server.transport, settings);
  REQUIRE(thief.wait_state(State::expired));
}

TEST_CASE("a server that has seen less than the client is passed over") {
  Bench bench;
  auto settings = TestSession::settings();
  settings.session = bench.session->key();
  settings.session->last_zxid = {1'000'000};
  TestSession ahead(bench.server.loop, bench.server.transport, settings);
  bench.server.loop.run_until([&] { return ahead.failures.size() == 3; });
  CHECK(ahead->state() == State::connecting);
  CHECK(contains(ahead.failures[0], "the server closed the connection"));
}

TEST_CASE("credentials are shown again after a loss, before anything else") {
  Bench bench;
  REQUIRE(bench.session.add_auth("digest", "bob:secret").ok());
  bench.session.create("/a", "x", {.acl = {{perms::kAll, "auth", ""}}});
  bench.session.get("/a", Watch::set);
  bench.network.cut();
  REQUIRE(bench.session.wait_state(State::suspended));
  CHECK(bench.session.get("/a").data == "x");
  TestSession bob(bench.server.loop, bench.server.transport, TestSession::settings());
  bob.add_auth("digest", "bob:secret");
  bob.set("/a", "y");
  CHECK(bench.session.take_events() == Texts{"data_changed /a"});
}

TEST_CASE("a credential whose answer was lost is completed by a later one, once") {
  Bench bench;
  int completed = 0;
  bench.network.mute = true;
  bench.session->add_auth("digest", "bob:secret", [&](const client::Reply& reply) {
    CHECK(reply.ok());
    ++completed;
  });
  bench.session.settle();
  bench.network.cut();
  bench.network.mute = false;
  bench.session.settle();
  REQUIRE(bench.session.wait_state(State::connected));
  bench.session.settle();
  bench.network.cut();
  bench.session.settle();
  CHECK(bench.session.get("/").ok());
  CHECK(completed == 1);
}

TEST_CASE("a credential that is refused ends the session's use") {
  Bench bench;
  CHECK(bench.session.add_auth("nonsense", "x").err == client::kAuthFailed);
  REQUIRE(bench.session.wait_state(State::auth_failed));
  CHECK(bench.session.get("/").err == client::kAuthFailed);
  CHECK(bench.session.close().err == client::kAuthFailed);
}

TEST_CASE("a dead address is passed over") {
  TestServer server;
  FlakyTransport network(server.loop, server.transport);
  TestSession session(server.loop, network,
                      TestSession::settings({{"127.0.0.1", 9}, {"127.0.0.1", 2181}}));
  REQUIRE(session.wait_state(State::connected));
  CHECK(network.attempts == Texts{"127.0.0.1:9", "127.0.0.1:2181"});
  REQUIRE(session.failures.size() == 1);
  CHECK(contains(session.failures[0], "127.0.0.1:9: "));
  CHECK(to_text(session->server()) == "127.0.0.1:2181");
  network.cut();
  session.wait_state(State::suspended);
  session.wait_state(State::connected);
  CHECK(network.attempts == Texts{"127.0.0.1:9", "127.0.0.1:2181", "127.0.0.1:9", "127.0.0.1:2181"});
}

TEST_CASE("a server that does not greet back is given up in time for the others") {
  TestServer server;
  ScriptedServer deaf(server.loop, server.transport, 2182);
  deaf.greets = false;
  TestSession session(server.loop, server.transport,
                      TestSession::settings({{"127.0.0.1", 2182}, {"127.0.0.1", 2181}}));
  const auto begun = server.loop.now();
  REQUIRE(session.wait_state(State::connected));
  CHECK(server.loop.now() - begun >= 5s);
  CHECK(server.loop.now() - begun < 6s);
  CHECK(contains(session.failures[0], "does not answer in time"));
}

TEST_CASE("a server that falls silent is left after two thirds of the timeout") {
  TestServer server;
  FlakyTransport network(server.loop, server.transport);
  TestSession session(server.loop, network, TestSession::settings());
  session.wait_state(State::connected);
  session.settle();
  const auto begun = server.loop.now();
  network.mute = true;
  REQUIRE(session.wait_state(State::suspended));
  CHECK((server.loop.now() - begun) / 1ms > 6600);
  CHECK((server.loop.now() - begun) / 1ms < 6700);
  CHECK(contains(session.reasons.back(), "nothing was heard"));
  network.mute = false;
  CHECK(session.wait_state(State::connected));
}

TEST_CASE("a client that asks all the time still notices that nobody answers") {
  Script script;
  REQUIRE(script.connected());
  for (int i = 0; i < 100 && script.session.states.back() == State::connected; ++i) {
    script.session->get("/", Watch::none, {});
    script.loop.run_for(100ms);
  }
  CHECK(contains(script.session.reasons.back(), "nothing was heard"));
}

TEST_CASE("a client that has nothing to ask pings after a third of the timeout") {
  Script script;
  REQUIRE(script.connected());
  const auto begun = script.loop.now();
  const auto ping = script.server.next();
  CHECK(ping.xid == kXidPing);
  CHECK(ping.op == Op::ping);
  CHECK((script.loop.now() - begun) / 1ms == 3333);
}

TEST_CASE("a client tells the next server what it has seen, replies apart from events") {
  Script script;
  REQUIRE(script.connected());
  script.session->exists("/a", Watch::set, {});
  auto request = script.server.next();
  script.server.reply(request.xid, 5, WireError::no_node);
  script.server.reply(kXidNotification, 6, WireError::ok,
                      to_jute(records::WatcherEvent{1, kStateSyncConnected, "/a"}));
  script.session.settle();
  CHECK(script.session.events == Texts{"created /a"});
  script.server.hang_up();
  REQUIRE(script.suspended());
  REQUIRE(script.connected());
  JuteIn in(*script.server.greeting);
  records::ConnectRequest greeting;
  bool read_only = true;
  in(greeting, read_only);
  CHECK(in.ok());
  CHECK(greeting.last_zxid_seen == 5);
  CHECK(greeting.session_id == 7);
  CHECK(greeting.password == "0123456789abcdef");
  CHECK(!read_only);
}

TEST_CASE("after a loss come credentials, then watches, then requests") {
  Script script;
  REQUIRE(script.connected());
  script.session->add_auth("digest", "a:b", {});
  script.session->get("/a", Watch::set, {});
  script.server.next();
  const auto get = script.server.next();
  script.server.reply(kXidAuth, 0);
  script.server.reply(get.xid, 5, WireError::ok, to_jute(Data("x")) + to_jute(Stat()));
  script.session.settle();
  script.server.hang_up();
  REQUIRE(script.suspended());
  script.session->sync("/", {});
  REQUIRE(script.connected());
  CHECK(script.server.next().op == Op::auth);
  CHECK(script.server.next().op == Op::set_watches);
  CHECK(script.server.next().op == Op::sync);
}

TEST_CASE("a server that refuses to restore watches is left") {
  Script script;
  REQUIRE(script.connected());
  script.server.reply(kXidSetWatches, 5, WireError::marshalling_error);
  REQUIRE(script.suspended());
  CHECK(contains(script.session.reasons.back(), "MarshallingError"));
}

TEST_CASE("what the protocol has no place for ends the connection, with the reason") {
  Script script;
  REQUIRE(script.connected());
  WireError err = WireError::ok;
  script.session->get("/a", Watch::none, [&](const client::Reply& reply) { err = reply.err; });
  const auto xid = script.server.next().xid;
  std::string reason;
  SECTION("a reply without a header") {
    script.server.send("short");
    reason = "shorter than its header";
  }
  SECTION("a reply to something else") {
    script.server.reply(xid + 1, 5);
    reason = "answers no request";
  }
  SECTION("a reply with a reserved xid") {
    script.server.reply(-3, 5);
    reason = "answers no request";
  }
  SECTION("a body that is too short") {
    script.server.reply(xid, 5, WireError::ok, "abc");
    reason = "malformed";
  }
  SECTION("a body that is too long") {
    script.server.reply(xid, 5, WireError::ok, to_jute(Data("x")) + to_jute(Stat()) + "more");
    reason = "malformed";
  }
  SECTION("a length that lies") {
    script.server.reply(xid, 5, WireError::ok, to_jute(std::int32_t{0x7fffffff}) + "abc");
    reason = "malformed";
  }
  SECTION("an event of no kind") {
    script.server.reply(kXidNotification, -1, WireError::ok,
                        to_jute(records::WatcherEvent{9, kStateSyncConnected, "/a"}));
    reason = "a watch event is malformed";
  }
  SECTION("an answer to a credential that was not shown") {
    script.server.reply(kXidAuth, 0);
    reason = "a credential";
  }
  SECTION("too long a frame") {
    script.server.send(std::string(1'048'576, 'x'));
    reason = "too long a frame";
  }
  REQUIRE(script.suspended());
  CHECK(contains(script.session.reasons.back(), reason));
  CHECK(err == client::kConnectionLoss);
  CHECK(script.connected());
}

TEST_CASE("a malformed reply to a multi ends the connection") {
  Script script;
  REQUIRE(script.connected());
  script.session->multi(client::Multi().set("/a", "").check("/b"), {});
  const auto xid = script.server.next().xid;
  const auto header = [](Op op) {
    return to_jute(records::MultiHeader{static_cast<std::int32_t>(op), false, 0});
  };
  const auto end = to_jute(records::MultiHeader{-1, true, -1});
  const auto set = header(Op::set_data) + to_jute(Stat());
  SECTION("too few parts") { script.server.reply(xid, 5, WireError::ok, set + end); }
  SECTION("too many parts") {
    script.server.reply(xid, 5, WireError::ok, set + header(Op::check) + header(Op::check) + end);
  }
  SECTION("another part than asked for") {
    script.server.reply(xid, 5, WireError::ok, set + header(Op::remove) + end);
  }
  SECTION("no end") { script.server.reply(xid, 5, WireError::ok, set + header(Op::check)); }
  REQUIRE(script.suspended());
  CHECK(contains(script.session.reasons.back(), "malformed"));
}

TEST_CASE("a malformed greeting is an attempt that failed") {
  Script script;
  script.server.greets = false;
  REQUIRE(script.server.wait_greeted());
  script.server.send("nonsense");
  script.server.greets = true;
  REQUIRE(script.connected());
  CHECK(contains(script.session.failures.at(0), "greeting is malformed"));
}

TEST_CASE("an old server's greeting without the last byte is understood") {
  Script script;
  script.server.greets = false;
  REQUIRE(script.server.wait_greeted());
  script.server.send(to_jute(records::ConnectResponse{0, 10000, 7, "0123456789abcdef"}));
  REQUIRE(script.connected());
}

TEST_CASE("a server that hangs up as soon as it has greeted is not come back to without a pause") {
  Script script;
  REQUIRE(script.connected());
  for (int i = 0; i < 10; ++i) {
    script.server.hang_up();
    script.suspended();
    script.connected();
  }
  // At the end between one second and two for each.
  CHECK(script.loop.now() > 5s);
}

TEST_CASE("a read-only server is refused, or shown as what it is") {
  SimulatedLoop loop(1);
  MemoryTransport transport(loop, std::make_shared<MemoryNetwork>());
  ScriptedServer server(loop, transport, 2181);
  server.greets = false;
  auto settings = TestSession::settings();
  SECTION("refused") {
    TestSession session(loop, transport, settings);
    REQUIRE(server.wait_greeted());
    server.send(to_jute(records::ConnectResponse{0, 10000, 7, "0123456789abcdef"}) + '\1');
    REQUIRE(loop.run_until([&] { return !session.failures.empty(); }));
    CHECK(contains(session.failures[0], "read-only"));
  }
  SECTION("accepted, and its session is not taken elsewhere") {
    settings.read_only = client::ReadOnly::accepted;
    TestSession session(loop, transport, settings);
    REQUIRE(server.wait_greeted());
    CHECK(server.greeting->back() == '\1');
    server.send(to_jute(records::ConnectResponse{0, 10000, 7, "0123456789abcdef"}) + '\1');
    REQUIRE(session.wait_state(State::read_only));
    server.hang_up();
    REQUIRE(session.wait_state(State::suspended));
    REQUIRE(server.wait_greeted());
    JuteIn in(*server.greeting);
    records::ConnectRequest greeting;
    in(greeting);
    CHECK(greeting.session_id == 0);
    server.greet(10000, 8);
    REQUIRE(session.wait_state(State::connected));
    CHECK(session->id().value == 8);
  }
}

TEST_CASE("a session is closed even when the answer is lost, or nobody can be reached") {
  Bench bench;
  SECTION("the answer is lost") {
    bench.network.mute = true;
    WireError err = WireError::ok;
    bench.session->close([&](const client::Reply& reply) { err = reply.err; });
    bench.session.settle();
    bench.network.cut();
    REQUIRE(bench.session.wait_state(State::closed));
    CHECK(err == client::kConnectionLoss);
  }
  SECTION("nobody can be reached") {
    bench.network.reachable = false;
    bench.network.cut();
    REQUIRE(bench.session.wait_state(State::suspended));
    CHECK(bench.session.close().err == client::kConnectionLoss);
    REQUIRE(bench.session.wait_state(State::closed));
  }
  const auto attempts = bench.network.attempts.size();
  bench.server.loop.run_for(1min);
  CHECK(bench.network.attempts.size() == attempts);
}

TEST_CASE("a session may be destroyed at any time, and calls nobody after that") {
  TestServer server;
  FlakyTransport network(server.loop, server.transport);
  TestSession session(server.loop, network, TestSession::settings());
  const auto never = [](const client::Reply&) { FAIL("called after its end"); };
  SECTION("before it has connected") { session->get("/", Watch::none, never); }
  SECTION("with requests in flight") {
    session.wait_state(State::connected);
    session->get("/", Watch::none, never);
  }
  SECTION("while suspended") {
    session.wait_state(State::connected);
    network.reachable = false;
    network.cut();
    session.wait_state(State::suspended);
    session->get("/", Watch::none, never);
  }
  SECTION("with completions on their way") {
    session.add_auth("nonsense", "x");
    session->get("/", Watch::none, never);
  }
  session.session.reset();
  session.states.clear();
  server.loop.run_for(1min);
  CHECK(session.states.empty());
}

TEST_CASE("the same seed gives the same run") {
  const auto run = [] {
    TestServer server;
    FlakyTransport network(server.loop, server.transport);
    auto settings = TestSession::settings({{"127.0.0.1", 2181}, {"127.0.0.1", 9}, {"nowhere", 1}});
    settings.order = client::ServerOrder::shuffled;
    TestSession session(server.loop, network, settings);
    for (int i = 0; i < 5; ++i) {
      session.create("/a-", "", {CreateFlag::persistent_sequential});
      network.cut();
      session.wait_state(State::suspended);
      session.wait_state(State::connected);
    }
    return server.loop.event_hash();
  };
  CHECK(run() == run());
}
