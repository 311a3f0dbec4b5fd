// What a server of an ensemble does for its clients as its role comes, goes and comes again.
#include "kernel/core/database.hpp"
#include "tests/support/member_server.hpp"

#include <catch2/catch.hpp>

using namespace vivarium;
using namespace vivarium::test;
using namespace std::chrono_literals;

namespace {

using enum ServingRole;
constexpr auto kOpen = BroadcastEvents::Doubt::open;

struct Client : TestClient {
  explicit Client(MemberServer& server, Greeting greeting = Greeting::new_session)
      : TestClient(server.loop, server.transport, greeting) {}

  std::int32_t send_create(std::string_view path, CreateFlag flag = CreateFlag::persistent) {
    return send(Op::create,
                to_jute(records::CreateRequest{path, "", open_acl(), static_cast<std::int32_t>(flag)}));
  }
  std::int32_t send_exists(std::string_view path) {
    return send(Op::exists, to_jute(records::PathWatchRequest{path, false}));
  }
  std::int32_t send_sync() { return send(Op::sync, to_jute(records::PathRequest{"/"})); }
  /// Whether an answer to a ping comes at once.
  bool pings() {
    send(Op::ping, {});
    settle();
    return !closed && has_reply() && next_reply().xid == kXidPing;
  }
};

/// A follower whose ensemble waits for the test, and a client of it that has the session's time of 10 s.
struct Follower : MemberServer {
  explicit Follower(ServerSettings settings = defaults())
      : MemberServer(follower, std::move(settings)), client(*this) {
    client.create("/a");
    broadcast.prompt = false;
  }
  void lose_leader(BroadcastEvents::Doubt doubt = BroadcastEvents::Doubt::resolved) {
    broadcast.become(none, doubt);
    settle();
  }
  void find_leader(BroadcastEvents::Doubt doubt = BroadcastEvents::Doubt::resolved) {
    broadcast.become(follower, doubt);
    settle();
  }
  Client client;
};

/// A leader that applies what it is asked, and a session of 10 s whose client has gone.
struct Leader : MemberServer {
  Leader() : MemberServer(leader) {
    Client client(*this);
    session = {client.session};
    password = client.password;
    broadcast.prompt = false;
  }
  SessionId session;
  std::string password;
};

std::vector<Op> ops(const std::deque<ScriptedBroadcast::Write>& writes) {
  std::vector<Op> all;
  for (const auto& write : writes) all.push_back(write.op);
  return all;
}
using Ops = std::vector<Op>;

}  // namespace

// --- the beginning --------------------------------------------------------------------------------

TEST_CASE("the first snapshot is there before the broadcast is run") {
  MemberServer server;
  CHECK(server.broadcast.had_snapshot);
}

TEST_CASE("clients can connect from the first role on, and for ever") {
  MemberServer server;
  CHECK_FALSE(server.serving.has_value());
  CHECK(server.server.addresses().empty());
  server.broadcast.become(none);
  CHECK_FALSE(server.serving.has_value());
  server.broadcast.become(follower);
  REQUIRE(server.serving.has_value());
  CHECK(server.serving->has_value());
  CHECK(server.server.addresses().size() == 1);
  server.broadcast.become(none);
  CHECK(server.server.addresses().size() == 1);
}

TEST_CASE("every member shows its own text of the ensemble, whatever state it was sent") {
  MemberServer server(follower);
  const auto text = MemberServer::defaults().ensemble->config;
  auto& state = server.server.state();
  CHECK(state.committed_config() == text);
  CHECK(state.last_seen_config() == text);
  CHECK(Client(server).data("/zookeeper/config") == text);
  CHECK(Client(server).stat("/zookeeper/config").version == -1);
  Database other(1);
  other.set_config("server.9=nine:1:2:participant\nversion=0", {}, 0);
  const auto cursor = other.snapshot();
  const auto loader = state.load();
  while (!loader->complete()) REQUIRE(loader->feed(cursor->next(1 << 20).view()).has_value());
  REQUIRE(loader->finish(Zxid::of({1}, 100)).has_value());
  CHECK(Client(server).data("/zookeeper/config") == text);
}

// --- who expires ----------------------------------------------------------------------------------

TEST_CASE("who follows or observes lets no session expire") {
  for (const auto role : {follower, observer}) {
    MemberServer server(role);
    { Client gone(server); }
    server.broadcast.prompt = false;
    server.loop.run_for(10min);
    CHECK(server.broadcast.writes.empty());
  }
}

TEST_CASE("who leads lets a silent session expire") {
  Leader server;
  server.loop.run_for(9s);
  CHECK(server.broadcast.writes.empty());
  server.loop.run_for(4s);
  CHECK(ops(server.broadcast.writes) == Ops{Op::close_session});
  CHECK(server.server.state().closing(server.session));
}

TEST_CASE("a new leader gives each session its full time") {
  Leader server;
  server.loop.run_for(9s);
  server.broadcast.become(none);
  server.loop.run_for(1h);
  CHECK(server.broadcast.writes.empty());
  server.broadcast.become(leader);
  server.loop.run_for(9s);
  CHECK(server.broadcast.writes.empty());
  server.loop.run_for(4s);
  CHECK(ops(server.broadcast.writes) == Ops{Op::close_session});
}

TEST_CASE("who leads no more knows of no owner and of no closing session") {
  Leader server;
  auto& state = server.server.state();
  REQUIRE(state.owner(server.session) == ServerId{2});
  server.loop.run_for(13s);
  REQUIRE(state.closing(server.session));
  server.broadcast.become(none);
  CHECK_FALSE(state.owner(server.session));
  CHECK_FALSE(state.closing(server.session));
  server.broadcast.become(leader);
  CHECK_FALSE(state.owner(server.session));
  CHECK(state.revalidate(server.session, 10000, {3}, Claim::fresh));
  CHECK(state.owner(server.session) == ServerId{3});
}

TEST_CASE("an expiry that was decided in an earlier term ends nothing in a later one") {
  Leader server;
  server.loop.run_for(13s);
  REQUIRE(ops(server.broadcast.writes) == Ops{Op::close_session});
  server.broadcast.become(none);
  server.broadcast.become(leader);
  server.broadcast.apply_all();
  server.broadcast.prompt = true;
  Client again(server, Client::Greeting::none);
  CHECK(again.connect(server.session.value, server.password));
  server.broadcast.prompt = false;
  server.loop.run_for(13s);
  CHECK(ops(server.broadcast.writes) == Ops{Op::close_session});
  server.broadcast.apply_all();
  CHECK_FALSE(server.server.state().revalidate(server.session, 10000, {2}, Claim::fresh));
}

TEST_CASE("who leads no more removes no container") {
  auto settings = MemberServer::defaults();
  settings.container_never_used_ms = 1;
  MemberServer server(leader, settings);
  Client client(server);
  const auto acl = TestClient::open_acl();
  REQUIRE(client.call(Op::create_container, records::CreateRequest{"/c", "", acl, 4}).err ==
          WireError::ok);
  server.broadcast.prompt = false;
  server.broadcast.become(follower);
  server.loop.run_for(10min);
  CHECK(server.broadcast.writes.empty());
  server.broadcast.become(leader);
  server.loop.run_for(61s);
  CHECK(ops(server.broadcast.writes).back() == Op::delete_container);
}

// --- an election that clients hardly notice -------------------------------------------------------

TEST_CASE("while nobody leads requests wait, reads too, and are answered in their order") {
  Follower server;
  auto& client = server.client;
  server.lose_leader();
  const auto first = client.send_exists("/a");
  const auto write = client.send_create("/b");
  const auto second = client.send_exists("/b");
  client.settle();
  CHECK_FALSE(client.has_reply());
  CHECK(ops(server.broadcast.writes) == Ops{Op::create});
  server.find_leader();
  CHECK_FALSE(client.has_reply());
  server.broadcast.answer_revalidations(true);
  CHECK(client.wait_for(first).err == WireError::ok);
  client.settle();
  CHECK_FALSE(client.has_reply());
  server.broadcast.apply_all();
  CHECK(client.wait_for(write).err == WireError::ok);
  CHECK(client.wait_for(second).err == WireError::ok);
  CHECK_FALSE(client.closed);
}

TEST_CASE("every session that is kept is revalidated inside the new role, with its timeout") {
  Follower server;
  server.broadcast.prompt = true;
  Client other(server);
  server.broadcast.prompt = false;
  server.lose_leader();
  CHECK(server.broadcast.revalidations.empty());
  server.broadcast.become(follower);
  REQUIRE(server.broadcast.revalidations.size() == 2);
  CHECK(server.broadcast.revalidations[0].session.value == server.client.session);
  CHECK(server.broadcast.revalidations[1].session.value == other.session);
  CHECK(server.broadcast.revalidations[1].timeout_ms == 10000);
}

TEST_CASE("a role that follows another at once revalidates as well") {
  Follower server;
  server.broadcast.become(leader);
  server.client.send_exists("/a");
  server.settle();
  CHECK_FALSE(server.client.has_reply());
  CHECK(server.broadcast.revalidations.size() == 1);
  server.broadcast.answer_revalidations(true);
  server.settle();
  CHECK(server.client.has_reply());
}

TEST_CASE("a write that is applied before the new role is answered when its session is confirmed") {
  Follower server;
  auto& client = server.client;
  const auto write = client.send_create("/b");
  const auto sync = client.send_sync();
  client.settle();
  server.lose_leader();
  server.broadcast.apply_all();
  server.broadcast.answer_syncs();
  client.settle();
  CHECK_FALSE(client.has_reply());
  server.find_leader();
  CHECK_FALSE(client.has_reply());
  server.broadcast.answer_revalidations(true);
  CHECK(client.wait_for(write).err == WireError::ok);
  CHECK(client.wait_for(sync).err == WireError::ok);
}

TEST_CASE("a session that the new leader does not know is closed, and hears of it when it comes again") {
  Follower server;
  auto& client = server.client;
  server.lose_leader();
  client.send_exists("/a");
  server.find_leader();
  server.broadcast.answer_revalidations(false);
  client.wait_closed();
  CHECK_FALSE(client.has_reply());
  Client again(server, Client::Greeting::none);
  again.frame(to_jute(records::ConnectRequest{0, 0, 10000, client.session, client.password}) + '\0');
  again.settle();
  server.broadcast.answer_revalidations(false);
  again.wait_closed();
  CHECK(again.session == 0);
  CHECK(again.password == std::string(16, '\0'));  // ZooKeeper's form of "expired".
}

TEST_CASE("what an earlier leader says of a session counts no more") {
  Follower server;
  server.lose_leader();
  server.find_leader();
  auto earlier = std::exchange(server.broadcast.revalidations, {});
  server.lose_leader();
  server.client.send_exists("/a");
  server.find_leader();
  earlier[0].done(false);
  server.settle();
  CHECK_FALSE(server.client.closed);
  earlier[0].done(true);
  server.settle();
  CHECK_FALSE(server.client.has_reply());
  server.broadcast.answer_revalidations(true);
  server.settle();
  CHECK(server.client.has_reply());
}

TEST_CASE("a session whose leader is lost while it is asked waits for the next") {
  Follower server;
  server.lose_leader();
  server.client.send_exists("/a");
  server.find_leader();
  server.broadcast.answer_revalidations(Error(Errc::closed, "the leader is lost"));
  server.lose_leader();
  CHECK_FALSE(server.client.closed);
  CHECK_FALSE(server.client.has_reply());
  server.find_leader();
  server.broadcast.answer_revalidations(true);
  server.settle();
  CHECK(server.client.has_reply());
}

TEST_CASE("a client that comes back while its leader is lost is closed and not told that it expired") {
  for (const bool answered : {true, false}) {
    Follower server;
    Client again(server, Client::Greeting::none);
    again.frame(to_jute(records::ConnectRequest{0, 0, 10000, server.client.session,
                                                server.client.password}) + '\0');
    again.settle();
    REQUIRE(server.broadcast.revalidations.size() == 1);
    if (answered) server.broadcast.answer_revalidations(Error(Errc::closed, "the leader is lost"));
    server.lose_leader();
    again.wait_closed();
    CHECK(again.password.empty());
  }
}

TEST_CASE("a session that is being created when the leader is lost is closed") {
  Follower server;
  Client client(server, Client::Greeting::none);
  client.frame(to_jute(records::ConnectRequest{0, 0, 10000, 0, std::string(16, '\0')}) + '\0');
  client.settle();
  REQUIRE(ops(server.broadcast.writes) == Ops{Op::create_session});
  server.lose_leader();
  client.wait_closed();
  CHECK(client.closed);
  server.broadcast.apply_all();
  server.find_leader();
  CHECK(client.password.empty());
}

TEST_CASE("nobody new is taken while nobody leads") {
  Follower server;
  server.lose_leader();
  Client client(server, Client::Greeting::none);
  CHECK_FALSE(client.connect());
  CHECK(client.closed);
  CHECK(client.password.empty());
  CHECK(server.broadcast.writes.empty());
}

TEST_CASE("writes and syncs in doubt close their connections, and no others") {
  for (const auto when : {none, follower}) {
    Follower server;
    server.broadcast.prompt = true;
    Client syncing(server), reading(server), idle(server);
    server.broadcast.prompt = false;
    server.client.send_create("/b");
    syncing.send_sync();
    server.settle();
    if (when == follower) server.lose_leader();
    reading.send_exists("/a");
    server.settle();
    when == none ? server.lose_leader(kOpen) : server.find_leader(kOpen);
    CHECK(server.client.closed);
    CHECK(syncing.closed);
    if (when == none) server.find_leader();
    server.broadcast.answer_revalidations(true);
    reading.settle();
    CHECK(reading.has_reply());
    CHECK_FALSE(idle.closed);
  }
}

TEST_CASE("what is forgotten in doubt is not taken for the writes of the session's next connection") {
  for (const bool connection_ends_before : {false, true}) {
    Follower server;
    server.broadcast.prompt = true;
    auto client = std::make_unique<Client>(server);
    const auto session = client->session;
    const auto password = client->password;
    server.broadcast.prompt = false;
    client->send_create("/b");
    server.settle();
    if (connection_ends_before) client.reset();
    server.lose_leader(kOpen);
    server.broadcast.writes.clear();
    server.find_leader();
    server.broadcast.prompt = true;
    server.broadcast.answer_revalidations(true);
    Client again(server, Client::Greeting::none);
    REQUIRE(again.connect(session, password));
    const auto write = again.send_create("/c");  // The same xid as "/b" had.
    again.settle();
    REQUIRE(again.has_reply());
    CHECK(again.wait_for(write).err == WireError::ok);
  }
}

TEST_CASE("another state closes the connections, for their watches are of the one before") {
  Follower server;
  server.lose_leader();
  auto& state = server.server.state();
  SECTION("sent by the leader") {
    Database other(1);
    const auto cursor = other.snapshot();
    const auto loader = state.load();
    while (!loader->complete()) REQUIRE(loader->feed(cursor->next(1 << 20).view()).has_value());
    REQUIRE(loader->finish(Zxid::of({2}, 1)).has_value());
    CHECK(state.last_applied() == Zxid::of({2}, 1));
  }
  SECTION("read from the log that was cut") {
    bool done = false;
    state.reload([&](Result<void> reloaded) { done = reloaded.has_value(); });
    server.settle();
    CHECK(done);
    CHECK(state.last_applied() == Zxid{});  // The scripted broadcast logs nothing.
  }
  server.client.wait_closed();
  CHECK(server.client.closed);
}

TEST_CASE("a client that has seen more than the state is not served after an election either") {
  Follower server;
  const auto seen = server.client.exists("/a").zxid;
  server.lose_leader();
  bool done = false;
  server.server.state().reload([&](Result<void>) { done = true; });
  server.find_leader();
  REQUIRE(done);
  Client again(server, Client::Greeting::none);
  CHECK_FALSE(again.connect(server.client.session, server.client.password, 10000, seen));
  CHECK(again.password.empty());
}

TEST_CASE("what is held is bounded as what is under way") {
  auto settings = MemberServer::defaults();
  settings.outstanding_limit = 5;
  Follower server(settings);
  auto& client = server.client;
  server.lose_leader();
  std::vector<std::int32_t> sent;
  for (int i = 0; i < 20; ++i) sent.push_back(client.send_exists("/a"));
  client.settle();
  CHECK(server.word("ruok") == "imok");
  double outstanding = 0;
  for (const auto& sample : server.metrics->samples())
    if (sample.name == "outstanding_requests") outstanding = sample.value;
  CHECK(outstanding == 5);
  server.find_leader();
  server.broadcast.answer_revalidations(true);
  for (const auto xid : sent) CHECK(client.wait_for(xid).err == WireError::ok);
}

TEST_CASE("an event comes before the answer that shows its change, also across an election") {
  Follower server;
  auto& client = server.client;
  client.exists("/b", true);
  server.lose_leader();
  const auto read = client.send_exists("/b");
  client.settle();
  const auto acl = TestClient::open_acl();
  const auto zxid =
      server.broadcast.apply_foreign(Op::create, records::CreateTxn{"/b", "", acl, false, 2});
  server.find_leader();
  CHECK(client.take_events().empty());
  client.stop_reading();
  server.broadcast.answer_revalidations(true);
  client.settle();
  client.read_one();
  CHECK(client.take_events() == std::vector<Event>{{EventType::created, "/b", zxid.value}});
  CHECK_FALSE(client.has_reply());
  client.go_on_reading();
  CHECK(client.wait_for(read).zxid >= zxid.value);
}

TEST_CASE("a read behind a write that survives an election sees that write, and none that came later") {
  Follower server;
  auto& client = server.client;
  const auto write = client.send_create("/b");
  const auto read = client.send_exists("/b");
  client.settle();
  server.lose_leader();
  server.broadcast.apply_all();
  server.broadcast.apply_foreign(Op::set_data, records::SetDataTxn{"/b", "later", 1});
  server.find_leader();
  CHECK_FALSE(client.has_reply());
  server.broadcast.answer_revalidations(true);
  const auto created = client.wait_for(write);
  const auto seen = client.wait_for(read);
  CHECK(seen.zxid == created.zxid);
  CHECK(seen.as<Stat>().czxid == created.zxid);
  CHECK(seen.as<Stat>().version == 0);
}

TEST_CASE("what was asked for here by a client that has gone to another server goes to no next leader") {
  Follower server;
  server.lose_leader();
  server.client.send_create("/b");
  server.client.stop_reading();
  server.settle();
  REQUIRE(server.broadcast.withdrawn.empty());
  server.broadcast.apply_move({server.client.session});
  // At once, though the client's end may be cut off, and the channel last.
  CHECK(server.broadcast.withdrawn == std::vector<SessionId>{{server.client.session}});
}

TEST_CASE("a write that comes with the ping that ends its connection goes to no next leader") {
  Follower server;
  server.lose_leader();
  server.broadcast.fall_silent();
  server.loop.run_for(3333ms + 1ms);
  server.client.send_create("/b");
  server.client.send(Op::ping, {});
  server.settle();
  REQUIRE(server.client.closed);
  REQUIRE(server.broadcast.withdrawn == std::vector<SessionId>{{server.client.session}});
  CHECK(server.broadcast.writes.empty());
}

TEST_CASE("what is said of a session is said to the connection that has asked") {
  Follower server;
  Client first(server, Client::Greeting::none);
  first.send_connect(server.client.session, server.client.password);
  server.settle();
  Client second(server, Client::Greeting::none);
  second.send_connect(server.client.session, server.client.password);
  server.settle();
  auto asked = std::exchange(server.broadcast.revalidations, {});
  REQUIRE(asked.size() == 2);
  const auto read = second.send_exists("/a");
  asked[0].done(true);
  second.settle();
  CHECK_FALSE(second.has_reply());
  asked[1].done(true);
  CHECK(second.wait_for(read).err == WireError::ok);
}

TEST_CASE("a client that comes with its session meets its own move, and stays") {
  Follower server;
  Client again(server, Client::Greeting::none);
  again.send_connect(server.client.session, server.client.password);
  server.settle();
  REQUIRE(server.broadcast.revalidations.size() == 1);
  server.broadcast.apply_move({server.client.session});
  server.broadcast.answer_revalidations(true);
  const auto read = again.send_exists("/a");
  CHECK(again.wait_for(read).err == WireError::ok);
  CHECK_FALSE(again.closed);
}

TEST_CASE("the end of a session that comes with the history closes its connection") {
  Follower server;
  server.lose_leader();
  server.broadcast.apply_foreign(Op::close_session, records::CloseSessionTxn{},
                                 {server.client.session});
  server.client.wait_closed();
  CHECK(server.client.closed);
}

TEST_CASE("refusals for want of space keep their place among what is held") {
  Follower server;
  auto& client = server.client;
  server.lose_leader();
  server.broadcast.parts().events.on_space(true, 1 << 20);
  const auto read = client.send_exists("/a");
  const auto write = client.send_create("/b");
  const auto alone = client.send_create("/c");
  client.settle();
  CHECK_FALSE(client.has_reply());
  server.find_leader();
  server.broadcast.answer_revalidations(true);
  CHECK(client.wait_for(read).err == WireError::ok);
  CHECK(client.wait_for(write).err == WireError::not_read_only);
  CHECK(client.wait_for(alone).err == WireError::not_read_only);
}

TEST_CASE("a server that ends serves nothing more") {
  Follower server;
  server.broadcast.parts().events.on_fatal(Error(Errc::io_failed, "the log failed"));
  server.client.send_exists("/a");
  server.settle();
  CHECK_FALSE(server.client.has_reply());
  CHECK(server.fatal.has_value());
}

// --- pings ----------------------------------------------------------------------------------------

TEST_CASE("pings are answered at once while nobody leads, past what waits") {
  Follower server;
  server.broadcast.fall_silent();
  server.lose_leader();
  server.client.send_exists("/a");
  server.loop.run_for(3s);
  CHECK(server.client.pings());
  server.find_leader();
  server.broadcast.answer_revalidations(true);
  server.settle();
  CHECK(server.client.has_reply());
}

TEST_CASE("a ping later than a third of the timeout after the leader was heard ends the connection") {
  for (const auto role : {none, follower, observer, leader}) {
    Follower server;
    server.broadcast.become(role);
    server.broadcast.answer_revalidations(true);
    server.broadcast.fall_silent();
    server.loop.run_for(3333ms - 2ms);
    CHECK(server.client.pings());
    server.loop.run_for(3ms);
    CHECK_FALSE(server.client.pings());
    CHECK(server.client.closed);
    CHECK_FALSE(server.client.has_reply());
  }
}

TEST_CASE("a ping that waits behind a write is answered when the leader is lost") {
  Follower server;
  auto& client = server.client;
  const auto write = client.send_create("/b");
  client.send(Op::ping, {});
  client.settle();
  CHECK_FALSE(client.has_reply());
  server.lose_leader();
  CHECK(client.wait_for(kXidPing).err == WireError::ok);
  server.find_leader();
  server.broadcast.answer_revalidations(true);
  server.broadcast.apply_all();
  CHECK(client.wait_for(write).err == WireError::ok);
}

TEST_CASE("a client that pings keeps its connection over an election of any length that is heard of") {
  Follower server;
  server.lose_leader();
  for (int i = 0; i < 20; ++i) {
    server.loop.run_for(3s);
    CHECK(server.client.pings());
  }
  server.loop.run_for(11s);
  CHECK(server.client.closed);  // Silent for longer than its timeout.
}

// --- what operators see ---------------------------------------------------------------------------

namespace {

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

}  // namespace

TEST_CASE("srvr tells the role, and that nothing is served without one") {
  Follower server;
  CHECK(has_line(server.word("srvr"), "Mode: follower"));
  CHECK(server.word("srvr").find("Proposal sizes") == std::string::npos);
  CHECK(server.word("isro") == "rw");
  server.broadcast.become(observer);
  CHECK(has_line(server.word("srvr"), "Mode: observer"));
  server.lose_leader();
  for (const auto* word : {"srvr", "stat", "mntr", "cons", "dump"})
    CHECK(server.word(word) == "This ZooKeeper instance is not currently serving requests\n");
  CHECK(server.word("isro") == "null");
  CHECK(server.word("ruok") == "imok");
}

TEST_CASE("a leader tells of its proposals and of its peers") {
  MemberServer server(leader);
  CHECK(has_line(server.word("srvr"), "Proposal sizes last/min/max: -1/-1/-1"));
  server.broadcast.others = {{{1}, "one", true, true, {}},
                             {{3}, "three", false, true, {}},
                             {{4}, "four", true, false, {}}};
  Client client(server);
  client.create("/a");
  server.loop.run_for(2s);
  const auto text = server.word("mntr");
  for (const auto* line : {"zk_server_state\tleader", "zk_peer_state\tleading - broadcast",
                           "zk_learners\t3", "zk_synced_followers\t1", "zk_synced_observers\t1",
                           "zk_synced_non_voting_followers\t0", "zk_quorum_size\t3"}) {
    CAPTURE(line);
    CHECK(has_line(text, line));
  }
  CHECK(text.find("zk_leader_uptime\t20") != std::string::npos);
  CHECK(text.find("zk_last_proposal_size\t-1") == std::string::npos);
  CHECK(server.word("dump").starts_with("SessionTracker dump:\nSession Sets (1)/(1):\n"));
  server.broadcast.become(follower);
  CHECK(server.word("mntr").find("zk_learners") == std::string::npos);
  CHECK(has_line(server.word("mntr"), "zk_peer_state\tfollowing - broadcast"));
  CHECK(server.word("dump").starts_with("SessionTracker dump:\nGlobal Sessions(1):\n"));
}

TEST_CASE("conf of a member has its place in the ensemble and the members") {
  Follower server;
  const auto text = server.word("conf");
  CHECK(text.substr(text.find("serverId")) ==
        "serverId=2\ninitLimit=10\nsyncLimit=5\nelectionAlg=3\nelectionPort=3888\nquorumPort=2888\n"
        "peerType=0\nmembership: \n" +
            MemberServer::defaults().ensemble->config);
}
