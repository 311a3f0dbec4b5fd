// What a server refuses so as to live: growth above the memory's ceiling, connections that it has no
// descriptors for, and keeping what clients leave unread.
#include "kernel/host/posix_file_system.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/support/test_server.hpp"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

using namespace vivarium;
using namespace vivarium::test;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t kMiB = 1 << 20;

ServerSettings with_ceiling() {
  auto settings = TestServer::defaults();
  settings.memory_ceiling_bytes = 800 * kMiB;
  return settings;
}

/// A server that is told how much memory is in use.
struct CeilingServer {
  std::uint64_t in_use = 700 * kMiB;
  TestServer server{with_ceiling(), nullptr, 1, TestServer::in_memory, [this] { return in_use; }};

  void use(std::uint64_t mebibytes) {
    in_use = mebibytes * kMiB;
    server.loop.run_for(1001ms);
  }
};

double metric(TestServer& server, std::string_view name) {
  for (const auto& sample : server.metrics->samples())
    if (sample.name == name) return sample.value;
  throw std::runtime_error("no metric " + std::string(name));
}

std::string framed(std::int32_t xid, Op op, std::string_view body) {
  return to_jute(std::string_view(
      to_jute(records::RequestHeader{xid, static_cast<std::int32_t>(op)}) + std::string(body)));
}

/// Takes all descriptors of this process but `left`, by a limit of its own.
class Shortage {
 public:
  explicit Shortage(int left) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    auto low = before_;
    low.rlim_cur = 256;
    ::setrlimit(RLIMIT_NOFILE, &low);
    for (int one; (one = ::open("/dev/null", O_RDONLY)) >= 0;) taken_.push_back(one);
    for (; left > 0; --left) {
      ::close(taken_.back());
      taken_.pop_back();
    }
  }
  ~Shortage() {
    for (const int one : taken_) ::close(one);
    ::setrlimit(RLIMIT_NOFILE, &before_);
  }

 private:
  rlimit before_{};
  std::vector<int> taken_;
};

}  // namespace

// --- memory --------------------------------------------------------------------------------------

TEST_CASE("above the ceiling all that makes the state grow is refused, and takes no zxid") {
  CeilingServer machine;
  TestClient client(machine.server);
  client.create("/a", "four");
  const auto zxid = client.exists("/a").zxid;
  machine.use(801);
  CHECK(client.create("/b").err == WireError::not_read_only);
  CHECK(client.create("/b", "", CreateFlag::ephemeral_sequential).err == WireError::not_read_only);
  CHECK(client.set("/a", "fives").err == WireError::not_read_only);
  const auto acl = TestClient::open_acl();
  CHECK(client.call(Op::set_acl, records::SetAclRequest{"/a", acl, -1}).err ==
        WireError::not_read_only);
  const auto multi = MultiBody()
                         .add(Op::remove, records::PathVersionRequest{"/a", -1})
                         .add(Op::create, records::CreateRequest{"/b", "", acl, 0})
                         .bytes();
  const auto refused = client.wait_for(client.send(Op::multi, multi));
  CHECK(refused.err == WireError::not_read_only);
  CHECK(refused.zxid == zxid);
  CHECK(client.data("/a") == "four");
  CHECK(metric(machine.server, "growth_refused") == 1);
  CHECK(metric(machine.server, "memory_in_use_bytes") == 801.0 * (1 << 20));
  CHECK(metric(machine.server, "writes_refused_count") == 5);
}

TEST_CASE("above the ceiling reads, deletes, what does not grow, and sessions go on") {
  CeilingServer machine;
  TestClient client(machine.server);
  client.create("/a", "four");
  client.create("/b");
  client.create("/c");
  machine.use(801);
  TestClient newcomer(machine.server);
  CHECK(newcomer.data("/a") == "four");
  CHECK(newcomer.set("/a", "5678").err == WireError::ok);
  CHECK(newcomer.set("/a", "").err == WireError::ok);
  CHECK(newcomer.set("/none", "1").err == WireError::no_node);
  CHECK(newcomer.remove("/b").err == WireError::ok);
  const auto multi = MultiBody()
                         .add(Op::check, records::PathVersionRequest{"/a", 2})
                         .add(Op::remove, records::PathVersionRequest{"/c", -1})
                         .bytes();
  CHECK(newcomer.wait_for(newcomer.send(Op::multi, multi)).err == WireError::ok);
  CHECK(client.exists("/c").err == WireError::no_node);
  CHECK(client.call(Op::sync, records::PathRequest{"/"}).err == WireError::ok);
  CHECK(newcomer.wait_for(newcomer.send(Op::multi, "\1")).err == WireError::marshalling_error);
  CHECK(newcomer.call(Op::close_session).err == WireError::ok);
}

TEST_CASE("the state grows again when an eighth less is in use, and each crossing is told once") {
  CeilingServer machine;
  TestClient client(machine.server);
  for (int crossing = 1; crossing <= 2; ++crossing) {
    machine.use(801);
    machine.use(790);
    CHECK(client.create("/a").err == WireError::not_read_only);
    machine.use(701);
    CHECK(client.create("/a").err == WireError::not_read_only);
    machine.use(700);
    CHECK(client.create("/a").err == WireError::ok);
    client.remove("/a");
    CHECK(machine.server.host.fake_log.count("more than vivarium.memory.ceiling=800 MiB") ==
          static_cast<std::size_t>(crossing));
    CHECK(machine.server.host.fake_log.count("may grow again") == static_cast<std::size_t>(crossing));
  }
}

TEST_CASE("between two looks no more than a mebibyte of requests is taken on") {
  CeilingServer machine;
  TestClient client(machine.server);
  machine.in_use = 900 * kMiB;
  const std::string data(300'000, 'x');
  CHECK(client.create("/0", data).err == WireError::ok);
  CHECK(client.create("/1", data).err == WireError::ok);
  CHECK(client.create("/2", data).err == WireError::ok);
  client.create("/3", data);
  CHECK(client.create("/4", data).err == WireError::not_read_only);
}

// --- connections ---------------------------------------------------------------------------------

TEST_CASE("clients beyond the descriptors for them are refused, and told of once a second") {
  auto settings = TestServer::defaults();
  settings.client_descriptors = 2;
  TestServer server(settings);
  TestClient first(server);
  auto second = std::make_unique<TestClient>(server);
  for (int i = 0; i < 10; ++i) {
    TestClient refused(server, TestClient::Greeting::none);
    refused.wait_closed();
  }
  CHECK(metric(server, "connection_rejected") == 10);
  CHECK(server.host.fake_log.count("LimitNOFILE") == 1);
  server.loop.run_for(1s);
  {
    TestClient refused(server, TestClient::Greeting::none);
    refused.wait_closed();
  }
  CHECK(server.host.fake_log.count("LimitNOFILE") == 2);
  CHECK(server.host.fake_log.count("(and 9 before it)") == 1);
  second.reset();
  TestClient third(server);
  CHECK(third.exists("/").err == WireError::ok);
}

TEST_CASE("clients that leave too much unread together lose their connections, others do not") {
  TestServer server;
  TestClient reader(server);
  reader.create("/large", std::string(1'000'000, 'x'));
  const auto body = to_jute(records::PathWatchRequest{"/large", false});
  std::vector<std::unique_ptr<TestClient>> deaf;
  for (int i = 0; i < 70; ++i) {
    deaf.push_back(std::make_unique<TestClient>(server));
    deaf.back()->stop_reading();
    std::string requests;
    for (std::int32_t xid = 1; xid <= 10; ++xid) requests += framed(xid, Op::get_data, body);
    deaf.back()->raw(requests);
    server.loop.run_for(1ms);
    CHECK(reader.get("/large").err == WireError::ok);
  }
  const auto closed = metric(server, "unread_replies_closed_count");
  CHECK(closed > 10);
  CHECK(closed < 40);
  CHECK(server.host.fake_log.count("do not read their replies") > 0);
  // Those that were there first were closed, and the last have what they may have.
  deaf.front()->go_on_reading();
  deaf.front()->wait_closed();
  CHECK_FALSE(deaf.back()->closed);
}

// --- descriptors for files -----------------------------------------------------------------------

/// The checks of undefined behaviour look at the first object of a type through a pipe, which takes
/// descriptors: they must have seen all that is used while there are none.
void use_once(PosixFileSystem& files, const std::string& path) {
  auto file = files.open(path, OpenMode::create_new);
  REQUIRE(file.has_value());
  CHECK((*file)->write_at(0, "x").has_value());
  CHECK_FALSE(files.open(path, OpenMode::create_new).has_value());
  CHECK_FALSE(files.list(path).has_value());
  CHECK(files.lock(path + "-locked").has_value());
}

TEST_CASE("files are opened though all descriptors are taken, as many as were kept") {
  const TemporaryDirectory directory;
  const auto path = [&](int i) { return directory.path() + "/" + std::to_string(i); };
  PosixFileSystem files(3);
  use_once(files, path(99));
  const Shortage shortage(0);
  std::vector<std::unique_ptr<File>> open;
  for (int i = 0; i < 3; ++i) {
    auto file = files.open(path(i), OpenMode::create_new);
    REQUIRE(file.has_value());
    open.push_back(std::move(*file));
  }
  CHECK_FALSE(files.open(path(3), OpenMode::create_new).has_value());
  CHECK_FALSE(files.list(directory.path()).has_value());
  // What is closed is kept again, and no connection gets it.
  open.pop_back();
  const bool connected = ::open("/dev/null", O_RDONLY) >= 0;
  CHECK_FALSE(connected);
  CHECK(files.sync_directory(directory.path()).has_value());
  for (int round = 0; round < 5; ++round) {
    auto file = files.open(path(10 + round), OpenMode::create_new);
    REQUIRE(file.has_value());
    CHECK((*file)->write_at(0, "x").has_value());
  }
}

TEST_CASE("a file that is closed gives its lock up, also where its descriptor is kept") {
  const TemporaryDirectory directory;
  PosixFileSystem files(2);
  use_once(files, directory.path() + "/first");
  const Shortage shortage(1);
  const auto path = directory.path() + "/lock";
  auto one = files.open(directory.path() + "/a", OpenMode::create_new);
  auto lock = files.lock(path);
  REQUIRE(lock.has_value());
  lock->reset();
  one->reset();
  CHECK(files.lock(path).has_value());
}
