// What only shows on sockets: segments, resets, half-closed peers, silent addresses, descriptors
// that run out. The peer is a bare socket of the test.

#include <array>
#include <cerrno>
#include <utility>

#include <arpa/inet.h>
#include <linux/tcp.h>  // For tcpi_data_segs_in, which netinet/tcp.h lacks.
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/contract/transport_ends.hpp"

namespace vivarium::test {
namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

/// A blocking socket whose waiting is done by polling inside run_until.
class BarePeer {
 public:
  explicit BarePeer(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    const auto address = loopback(port);
    REQUIRE(::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  }
  ~BarePeer() {
    if (socket_ >= 0) ::close(socket_);
  }
  BarePeer(const BarePeer&) = delete;
  BarePeer& operator=(const BarePeer&) = delete;

  void send(std::string_view bytes) const {
    REQUIRE(::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(bytes.size()));
  }
  void end_output() const { ::shutdown(socket_, SHUT_WR); }
  void reset() {
    const linger now{1, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    ::close(std::exchange(socket_, -1));
  }
  /// Adds what has arrived. True at the end of the stream.
  bool receive() {
    std::array<char, 4096> bytes;
    for (;;) {
      const auto got = ::recv(socket_, bytes.data(), bytes.size(), MSG_DONTWAIT);
      if (got == 0) return true;
      if (got < 0) return errno != EAGAIN;
      received.append(bytes.data(), static_cast<std::size_t>(got));
    }
  }
  std::uint32_t data_segments() const {
    tcp_info info{};
    socklen_t size = sizeof info;
    REQUIRE(::getsockopt(socket_, IPPROTO_TCP, TCP_INFO, &info, &size) == 0);
    return info.tcpi_data_segs_in;
  }

  std::string received;

 private:
  int socket_;
};

/// A tcp listener with a bare peer connected to it.
struct WithPeer : Ends<TcpSetup> {
  explicit WithPeer(Framing server_framing = {})
      : Ends(std::move(server_framing)), peer(listener->port()) {
    REQUIRE(run_until([&] { return !acceptor.accepted.empty(); }));
  }
  bool receive(std::size_t bytes) {
    return turns_until([&] {
      peer.receive();
      return peer.received.size() >= bytes;
    });
  }
  /// For what shows at the peer without an event on the loop.
  bool turns_until(const std::function<bool()>& predicate) {
    for (int i = 0; i < 1'000'000 && !predicate(); ++i) turn();
    return predicate();
  }

  BarePeer peer;
};

// --- coalescing ----------------------------------------------------------------------------------

TEST_CASE("one small send is one segment") {
  WithPeer with;
  for (std::uint32_t sends = 1; sends <= 3; ++sends) {
    send(with.server(), prefixed("a small reply"));
    REQUIRE(with.receive(sends * 17));
    CHECK(with.peer.data_segments() == sends);
  }
}

TEST_CASE("what is sent in one turn is one segment, whoever asked for it") {
  WithPeer with;

  SECTION("from outside the channel's events") {
    for (int i = 0; i < 100; ++i) send(with.server(), prefixed("a small reply"));
    CHECK(with.peer.data_segments() == 0);
  }
  SECTION("from on_frames, over several batches") {
    with.server().frames_hook = [](Channel& channel, std::span<const std::string_view> batch) {
      channel.send(SharedBytes(std::string(1, 'b')));
      for (const auto& frame : batch.first(std::min(batch.size(), std::size_t{10})))
        channel.send(SharedBytes(std::string(1, frame.front())));
      return batch.size();
    };
    std::string requests;
    for (std::size_t i = 0; i < 2 * FrameArena::kFramesMax; ++i) requests += prefixed("x");
    with.peer.send(requests);
  }
  REQUIRE(with.receive(22));
  CHECK(with.peer.data_segments() == 1);
}

TEST_CASE("many pieces that exceed one write arrive in order") {
  WithPeer with;
  std::string sent;
  for (int i = 0; i < 20'000; ++i) {
    const auto piece = prefixed(std::string(static_cast<std::size_t>(i % 300), 'p'));
    sent += piece;
    send(with.server(), piece);
  }
  REQUIRE(with.receive(sent.size()));
  CHECK(with.peer.received == sent);
}

// --- peers that go in their own way --------------------------------------------------------------

TEST_CASE("a peer that ends its output still gets its answer") {
  Framing framing;
  framing.first_words = {0x72756f6b};  // "ruok"
  WithPeer with(framing);
  with.server().word_hook = [](Channel& channel) {
    channel.send(SharedBytes(std::string("imok")));
    channel.close();
  };
  with.peer.send("ruok");
  with.peer.end_output();
  REQUIRE(with.turns_until([&] { return with.peer.receive(); }));
  CHECK(with.peer.received == "imok");
}

TEST_CASE("an answer survives that bytes of the peer were not read") {
  WithPeer with;
  with.server().channel->pause_reading();
  with.peer.send(prefixed("one") + prefixed("two"));
  send(with.server(), "goodbye");
  with.server().channel->close();
  REQUIRE(with.turns_until([&] { return with.peer.receive(); }));
  CHECK(with.peer.received == "goodbye");
  with.peer.end_output();
  CHECK(with.run_until([&] { return with.server().closed > 0; }));
}

TEST_CASE("a reset closes the channel") {
  WithPeer with;
  with.peer.reset();
  CHECK(with.run_until([&] { return with.server().closed > 0; }));
  CHECK(with.server().reason == CloseReason::peer);
}

TEST_CASE("a reset closes also a channel that is paused, instead of waking it for ever") {
  WithPeer with;
  auto& server = with.server();
  server.frames_hook = [](Channel&, std::span<const std::string_view>) { return std::size_t{0}; };
  with.peer.send(prefixed("one"));
  REQUIRE(with.run_until([&] { return server.batches == 1; }));
  with.peer.send(prefixed("two"));
  for (int i = 0; i < 10; ++i) with.turn();
  with.peer.reset();
  CHECK(with.run_until([&] { return server.closed > 0; }));
  CHECK(server.reason == CloseReason::peer);
}

TEST_CASE("sending to a peer that is gone closes the channel and raises no signal") {
  WithPeer with;
  auto& server = with.server();
  with.peer.reset();
  for (int i = 0; i < 100 && server.closed == 0; ++i) {
    send(server, std::string(100'000, 'x'));
    with.turn();
  }
  CHECK(with.run_until([&] { return server.closed > 0; }));
}

// --- connecting ----------------------------------------------------------------------------------

TEST_CASE("a host name is looked up") {
  Ends<TcpSetup> ends;
  auto spec = connect_spec(*ends.listener);
  spec.host = "localhost";
  const auto& connector = ends.dial(spec);
  CHECK(ends.run_until([&] { return connector.done(); }));
  CHECK(connector.connected == 1);
}

/// Workers whose name service never answers.
struct SilentWorkers : Workers {
  void submit(std::function<void()> job, std::function<void()> done) override {
    jobs.emplace_back(std::move(job), std::move(done));
  }
  std::vector<std::pair<std::function<void()>, std::function<void()>>> jobs;
};

TEST_CASE(
    "a name that is not resolved in time fails at the deadline, and numeric ones do not wait") {
  RealDoors doors;
  SilentWorkers workers;
  FakeHost host({}, {}, {.loop = doors.loop.get(), .workers = &workers});
  TcpTransport transport(host);
  TestAcceptor acceptor;
  const auto listener = std::move(transport.listen(listen_spec(), acceptor)).value();
  auto spec = connect_spec(*listener);

  TestConnector numeric;
  const auto direct = transport.connect(spec, numeric);
  CHECK(doors.run_until([&] { return numeric.connected == 1; }));

  spec.host = "a-name";
  spec.deadline = Millis(20);
  TestConnector named;
  const auto attempt = transport.connect(spec, named);
  CHECK(doors.run_until([&] { return named.done(); }));
  REQUIRE(named.failed == 1);
  CHECK(named.error->is(Errc::timed_out));
  for (const auto& [job, done] : workers.jobs) done();
  CHECK(named.failed == 1);
  transport.stop();
}

/// Listens, accepts nothing, and has no room left: the system drops whoever wants to connect.
class FullListener {
 public:
  FullListener() : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    auto address = loopback(0);
    socklen_t size = sizeof address;
    auto* plain = reinterpret_cast<sockaddr*>(&address);
    REQUIRE(::bind(socket_, plain, size) == 0);
    REQUIRE(::listen(socket_, 0) == 0);
    REQUIRE(::getsockname(socket_, plain, &size) == 0);
    port = ntohs(address.sin_port);
    filler_.emplace(port);
  }
  ~FullListener() { ::close(socket_); }
  FullListener(const FullListener&) = delete;
  FullListener& operator=(const FullListener&) = delete;

  std::uint16_t port = 0;

 private:
  int socket_;
  std::optional<BarePeer> filler_;
};

TEST_CASE("an address that swallows everything fails at the deadline") {
  Ends<TcpSetup> ends;
  FullListener full;
  auto spec = connect_spec(*ends.listener);
  spec.port = full.port;
  spec.deadline = Millis(50);
  const auto& connector = ends.dial(spec);
  CHECK(ends.run_until([&] { return connector.done(); }));
  REQUIRE(connector.failed == 1);
  CHECK(connector.error->is(Errc::timed_out));
  CHECK_THAT(connector.error->what, Catch::Contains("127.0.0.1"));
}

// --- descriptors that run out --------------------------------------------------------------------

/// No descriptor can be opened while it lives.
struct NoDescriptors {
  NoDescriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before);
    const int lowest_free = ::dup(0);
    ::close(lowest_free);
    auto none = before;
    none.rlim_cur = static_cast<rlim_t>(lowest_free);
    ::setrlimit(RLIMIT_NOFILE, &none);
  }
  ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before); }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;
  rlimit before{};
};

TEST_CASE("a listener lives through a shortage of descriptors, and open channels do not notice") {
  WithPeer with;
  auto& log = with.setup.host.fake_log;
  auto& served = with.server();
  BarePeer waiting(with.listener->port());
  bool paused = false;
  bool received = false;
  {  // No checks inside: the sanitizer's own need descriptors.
    const NoDescriptors shortage;
    paused = with.run_until([&] { return log.contains("pauses"); });
    send(served, "served on");
    received = with.receive(9);
  }
  CHECK(paused);
  CHECK(received);
  CHECK(log.lines.size() < 10);
  CHECK(with.run_until([&] { return with.acceptor.accepted.size() == 2; }));
}

}  // namespace
}  // namespace vivarium::test
