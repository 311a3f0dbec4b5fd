// A whole server whose disk fills up: what it refuses, what it goes on with, and how it comes back.
#include "storage/file/file_store.hpp"

#include "kernel/simulation/simulated_disk.hpp"
#include "tests/support/test_server.hpp"

#include <catch2/catch.hpp>

using namespace vivarium;
using namespace vivarium::test;

namespace {

constexpr std::uint64_t kMiB = 1 << 20;

/// A machine with a disk that others write to as well.
struct Machine {
  SimulatedLoop loop{1};
  SimulatedDisk disk{loop};

  void leave_free(std::uint64_t bytes) {
    constexpr std::uint64_t kMuch = std::uint64_t{1} << 60;
    disk.files().set_capacity(kMuch);
    disk.files().set_capacity(kMuch - *disk.files().free_bytes("/data") + bytes);
  }
  void look() { loop.run_for(std::chrono::seconds(6)); }
};

/// A server with the watermarks at 256 MiB and 1 GiB, as by default.
class FileServer {
 public:
  explicit FileServer(Machine& machine)
      : machine_(machine),
        host_(file::kFileOptions, {{"prealloc", "64K"}}, {&machine.loop, &machine.disk, nullptr}),
        transport_(machine.loop, network_),
        store_(with_directory(host_)),
        broadcast_(host_),
        ip_(host_),
        commands_(make_commands()),
        metrics_(make_metrics()),
        server_(TestServer::defaults(),
                {machine.loop, host_.fake_log, *metrics_, *commands_, store_, broadcast_, nullptr,
                 nullptr, nullptr, nullptr, {&ip_}, {}, {{"client", &transport_, "127.0.0.1", 2181}}}) {
    std::optional<Result<void>> outcome;
    server_.on_fatal([this](const Error& error) { fatal = error; });
    server_.start([&](Result<void> serving) { outcome = serving; });
    machine.loop.run_until([&] { return outcome.has_value(); });
    if (!*outcome) throw std::runtime_error(outcome->error().what);
  }
  /// The end of its process. What is in the disk's hands ends as well.
  ~FileServer() {
    transport_.stop();
    broadcast_.stop();
    store_.stop();
    machine_.loop.run_for(std::chrono::seconds(1));
  }

  MemoryTransport& transport() { return transport_; }
  const FakeLog& log() const { return host_.fake_log; }
  double metric(std::string_view name) const {
    for (const auto& sample : metrics_->samples())
      if (sample.name == name) return sample.value;
    throw std::runtime_error("no metric " + std::string(name));
  }
  std::optional<Error> fatal;

 private:
  static FakeHost& with_directory(FakeHost& host) {
    host.server_settings["dataDir"] = "/data";
    return host;
  }

  Machine& machine_;
  FakeHost host_;
  std::shared_ptr<MemoryNetwork> network_ = std::make_shared<MemoryNetwork>();
  MemoryTransport transport_;
  file::FileStore store_;
  Standalone broadcast_;
  IpAuthenticator ip_;
  std::unique_ptr<Commands> commands_;
  std::unique_ptr<Metrics> metrics_;
  Server server_;
};

struct Client : TestClient {
  Client(Machine& machine, FileServer& server, Greeting greeting = Greeting::new_session)
      : TestClient(machine.loop, server.transport(), greeting) {}
};

}  // namespace

TEST_CASE("while space is low every write is refused at once, and takes no zxid", "[space]") {
  Machine machine;
  FileServer server(machine);
  Client client(machine, server);
  client.create("/a", "one");
  const auto zxid = client.exists("/a").zxid;
  machine.leave_free(255 * kMiB);
  machine.look();
  CHECK(client.create("/b").err == WireError::not_read_only);
  CHECK(client.create("/b", "", CreateFlag::ephemeral_sequential).err == WireError::not_read_only);
  CHECK(client.set("/a", "two").err == WireError::not_read_only);
  CHECK(client.remove("/a").err == WireError::not_read_only);
  const auto acl = TestClient::open_acl();
  CHECK(client.call(Op::set_acl, records::SetAclRequest{"/a", acl, -1}).err ==
        WireError::not_read_only);
  const auto multi = MultiBody().add(Op::remove, records::PathVersionRequest{"/a", -1}).bytes();
  const auto refused = client.wait_for(client.send(Op::multi, multi));
  CHECK(refused.err == WireError::not_read_only);
  CHECK(refused.body.empty());
  CHECK(refused.zxid == zxid);
  CHECK(client.data("/a") == "one");
  CHECK(server.metric("writes_refused") == 1);
  CHECK(server.metric("writes_refused_count") == 6);
  CHECK_FALSE(server.fatal);
}

TEST_CASE("while space is low reads, watches, syncs and sessions go on", "[space]") {
  Machine machine;
  FileServer server(machine);
  Client client(machine, server);
  auto holder = std::make_unique<Client>(machine, server);
  client.create("/lock", "");
  holder->create("/lock/held", "", CreateFlag::ephemeral);
  client.exists("/lock/held", true);
  machine.leave_free(100 * kMiB);
  machine.look();
  CHECK(client.call(Op::ping).err == WireError::ok);
  CHECK(client.call(Op::sync, records::PathRequest{"/"}).err == WireError::ok);
  Client newcomer(machine, server);
  CHECK(newcomer.exists("/lock/held").err == WireError::ok);
  SECTION("a session that closes frees its lock") {
    CHECK(holder->call(Op::close_session).err == WireError::ok);
  }
  SECTION("a session that expires frees its lock") {
    for (int second = 0; second < 14; ++second) {
      machine.loop.run_for(std::chrono::seconds(1));
      client.call(Op::ping);
    }
  }
  CHECK(client.exists("/lock/held").err == WireError::no_node);
  const auto events = client.take_events();
  REQUIRE(events.size() == 1);
  CHECK(events[0].type == EventType::deleted);
}

TEST_CASE("when there is room again, writes go on without a restart", "[space]") {
  Machine machine;
  FileServer server(machine);
  Client client(machine, server);
  machine.leave_free(10 * kMiB);
  machine.look();
  REQUIRE(client.create("/a").err == WireError::not_read_only);
  CHECK(server.log().contains("writes are refused until"));
  machine.leave_free(1024 * kMiB);
  machine.look();
  CHECK(client.create("/a").err == WireError::ok);
  CHECK(server.log().contains("writes are accepted again"));
  CHECK(server.metric("writes_refused") == 0);
}

TEST_CASE("a server that starts on a nearly full disk serves, and refuses writes at once",
          "[space]") {
  Machine machine;
  {
    FileServer server(machine);
    Client(machine, server).create("/a", "kept");
  }
  machine.leave_free(100 * kMiB);
  FileServer server(machine);
  Client client(machine, server);
  CHECK(client.data("/a") == "kept");
  CHECK(client.create("/b").err == WireError::not_read_only);
}

TEST_CASE("a write that finds the disk full is answered late and not lost; what follows is refused",
          "[space]") {
  Machine machine;
  std::vector<std::string> acknowledged;
  {
    FileServer server(machine);
    Client writer(machine, server), reader(machine, server);
    writer.create("/before", "");
    machine.leave_free(10'000);
    const std::string large(500'000, 'x');
    const auto acl = TestClient::open_acl();
    std::vector<std::int32_t> waiting;
    for (const auto* path : {"/one", "/two", "/three"})
      waiting.push_back(
          writer.send(Op::create, to_jute(records::CreateRequest{path, large, acl, 0})));
    machine.loop.run_for(std::chrono::milliseconds(100));
    CHECK_FALSE(writer.has_reply());
    const auto refused =
        writer.send(Op::create, to_jute(records::CreateRequest{"/no", "", acl, 0}));
    const auto read = writer.send(Op::exists, to_jute(records::PathWatchRequest{"/one", false}));

    CHECK(reader.create("/no").err == WireError::not_read_only);
    CHECK(reader.exists("/before").err == WireError::ok);
    CHECK(reader.exists("/one").err == WireError::no_node);
    CHECK(reader.call(Op::ping).err == WireError::ok);
    Client newcomer(machine, server, TestClient::Greeting::none);
    CHECK_FALSE(newcomer.connect());
    CHECK(newcomer.closed);
    CHECK_FALSE(writer.has_reply());
    CHECK_FALSE(server.fatal);
    CHECK(server.log().contains("is full"));

    machine.leave_free(10'000 * kMiB);
    for (const auto xid : waiting) {
      const auto reply = writer.wait_for(xid);
      CHECK(reply.err == WireError::ok);
      acknowledged.emplace_back(reply.as<records::PathRequest>().path);
    }
    CHECK(writer.wait_for(refused).err == WireError::not_read_only);
    CHECK(writer.wait_for(read).err == WireError::ok);
    machine.look();
    CHECK(writer.create("/after").err == WireError::ok);
  }
  acknowledged.insert(acknowledged.end(), {"/before", "/after"});
  FileServer again(machine);
  Client client(machine, again);
  for (const auto& path : acknowledged) CHECK(client.exists(path).err == WireError::ok);
  CHECK(client.exists("/no").err == WireError::no_node);
  CHECK(client.stat("/").num_children == 6);
}

TEST_CASE("sessions that end on a full disk end when there is room", "[space]") {
  Machine machine;
  FileServer server(machine);
  Client client(machine, server);
  Client holder(machine, server);
  holder.create("/held", "", CreateFlag::ephemeral);
  const auto acl = TestClient::open_acl();
  machine.leave_free(0);
  const std::string large(900'000, 'x');
  for (const auto* path : {"/one", "/two"})
    client.send(Op::create, to_jute(records::CreateRequest{path, large, acl, 0}));
  machine.loop.run_for(std::chrono::milliseconds(100));
  holder.send(Op::close_session, {});
  machine.loop.run_for(std::chrono::seconds(3));
  CHECK_FALSE(holder.has_reply());
  machine.leave_free(2000 * kMiB);
  holder.wait_closed();
  Client other(machine, server);
  CHECK(other.exists("/held").err == WireError::no_node);
  CHECK_FALSE(server.fatal);
}
