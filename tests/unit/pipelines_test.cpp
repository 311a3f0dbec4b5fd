// Requests that a client sends without waiting: the order of their replies, whose they are, and
// what a client can make a server hold for it.
#include <algorithm>

#include <catch2/catch.hpp>

#include "faulty_store.hpp"
#include "tests/support/test_server.hpp"

using namespace vivarium;
using namespace vivarium::test;
using namespace std::chrono_literals;

namespace {

std::string framed(std::int32_t xid, Op op, std::string_view body = {}) {
  return to_jute(std::string_view(
      to_jute(records::RequestHeader{xid, static_cast<std::int32_t>(op)}) + std::string(body)));
}

std::string set_body(std::string_view path, Data data) {
  return to_jute(records::SetDataRequest{path, data, -1});
}
std::string get_body(std::string_view path) {
  return to_jute(records::PathWatchRequest{path, false});
}
std::string create_body(std::string_view path, Data data = "",
                        const AclList& acl = TestClient::open_acl()) {
  return to_jute(records::CreateRequest{path, data, acl, 0});
}
std::string auth_body(std::string_view scheme, Data credential) {
  return to_jute(records::AuthPacket{0, scheme, credential});
}

/// A history in memory that is slow to become durable.
class SlowMemory final : public TestStorage {
 public:
  explicit SlowMemory(SimulatedLoop& loop)
      : inner_host_({}, {}, {.loop = &loop}),
        host_(kFaultyOptions, {{"faults", ""}}, {.loop = &loop}) {
    host_.inner = std::make_unique<MemoryStore>(inner_host_);
    store_ = std::make_unique<FaultyStore>(host_);
  }
  LogStore& store() override { return *store_; }
  void set_faults(const std::string& script) {
    host_.fake_options.set("faults", script);
    if (!store_->reload())
      throw std::runtime_error("no such faults");
  }

 private:
  FakeHost inner_host_, host_;
  std::unique_ptr<FaultyStore> store_;
};

struct SlowServer : TestServer {
  explicit SlowServer(const ServerSettings& settings = defaults())
      : TestServer(settings, nullptr, 1,
                   [](SimulatedLoop& on) { return std::make_unique<SlowMemory>(on); }) {}
  void slow_down() { static_cast<SlowMemory&>(*storage).set_faults("delay durable 500ms"); }
};

double metric(TestServer& server, std::string_view name) {
  for (const auto& sample : server.metrics->samples())
    if (sample.name == name)
      return sample.value;
  throw std::runtime_error("no metric " + std::string(name));
}

} // namespace

// --- order ---------------------------------------------------------------------------------------

TEST_CASE("a write behind a sync is answered behind it", "[pipeline]") {
  SlowServer server;
  TestClient client(server);
  client.create("/a");
  server.slow_down();
  client.raw(framed(10, Op::set_data, set_body("/a", "1")) +
             framed(11, Op::sync, to_jute(records::PathRequest{"/a"})) +
             framed(12, Op::set_data, set_body("/a", "2")) +
             framed(13, Op::get_data, get_body("/a")) +
             framed(14, Op::set_data, set_body("/none", "3")));
  const auto first = client.wait_for(10);
  CHECK(first.as<Stat>().version == 1);
  const auto sync = client.wait_for(11);
  CHECK(sync.as<records::PathRequest>().path == "/a");
  const auto second = client.wait_for(12);
  CHECK(second.as<Stat>().version == 2);
  CHECK(client.wait_for(13).body.find('2') != std::string::npos);
  CHECK(client.wait_for(14).err == WireError::no_node);
  CHECK(first.zxid <= sync.zxid);
  CHECK(sync.zxid <= second.zxid);
  client.send_as(15, Op::ping, {});
  CHECK(client.wait_for(kXidPing).err == WireError::ok);
}

TEST_CASE("a multi behind a sync keeps its results", "[pipeline]") {
  SlowServer server;
  TestClient client(server);
  server.slow_down();
  const auto multi = [](std::string_view path) {
    return MultiBody()
        .add(Op::create2, records::CreateRequest{path, "", TestClient::open_acl(), 0})
        .bytes();
  };
  client.raw(framed(1, Op::create, create_body("/a")) +
             framed(2, Op::sync, to_jute(records::PathRequest{"/"})) +
             framed(3, Op::multi, multi("/b")) + framed(4, Op::multi, multi("/b")));
  CHECK(client.wait_for(1).err == WireError::ok);
  CHECK(client.wait_for(2).err == WireError::ok);
  const auto done = client.wait_for(3);
  JuteIn in(done.body);
  records::MultiHeader header;
  Text path;
  Stat stat;
  in(header, path, stat);
  CHECK(header.type == static_cast<std::int32_t>(Op::create2));
  CHECK(path == "/b");
  CHECK(stat.czxid > 0);
  const auto refused = client.wait_for(4);
  CHECK(refused.err == WireError::ok);
  CHECK(refused.body.size() < done.body.size());
}

TEST_CASE("the outcome of a write goes to the connection that asked for it", "[pipeline]") {
  SlowServer server;
  auto first = std::make_unique<TestClient>(server);
  const auto session = first->session;
  const auto password = first->password;
  server.slow_down();
  first->send_as(1, Op::create, create_body("/x"));
  first->send_as(2, Op::sync, to_jute(records::PathRequest{"/first"}));
  first->settle();
  SECTION("when the old connection is gone") {}
  SECTION("when the old connection is still open") {
    TestClient other(server, TestClient::Greeting::none);
    REQUIRE(other.connect(session, password));
    other.send_as(1, Op::create, create_body("/y"));
    other.send_as(2, Op::sync, to_jute(records::PathRequest{"/second"}));
    CHECK(other.wait_for(1).as<records::PathRequest>().path == "/y");
    CHECK(other.wait_for(2).as<records::PathRequest>().path == "/second");
    first->wait_closed();
    CHECK_FALSE(first->has_reply());
  }
  first.reset();
  TestClient second(server, TestClient::Greeting::none);
  REQUIRE(second.connect(session, password));
  second.send_as(1, Op::create, create_body("/z"));
  second.send_as(2, Op::sync, to_jute(records::PathRequest{"/third"}));
  CHECK(second.wait_for(1).as<records::PathRequest>().path == "/z");
  CHECK(second.wait_for(2).as<records::PathRequest>().path == "/third");
  CHECK(second.exists("/x").err == WireError::ok);
}

TEST_CASE("requests behind the connect request need not wait for its answer", "[pipeline]") {
  TestServer server;
  TestClient client(server, TestClient::Greeting::none);
  const std::string data(100'000, 'd');
  const auto connect =
      to_jute(records::ConnectRequest{0, 0, 10000, 0, std::string(16, '\0')}) + '\0';
  client.raw(to_jute(std::string_view(connect)) + framed(1, Op::create, create_body("/a", data)));
  CHECK(client.wait_for(1).as<records::PathRequest>().path == "/a");
  CHECK(client.stat("/a").data_length == 100'000);
}

// --- who asks ------------------------------------------------------------------------------------

TEST_CASE("a request is judged by who the client was when it asked", "[pipeline]") {
  SlowServer server;
  TestClient owner(server);
  owner.authenticate("digest", "owner:secret");
  REQUIRE(owner.create("/secret", "s", CreateFlag::persistent, {{perms::kAll, "auth", ""}}).err ==
          WireError::ok);
  REQUIRE(
      owner.create("/here", "h", CreateFlag::persistent, {{perms::kAll, "ip", "127.0.0.1"}}).err ==
      WireError::ok);
  TestClient client(server);
  server.slow_down();
  client.raw(framed(1, Op::set_data, set_body("/here", "1")) +
             framed(2, Op::get_data, get_body("/secret")) +
             framed(3, Op::set_data, set_body("/secret", "1")) +
             framed(kXidAuth, Op::auth, auth_body("digest", "owner:secret")) +
             framed(4, Op::set_data, set_body("/secret", "2")) +
             framed(5, Op::get_data, get_body("/secret")));
  CHECK(client.wait_for(kXidAuth).err == WireError::ok); // Overtakes what waits for the disk.
  CHECK(client.wait_for(1).err == WireError::ok);
  CHECK(client.wait_for(2).err == WireError::no_auth);
  CHECK(client.wait_for(3).err == WireError::no_auth);
  CHECK(client.wait_for(4).err == WireError::ok);
  CHECK(client.wait_for(5).err == WireError::ok);
}

TEST_CASE("an authentication without a credential fails, and a malformed one gets no answer",
          "[pipeline]") {
  TestServer server;
  TestClient client(server);
  client.send_as(kXidAuth, Op::auth, auth_body("digest", std::nullopt));
  CHECK(client.wait_for(kXidAuth).err == WireError::auth_failed);
  client.wait_closed();
  TestClient other(server);
  other.send_as(kXidAuth, Op::auth, "\1\2");
  other.wait_closed();
  CHECK_FALSE(other.has_reply());
}

// --- what a client can make a server hold --------------------------------------------------------

TEST_CASE("short requests cannot ask for a transaction of any length", "[pipeline]") {
  TestServer server;
  TestClient client(server);
  const std::string user(400'000, 'u');
  REQUIRE(client.authenticate("digest", user + ":secret").err == WireError::ok);
  AclList acl;
  for (std::int32_t perms = 1; perms <= 135; ++perms)
    acl.push_back({perms, "auth", ""});
  CHECK(client.create("/a", "", CreateFlag::persistent, acl).err == WireError::invalid_acl);
  client.create("/b");
  CHECK(client.call(Op::set_acl, records::SetAclRequest{"/b", acl, -1}).err ==
        WireError::invalid_acl);
  const AclList two = {{1, "auth", ""}, {2, "auth", ""}};
  CHECK(client.create("/two", "", CreateFlag::persistent, two).err == WireError::ok);
  const auto multi = MultiBody()
                         .add(Op::create, records::CreateRequest{"/c", "", two, 0})
                         .add(Op::create, records::CreateRequest{"/d", "", two, 0})
                         .bytes();
  client.wait_for(client.send(Op::multi, multi));
  CHECK(client.exists("/c").err == WireError::no_node);
  SECTION("nor hold identities of any length") {
    client.authenticate("digest", std::string(400'000, 'v') + ":secret");
    CHECK(client.authenticate("digest", std::string(400'000, 'w') + ":secret").err ==
          WireError::auth_failed);
    client.wait_closed();
  }
}

TEST_CASE("the end of a session is a short transaction, whatever the session owns", "[pipeline]") {
  auto settings = TestServer::defaults();
  settings.frame_bytes_max = 4096;
  TestServer server(settings);
  TestClient client(server);
  for (char name = 'a'; name < 'f'; ++name)
    client.create("/" + std::string(3000, name), "", CreateFlag::ephemeral);
  CHECK(client.call(Op::close_session).err == WireError::ok);
  std::size_t longest = 0;
  bool read = false;
  server.store.read(Zxid{0}, 1 << 20, [&](Result<LogSlice> slice) {
    for (const auto& entry : slice->entries)
      longest = std::max(longest, entry.payload.size());
    read = true;
  });
  server.loop.run_until([&] { return read; });
  CHECK(longest < 4096);
  TestClient other(server);
  CHECK(other.stat("/").num_children == 1);
}

TEST_CASE("a name is no longer than a znode's block can hold", "[pipeline]") {
  auto settings = TestServer::defaults();
  settings.frame_bytes_max = 32u << 20;
  TestServer server(settings);
  TestClient client(server);
  CHECK(client.create("/" + std::string(17u << 20, 'n')).err == WireError::bad_arguments);
  CHECK(client.create("/a").err == WireError::ok);
}

namespace {
constexpr std::size_t kLargeBytes = 1'000'000;
constexpr int kReads = 64;

void create_large(TestServer& server) {
  TestClient client(server);
  client.create("/large", std::string(kLargeBytes, 'l'));
  client.create("/small");
}

std::string reads(std::int32_t first) {
  std::string frames;
  for (std::int32_t i = 0; i < kReads; ++i)
    frames += framed(first + i, Op::get_data, get_body("/large"));
  return frames;
}
} // namespace

TEST_CASE("a client that does not read its replies is prepared no more than a few", "[pipeline]") {
  SlowServer server;
  create_large(server);
  TestClient client(server);
  client.stop_reading();
  const auto before = metric(server, "packets_sent");
  SECTION("when they need not wait") {
    client.raw(reads(1));
  }
  SECTION("when they waited behind a write") {
    server.slow_down();
    client.raw(framed(100, Op::set_data, set_body("/small", "1")) + reads(1) +
               framed(101, Op::set_data, set_body("/small", "2")));
    server.loop.run_for(2s);
  }
  client.settle();
  CHECK(metric(server, "packets_sent") - before < 10);
  client.go_on_reading();
  std::int32_t answered = 0;
  while (answered < kReads) {
    const auto reply = client.next_reply();
    if (reply.xid == 100)
      continue;
    REQUIRE(reply.xid == ++answered);
    REQUIRE(reply.err == WireError::ok);
  }
}

TEST_CASE("a client that reads slowly keeps its session", "[pipeline]") {
  TestServer server;
  create_large(server);
  TestClient client(server);
  client.create("/mine", "", CreateFlag::ephemeral);
  client.stop_reading();
  client.raw(reads(10));
  for (std::int32_t answered = 0; answered < kReads; ++answered) {
    server.loop.run_for(5s);
    client.read_one();
    REQUIRE(client.next_reply().xid == 10 + answered);
  }
  client.go_on_reading();
  CHECK(client.exists("/mine").err == WireError::ok);
}

TEST_CASE("a client that reads nothing loses its session", "[pipeline]") {
  TestServer server;
  create_large(server);
  TestClient client(server), other(server);
  client.create("/mine", "", CreateFlag::ephemeral);
  client.stop_reading();
  client.raw(reads(10));
  for (int i = 0; i < 8; ++i) {
    server.loop.run_for(3s);
    other.send_as(kXidPing, Op::ping, {});
    other.wait_for(kXidPing);
  }
  CHECK(other.exists("/mine").err == WireError::no_node);
}

TEST_CASE("what waits behind a sync goes on when it is answered, also where little may wait",
          "[pipeline]") {
  auto settings = TestServer::defaults();
  settings.outstanding_limit = 5;
  TestServer server(settings);
  TestClient client(server);
  std::string frames = framed(1, Op::sync, to_jute(records::PathRequest{"/"}));
  for (std::int32_t xid = 2; xid <= 40; ++xid)
    frames += framed(xid, Op::get_data, get_body("/"));
  client.raw(frames);
  for (std::int32_t xid = 1; xid <= 40; ++xid)
    CHECK(client.wait_for(xid).err == WireError::ok);
}
