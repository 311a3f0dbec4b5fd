// The command table, and ZooKeeper's commands as its four-letter words read.
#include "kernel/core/inspection.hpp"
#include "kernel/core/java_text.hpp"
#include "kernel/core/metric_catalog.hpp"
#include "tests/support/test_server.hpp"

#include <catch2/catch.hpp>

using namespace vivarium;
using namespace vivarium::test;

namespace {

CommandSpec spec(std::string name, std::vector<std::string> words = {}) {
  CommandSpec spec;
  spec.name = std::move(name);
  spec.words = std::move(words);
  return spec;
}

std::vector<std::string> names(const Commands& commands) {
  std::vector<std::string> all;
  for (const auto* command : commands.all()) all.push_back(command->name);
  return all;
}

Value run(TestServer& server, std::string_view word) {
  const auto* command = server.commands->find_word(word);
  REQUIRE(command);
  return command->run({});
}

std::string answer(TestServer& server, std::string_view word) {
  return server.commands->find_word(word)->text(run(server, word));
}

/// Commands that look at parts without a server around them, so that a test can be in any role and
/// have counted anything.
class Inspected {
 public:
  std::string answer(std::string_view word) const {
    const auto* command = commands_->find_word(word);
    REQUIRE(command);
    return command->text(command->run({}));
  }
  void add_session(SessionId session, std::int32_t timeout_ms) {
    const Zxid zxid = database.last_applied().next();
    auto payload = to_jute(records::TxnHeader{session.value, 0, zxid.value, 0,
                                              static_cast<std::int32_t>(Op::create_session)}) +
                   to_jute(records::CreateSessionTxn{timeout_ms});
    database.apply({zxid, SharedBytes(std::move(payload))}, nullptr, DigestCheck::ignore);
  }
  void show(Metrics& metrics) { inspection_.metrics = &metrics; }

  SimulatedLoop loop{1};
  FakeHost host{{}, {}, {.loop = &loop}};
  MemoryStore store{host};
  Standalone broadcast{host};
  ServerSettings settings = TestServer::defaults();
  ServerStats stats;
  LogTimeline timeline{loop, stats};
  SlowRequests slow_requests{loop, host.fake_log, Millis(0)};
  Watches watches{1};
  SessionTracker sessions{loop, settings.tick_time_ms};
  Database database{1};
  ServingRole role = ServingRole::standalone;
  std::vector<std::pair<std::string, std::string>> addresses;

 private:
  AccessGate gate_{{}, nullptr, false, host.fake_log};
  std::unique_ptr<Commands> commands_ = make_commands();
  MemoryCeiling memory_{loop, host.fake_log, 0, nullptr};
  std::unique_ptr<Metrics> metrics_ = make_metrics({});
  Namespaces namespaces_{*metrics_};
  Clients clients_{{settings, loop, host.fake_log, *commands_, broadcast, gate_, watches, stats,
                    timeline, slow_requests, memory_, namespaces_,
                    [this]() -> Database& { return database; }}};
  Inspection inspection_{settings,
                         loop,
                         store,
                         broadcast,
                         stats,
                         clients_,
                         watches,
                         sessions,
                         slow_requests,
                         [this]() -> const Database& { return database; },
                         [this] { return role; },
                         [this] { return addresses; },
                         loop.now(),
                         [] { return std::size_t{0}; },
                         metrics_.get()};
  std::vector<std::unique_ptr<CommandHandle>> handles_ = add_commands(*commands_, inspection_);
};

std::string hex(std::int64_t n) {
  char text[20];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(n));
  return text;
}

}  // namespace

TEST_CASE("a command is found by its name, aliases and words while its handle lives") {
  const auto commands = make_commands();
  const auto first = commands->add(spec("stats", {"stat", "abcd"}));
  auto second = commands->add(spec("watches", {"wchc"}));
  auto with_alias = spec("leader");
  with_alias.aliases = {"lead"};
  const auto third = commands->add(std::move(with_alias));
  CHECK(commands->find("lead") == commands->find("leader"));
  CHECK(commands->find_word("lead") == nullptr);
  CHECK(commands->find("stats") == commands->find_word("abcd"));
  CHECK(commands->find("stats") == commands->find("abcd"));
  CHECK(commands->find_word("stats") == nullptr);
  CHECK(commands->find_word("wchc")->name == "watches");
  CHECK(names(*commands) == std::vector<std::string>{"stats", "watches", "leader"});
  second.reset();
  CHECK(commands->find("watches") == nullptr);
  CHECK(commands->find_word("wchc") == nullptr);
  CHECK(names(*commands) == std::vector<std::string>{"stats", "leader"});
  const auto again = commands->add(spec("watches", {"wchc"}));
  CHECK(names(*commands) == std::vector<std::string>{"stats", "leader", "watches"});
}

TEST_CASE("every word of ZooKeeper is there, and the table empties with the server") {
  auto commands = [] {
    TestServer server;
    for (const auto* word : {"ruok", "isro", "srvr", "stat", "cons", "conf", "mntr", "dirs", "wchs",
                             "wchc", "wchp", "dump", "envi", "crst", "srst", "gtmk", "stmk", "hash"}) {
      INFO(word);
      const auto* command = server.commands->find_word(word);
      REQUIRE(command);
      CHECK(command->text);
      CHECK_FALSE(command->help.empty());
    }
    return names(*server.commands).size();
  }();
  constexpr std::size_t kWithoutWord = 10;
  CHECK(commands == 18 + kWithoutWord);
}

TEST_CASE("the words that answer while nothing is served are ZooKeeper's") {
  TestServer server;
  std::vector<std::string> always;
  for (const auto* command : server.commands->all())
    if (command->when_not_serving && !command->words.empty())
      always.push_back(command->words.front());
  CHECK(always == std::vector<std::string>{"ruok", "isro", "envi", "gtmk", "stmk"});
}

TEST_CASE("numbers read as Java prints them") {
  CHECK(java_double(0) == "0.0");
  CHECK(java_double(-0.0) == "-0.0");
  CHECK(java_double(1.5) == "1.5");
  CHECK(java_double(2.9333) == "2.9333");
  CHECK(java_double(100) == "100.0");
  CHECK(java_double(0.001) == "0.001");
  CHECK(java_double(0.0004) == "4.0E-4");
  CHECK(java_double(0.00025) == "2.5E-4");
  CHECK(java_double(9999999) == "9999999.0");
  CHECK(java_double(1e7) == "1.0E7");
  CHECK(java_double(1.25e10) == "1.25E10");
  CHECK(java_double(four_decimals(7.0 / 3)) == "2.3333");
  CHECK(java_double(four_decimals(2.0 / 3)) == "0.6667");
  CHECK(text_of(Value(std::int64_t{-1})) == "-1");
  CHECK(text_of(Value()) == "null");
}

TEST_CASE("dates read as Java prints them") {
  CHECK(java_date(0) == "Thu Jan 01 00:00:00 UTC 1970");
  CHECK(java_date(1795475186000) == "Mon Nov 23 23:06:26 UTC 2026");
  CHECK(java_date(1709210096999) == "Thu Feb 29 12:34:56 UTC 2024");
}

TEST_CASE("ruok and isro answer without a line end") {
  TestServer server;
  CHECK(answer(server, "ruok") == "imok");
  CHECK(answer(server, "isro") == "rw");
  Inspected inspected;
  inspected.role = ServingRole::read_only;
  CHECK(inspected.answer("isro") == "ro");
  inspected.role = ServingRole::none;
  CHECK(inspected.answer("isro") == "null");
}

TEST_CASE("srvr tells latency, packets, zxid, mode and znodes") {
  TestServer server;
  TestClient client(server);
  client.create("/a", "hello");
  CHECK(answer(server, "srvr") ==
        "Zookeeper version: 0.1.0-test, built on 01/01/2026 00:00 GMT\n"
        "Latency min/avg/max: 0/0.0/0\n"
        "Received: 2\n"
        "Sent: 2\n"
        "Connections: 1\n"
        "Outstanding: 0\n"
        "Zxid: 0x2\n"
        "Mode: standalone\n"
        "Node count: 6\n");
}

TEST_CASE("stat lists the clients between the version and the statistics") {
  TestServer server;
  TestClient first(server), second(server);
  second.exists("/");
  const auto text = answer(server, "stat");
  const auto clients = text.find("Clients:\n");
  REQUIRE(clients != std::string::npos);
  CHECK(text.substr(0, clients) ==
        "Zookeeper version: 0.1.0-test, built on 01/01/2026 00:00 GMT\n");
  const auto latency = text.find("Latency");
  const auto ports = list_at(run(server, "stat"), "connections");
  REQUIRE(ports.size() == 2);
  CHECK(text.substr(clients, latency - clients) ==
        "Clients:\n"
        " /" + text_at(ports[0], "remote_socket_address") + "[1](queued=0,recved=1,sent=1)\n"
        " /" + text_at(ports[1], "remote_socket_address") + "[1](queued=0,recved=2,sent=2)\n\n");
  CHECK(text.ends_with("Mode: standalone\nNode count: 5\n"));
}

TEST_CASE("a read-only server says so in its second line") {
  Inspected server;
  server.role = ServingRole::read_only;
  for (const auto us : {0, 7400, 1400}) server.stats.latency.record(us);
  CHECK(server.answer("srvr") ==
        "Zookeeper version: 0.1.0-test, built on 01/01/2026 00:00 GMT\n"
        "READ-ONLY mode; serving only read-only clients\n"
        "Latency min/avg/max: 0/2.9333/7\n"
        "Received: 0\n"
        "Sent: 0\n"
        "Connections: 0\n"
        "Outstanding: 0\n"
        "Zxid: 0x0\n"
        "Mode: read-only\n"
        "Node count: 5\n");
}

TEST_CASE("cons tells of each session, and of bare connections what there is") {
  TestServer server;
  server.loop.set_wall_ms(1'800'000'000'000);
  TestClient client(server);
  client.create("/a");
  TestClient fresh(server, TestClient::Greeting::none);
  const auto connections = list_at(run(server, "cons"), "connections");
  REQUIRE(connections.size() == 2);
  const auto& info = connections[0];
  CHECK(answer(server, "cons") ==
        " /" + text_at(info, "remote_socket_address") + "[1](queued=0,recved=2,sent=2,sid=" +
        hex(client.session) + ",lop=CREA,est=" + text_at(info, "established") +
        ",to=10000,lcxid=0x1,lzxid=0x2,lresp=" + text_at(info, "last_response_time") +
        ",llat=0,minlat=0,avglat=0,maxlat=0)\n"
        " /" + text_at(connections[1], "remote_socket_address") +
        "[1](queued=0,recved=0,sent=0)\n\n");
  CHECK(integer_at(info, "established") == 1'800'000'000'000);
}

TEST_CASE("cons shows the last request that had a number, from the session's beginning") {
  TestServer server;
  TestClient client(server);
  CHECK(answer(server, "cons").find(",lop=SESS,") != std::string::npos);
  CHECK(answer(server, "cons").find(",lcxid=0x0,lzxid=0x1,") != std::string::npos);
  client.create("/a");
  client.call(Op::ping);
  CHECK(answer(server, "cons").find(",lop=PING,") != std::string::npos);
  CHECK(answer(server, "cons").find(",lcxid=0x1,lzxid=0x2,") != std::string::npos);
}

TEST_CASE("a connection with a four-letter word shows as one that was read and is not any more") {
  TestServer server;
  TestClient client(server, TestClient::Greeting::none);
  client.word("stat");
  CHECK(client.text.find("[0](queued=0,recved=1,sent=0)") != std::string::npos);
}

TEST_CASE("hash tells the tree's digest at every 128th transaction") {
  TestServer server;
  TestClient client(server);
  CHECK(answer(server, "hash").empty());
  for (int i = 0; i < 260; ++i) client.create("/n" + std::to_string(i));
  const auto text = answer(server, "hash");
  CHECK(text.starts_with("80: "));
  CHECK(text.find("\n100: ") != std::string::npos);
  CHECK(text.find("180: ") == std::string::npos);
}

TEST_CASE("crst forgets what connections have done") {
  TestServer server;
  TestClient client(server);
  client.create("/a");
  CHECK(answer(server, "crst") == "Connection stats reset.\n");
  const auto text = answer(server, "cons");
  CHECK(text.find("(queued=0,recved=0,sent=0,sid=" + hex(client.session) + ",lop=NA,est=") !=
        std::string::npos);
  CHECK(text.find(",to=10000,lzxid=0xffffffffffffffff,lresp=0,llat=0,minlat=0,avglat=0,maxlat=0)\n") !=
        std::string::npos);
}

TEST_CASE("srst forgets what the server has counted") {
  TestServer server;
  TestClient client(server);
  client.create("/a");
  CHECK(answer(server, "srst") == "Server stats reset.\n");
  const auto stats = *run(server, "srvr").field("server_stats");
  CHECK(integer_at(stats, "packets_received") == 0);
  CHECK(integer_at(stats, "packets_sent") == 0);
  CHECK(integer_at(*stats.field("client_response_stats"), "last_buffer_size") == -1);
  for (const auto& sample : server.metrics->samples())
    if (sample.name == "cnt_updatelatency" || sample.name == "response_bytes")
      CHECK(sample.value == 0);
}

TEST_CASE("conf tells the settings under ZooKeeper's keys, in its order") {
  auto settings = TestServer::defaults();
  settings.data_dir = "/var/lib/zk";
  settings.max_client_connections_per_address = 60;
  settings.id = {3};
  TestServer server(settings);
  const auto sizes = server.store.sizes();
  const auto bytes = std::to_string(sizes.log_bytes_total + sizes.snapshot_bytes_total);
  CHECK(answer(server, "conf") ==
        "clientPort=2181\n"
        "secureClientPort=-1\n"
        "dataDir=/var/lib/zk/version-2\n"
        "dataDirSize=" + bytes + "\n"
        "dataLogDir=/var/lib/zk/version-2\n"
        "dataLogSize=" + bytes + "\n"
        "tickTime=2000\n"
        "maxClientCnxns=60\n"
        "minSessionTimeout=4000\n"
        "maxSessionTimeout=40000\n"
        "clientPortListenBacklog=-1\n"
        "serverId=3\n");
}

TEST_CASE("conf tells the ports that are in use, whatever the address") {
  Inspected server;
  server.addresses = {{"client", "127.0.0.1:2181"}, {"secure", "[::1]:2281"}};
  server.settings.data_dir = "/data";
  server.settings.data_log_dir = "/log";
  CHECK(server.answer("conf").starts_with("clientPort=2181\n"
                                          "secureClientPort=2281\n"
                                          "dataDir=/data/version-2\n"
                                          "dataDirSize=0\n"
                                          "dataLogDir=/log/version-2\n"));
}

TEST_CASE("dirs tells of a shared directory twice, and of separate ones apart") {
  auto settings = TestServer::defaults();
  settings.data_dir = settings.data_log_dir = "/data";
  TestServer shared(settings);
  TestClient client(shared);
  client.create("/a");
  client.settle();  // Until the first snapshot is written.
  const auto sizes = shared.store.sizes();
  const auto all = sizes.log_bytes_total + sizes.snapshot_bytes_total;
  CHECK(sizes.log_bytes_total > 0);
  CHECK(sizes.snapshot_bytes_total > 0);
  CHECK(answer(shared, "dirs") == "datadir_size: " + std::to_string(all) + "\nlogdir_size: " +
                                      std::to_string(all) + "\n");
  settings.data_log_dir = "/log";
  TestServer apart(settings);
  apart.loop.run_for(std::chrono::milliseconds(1));
  const auto snapshots = apart.store.sizes().snapshot_bytes_total;
  CHECK(answer(apart, "dirs").starts_with("datadir_size: " + std::to_string(snapshots) + "\n"));
}

TEST_CASE("envi lists the environment after the version") {
  auto settings = TestServer::defaults();
  settings.environment = {{"host.name", "localhost"}, {"os.name", "Linux"}};
  TestServer server(settings);
  CHECK(answer(server, "envi") ==
        "Environment:\n"
        "zookeeper.version=0.1.0-test, built on 01/01/2026 00:00 GMT\n"
        "host.name=localhost\n"
        "os.name=Linux\n");
}

TEST_CASE("mntr prints whole numbers plain and others as Java does") {
  Inspected server;
  const auto metrics = make_metrics({});
  const auto znodes = metrics->add("znode_count", [] { return 5.0; });
  const auto average = metrics->add("avg_latency", [] { return 0.0; });
  const auto load = metrics->add("load", [] { return 0.4444; });
  server.show(*metrics);
  CHECK(server.answer("mntr") ==
        "zk_version\t0.1.0-test, built on 01/01/2026 00:00 GMT\n"
        "zk_server_state\tstandalone\n"
        "zk_znode_count\t5\n"
        "zk_avg_latency\t0.0\n"
        "zk_load\t0.4444\n");
}

TEST_CASE("mntr of a member of an ensemble tells what it is to its peers") {
  Inspected server;
  const auto state = [&](ServingRole role) {
    server.role = role;
    const auto text = server.answer("mntr");
    return text.substr(text.find("zk_server_state"));
  };
  CHECK(state(ServingRole::leader) ==
        "zk_server_state\tleader\nzk_peer_state\tleading - broadcast\n");
  CHECK(state(ServingRole::follower) ==
        "zk_server_state\tfollower\nzk_peer_state\tfollowing - broadcast\n");
  CHECK(state(ServingRole::observer) ==
        "zk_server_state\tobserver\nzk_peer_state\tobserving - broadcast\n");
}

TEST_CASE("wchs, wchc and wchp show the watches of the data table") {
  TestServer server;
  TestClient first(server), second(server);
  first.create("/a");
  first.exists("/a", true);
  first.exists("/none", true);
  first.children("/", true);
  second.get("/a", true);
  CHECK(answer(server, "wchs") == "2 connections watching 2 paths\nTotal watches:3\n");
  CHECK(answer(server, "wchc") ==
        hex(first.session) + "\n\t/a\n\t/none\n" + hex(second.session) + "\n\t/a\n\n");
  CHECK(answer(server, "wchp") == "/a\n\t" + hex(first.session) + "\n\t" + hex(second.session) +
                                      "\n/none\n\t" + hex(first.session) + "\n\n");
}

TEST_CASE("without watches the lists are one empty line") {
  TestServer server;
  CHECK(answer(server, "wchs") == "0 connections watching 0 paths\nTotal watches:0\n");
  CHECK(answer(server, "wchc") == "\n");
  CHECK(answer(server, "wchp") == "\n");
}

TEST_CASE("what shows paths needs every permission on an admin page") {
  TestServer server;
  for (const auto* word : {"wchc", "wchp", "dump"})
    CHECK(server.commands->find_word(word)->permission == CommandPermission::admin);
}

TEST_CASE("dump tells when sessions and connections expire, and the ephemerals") {
  TestServer server;
  server.loop.set_wall_ms(1'795'475'186'000);
  TestClient client(server);
  client.create("/e2", "", CreateFlag::ephemeral);
  client.create("/e1", "", CreateFlag::ephemeral);
  const auto value = run(server, "dump");
  const auto& sessions = fields_at(value, "expiry_time_to_session_ids");
  REQUIRE(sessions.size() == 1);
  const auto when = std::stoll(sessions[0].first);
  CHECK(when > 1'795'475'186'000 + 10'000);
  CHECK(when <= 1'795'475'186'000 + 10'000 + 2000);
  const auto& connections = fields_at(value, "expiry_time_to_connections");
  REQUIRE(connections.size() == 1);
  const auto& listed = std::get<Value::List>(connections[0].second.content());
  CHECK(answer(server, "dump") ==
        "SessionTracker dump:\n"
        "Session Sets (1)/(1):\n"
        "1 expire at " + java_date(when) + ":\n"
        "\t" + hex(client.session) + "\n"
        "ephemeral nodes dump:\n"
        "Sessions with Ephemerals (1):\n" +
        hex(client.session) + ":\n"
        "\t/e1\n"
        "\t/e2\n"
        "Connections dump:\n"
        "Connections Sets (1)/(1):\n"
        "1 expire at " + java_date(when) + ":\n"
        "\tip: /" + text_at(listed.at(0), "remote_socket_address") +
        " sessionId: " + hex(client.session) + "\n");
}

TEST_CASE("dump of a server that does not lead lists sessions with their timeouts") {
  Inspected server;
  server.role = ServingRole::follower;
  server.add_session({0xff}, 10000);
  server.add_session({-1}, 4000);
  CHECK(server.answer("dump") ==
        "SessionTracker dump:\n"
        "Global Sessions(2):\n"
        "0xffffffffffffffff\t4000ms\n"
        "0xff\t10000ms\n"
        "ephemeral nodes dump:\n"
        "Sessions with Ephemerals (0):\n"
        "Connections dump:\n"
        "Connections Sets (0)/(0):\n");
}

TEST_CASE("dump lists connections without a session by the end of their first silence") {
  TestServer server;
  server.loop.set_wall_ms(1'795'475'180'100);
  TestClient first(server, TestClient::Greeting::none);
  server.loop.run_for(std::chrono::milliseconds(300));
  TestClient second(server, TestClient::Greeting::none);
  const auto text = answer(server, "dump");
  CHECK(text.find("Connections Sets (1)/(2):\n2 expire at Mon Nov 23 23:06:32 UTC 2026:\n") !=
        std::string::npos);
  CHECK(text.ends_with(" sessionId: 0x0\n"));
}

TEST_CASE("a dump of nothing still has its headings") {
  TestServer server;
  CHECK(answer(server, "dump") ==
        "SessionTracker dump:\n"
        "Session Sets (0)/(0):\n"
        "ephemeral nodes dump:\n"
        "Sessions with Ephemerals (0):\n"
        "Connections dump:\n"
        "Connections Sets (0)/(0):\n");
}

TEST_CASE("the trace mask is ZooKeeper's default whatever is asked for") {
  TestServer server;
  CHECK(answer(server, "gtmk") == "306");
  CHECK(answer(server, "stmk") == "306");
}

TEST_CASE("hash prints each zxid in hexadecimal and its digest as a signed number") {
  Inspected server;
  CHECK(server.answer("hash").empty());
  server.stats.digests.record({0x80}, 1371985504);
  server.stats.digests.record({0x81}, 1);
  server.stats.digests.record({0x100}, static_cast<std::uint64_t>(-5));
  server.stats.reset();
  CHECK(server.answer("hash") == "80: 1371985504\n100: -5\n");
}

TEST_CASE("the digest log keeps every 128th zxid, the newest 1024 of them") {
  DigestLog log;
  for (std::int64_t zxid = 1; zxid <= 128 * 1025; ++zxid)
    log.record({zxid}, static_cast<std::uint64_t>(zxid) * 3);
  REQUIRE(log.entries().size() == 1024);
  CHECK(log.entries().front().first.value == 256);
  CHECK(log.entries().back().second == 128 * 1025 * 3);
}
