// ZabElection as it is shipped, several servers over the memory transport in simulated time; and
// one server facing a scripted peer, for the bytes.
#include <catch2/catch.hpp>

#include "plugins/zab/zab_election.hpp"

#include "kernel/simulation/simulated_loop.hpp"
#include "memory_transport.hpp"
#include "tests/support/fake_host.hpp"

#include <vivarium/jute.hpp>

#include <algorithm>
#include <tuple>

using namespace vivarium;
using namespace vivarium::zab;
using namespace vivarium::test;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

std::string host_name(std::int64_t id) { return "server" + std::to_string(id); }

std::string config_of(int voters, int observers = 0) {
  std::string text;
  for (int i = 1; i <= voters + observers; ++i)
    text += "server." + std::to_string(i) + "=" + host_name(i) + ":2888:3888:" +
            (i <= voters ? "participant" : "observer") + "\n";
  return text + "version=0";
}

Candidacy candidacy(int voters, std::int64_t epoch = 0, std::int64_t zxid = 0, int observers = 0) {
  return {{zxid}, {epoch}, Candidacy::Vote::counts, config_of(voters, observers), {}};
}

/// A server that takes every advice, as a broadcast would.
struct Node final : ElectionEvents {
  Node(SimulatedLoop& loop, std::shared_ptr<MemoryNetwork> network, std::int64_t id)
      : id{id}, host({}, {}, {.loop = &loop}),
        transport(loop, std::move(network), host_name(id)), election(host) {
    election.run({this->id, transport, *this});
  }
  ~Node() override {
    election.stop();
    transport.stop();
  }
  void look(Candidacy with) {
    leader.reset();
    observer = with.vote == Candidacy::Vote::none;
    inside_call = true;
    election.look(with);
    inside_call = false;
  }
  void on_advice(ServerId advised, Candidacy::Vote) override {
    CHECK_FALSE(inside_call);
    CHECK_FALSE(leader);
    leader = advised;
    auto role = advised == id ? Role::leading : Role::following;
    if (observer) role = Role::observing;
    if (takes_advice) election.settle(role, advised, {epoch_once_led});
  }
  void on_looking(ServerId who) override {
    CHECK_FALSE(inside_call);
    looks = who;
  }
  void on_election_failed(const Error& error) override {
    CHECK_FALSE(inside_call);
    failure = error.what;
  }

  ServerId id;
  FakeHost host;
  MemoryTransport transport;
  ZabElection election;
  bool inside_call = false, observer = false, takes_advice = true;
  std::int64_t epoch_once_led = 0;
  std::optional<ServerId> leader, looks;
  std::string failure;
};

struct Cluster {
  explicit Cluster(int voters, std::uint64_t seed = 1) : voters(voters), loop(seed) {}

  Node& start(std::int64_t id) {
    auto& node = nodes[id];
    node.reset();
    node = std::make_unique<Node>(loop, network, id);
    return *node;
  }
  void start_all() {
    for (int id = 1; id <= voters; ++id) start(id).look(candidacy(voters));
  }
  void stop(std::int64_t id) { nodes.erase(id); }

  /// Everyone who runs has elected, all the same.
  bool agree() const {
    return std::all_of(nodes.begin(), nodes.end(), [&](const auto& entry) {
      return entry.second->leader && entry.second->leader == nodes.begin()->second->leader;
    });
  }
  /// Who that is. 0: nobody in time.
  std::int64_t elected(MonoTime within = seconds(60)) {
    if (!loop.run_until([&] { return agree(); }, within)) return 0;
    return nodes.begin()->second->leader->value;
  }

  int voters;
  SimulatedLoop loop;
  std::shared_ptr<MemoryNetwork> network = std::make_shared<MemoryNetwork>();
  std::map<std::int64_t, std::unique_ptr<Node>> nodes;
};

/// A peer of which a test writes every byte.
struct Puppet final : Acceptor, Connector, ChannelHandler {
  Puppet(SimulatedLoop& loop, std::shared_ptr<MemoryNetwork> network, std::int64_t id)
      : loop(loop), transport(loop, std::move(network), host_name(id)) {}
  ~Puppet() override { transport.stop(); }

  void listen() {
    ListenSpec spec;
    spec.port = 3888;
    spec.framing.kind = Framing::Kind::raw;
    listener = std::move(transport.listen(spec, *this).value());
  }
  void dial(std::int64_t id) {
    ConnectSpec spec;
    spec.host = host_name(id);
    spec.port = 3888;
    spec.framing.kind = Framing::Kind::raw;
    closed = false;
    connecting = transport.connect(spec, *this);
    REQUIRE(loop.run_until([&] { return channel != nullptr; }, seconds(1)));
  }
  void write(std::string_view bytes) {
    if (channel) channel->send(SharedBytes::copy_of(bytes));
    loop.run_for(milliseconds(0));
  }
  bool until_closed(MonoTime within = seconds(1)) {
    return loop.run_until([&] { return closed; }, within);
  }

  ChannelHandler* on_accept(Channel& accepted) override {
    ++accepts;
    channel = &accepted;
    return this;
  }
  void on_refused(const PeerIdentity&, std::string_view) override {}
  ChannelHandler* on_connected(Channel& opened) override {
    channel = &opened;
    return this;
  }
  void on_connect_failed(const Error& error) override { FAIL(error.what); }
  std::size_t on_frames(Channel&, std::span<const std::string_view> frames) override {
    for (const auto frame : frames) got += frame;
    return frames.size();
  }
  void on_first_word(Channel&, std::uint32_t) override {}
  void on_low_water(Channel&) override {}
  void on_closed(Channel& gone, CloseReason, std::string_view) override {
    closed = true;
    if (channel == &gone) channel = nullptr;
  }

  SimulatedLoop& loop;
  MemoryTransport transport;
  std::unique_ptr<Listener> listener;
  std::unique_ptr<Connecting> connecting;
  Channel* channel = nullptr;
  std::string got;
  int accepts = 0;
  bool closed = false;
};

std::string framed(std::string_view message) {
  std::string frame;
  append_jute(frame, message);
  return frame;
}

std::string frame(const Notification& notification) { return framed(encode(notification)); }

std::string hello(std::int64_t id) { return encode(Handshake{{id}, {{host_name(id), 3888}}}); }

std::string bytes(std::initializer_list<int> values) {
  std::string text;
  for (const int value : values) text += static_cast<char>(value);
  return text;
}

Notification leads(std::int64_t leader) {
  return {PeerState::leading, {leader}, {7}, 1, {1}, Notification::kVersion, {}};
}

}  // namespace

// --- electing ------------------------------------------------------------------------------------

TEST_CASE("servers that start together elect the one with the largest id among equals") {
  const int size = GENERATE(1, 2, 3, 4, 5, 6, 7);
  Cluster cluster(size);
  cluster.start_all();
  CHECK(cluster.elected() == size);
}

TEST_CASE("the best of epoch, zxid and id is elected, whatever the seed") {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    const int size = 3 + static_cast<int>(seed % 5);
    Cluster cluster(size, seed);
    std::tuple<std::int64_t, std::int64_t, std::int64_t> best{-1, -1, -1};
    for (int id = 1; id <= size; ++id) {
      const auto epoch = static_cast<std::int64_t>(cluster.loop.random() % 3);
      const auto zxid = static_cast<std::int64_t>(cluster.loop.random() % 3);
      best = std::max(best, {epoch, zxid, id});
      cluster.start(id).look(candidacy(size, epoch, zxid));
    }
    INFO("seed " << seed);
    CHECK(cluster.elected() == std::get<2>(best));
  }
}

TEST_CASE("an ensemble whose servers are all there elects without waiting for the silence") {
  Cluster cluster(5);
  cluster.start_all();
  CHECK(cluster.elected(milliseconds(100)) == 5);
}

TEST_CASE("servers that start at any time agree within seconds") {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    const int size = 3 + static_cast<int>(seed % 5);
    Cluster cluster(size, seed);
    for (int id = 1; id <= size; ++id) {
      const milliseconds at(cluster.loop.random() % 3000);
      cluster.loop.schedule(at, "start", [&cluster, id, size] {
        cluster.start(id).look(candidacy(size, 1, id % 2));
      });
    }
    INFO("seed " << seed);
    cluster.loop.run_for(seconds(3));
    CHECK(cluster.elected(seconds(5)) != 0);
  }
}

TEST_CASE("the same seed gives the same run") {
  const auto run = [](std::uint64_t seed) {
    Cluster cluster(5, seed);
    cluster.start_all();
    cluster.elected();
    return cluster.loop.event_hash();
  };
  CHECK(run(7) == run(7));
}

TEST_CASE("a minority elects nobody") {
  Cluster cluster(5);
  cluster.start(1).look(candidacy(5));
  cluster.start(2).look(candidacy(5));
  CHECK(cluster.elected(seconds(300)) == 0);
  cluster.start(3).look(candidacy(5));
  CHECK(cluster.elected(seconds(10)) == 3);
}

TEST_CASE("a late server joins the leader there is, however good it is itself") {
  Cluster cluster(3);
  cluster.start(1).look(candidacy(3));
  cluster.start(2).look(candidacy(3));
  REQUIRE(cluster.elected() == 2);
  cluster.start(3).look(candidacy(3, 9, 99));
  CHECK(cluster.elected(seconds(1)) == 2);
}

TEST_CASE("when the leader is gone, the others elect another; when it comes back, it joins") {
  Cluster cluster(5);
  cluster.start_all();
  REQUIRE(cluster.elected() == 5);
  cluster.stop(5);
  for (auto& [id, node] : cluster.nodes) node->look(candidacy(5, 1, 10));
  REQUIRE(cluster.elected(seconds(5)) == 4);
  cluster.start(5).look(candidacy(5, 1, 10));
  CHECK(cluster.elected(seconds(5)) == 4);
}

TEST_CASE("followers hear that their leader has started again and looks") {
  Cluster cluster(3);
  cluster.start_all();
  REQUIRE(cluster.elected() == 3);
  for (const auto& [id, node] : cluster.nodes) node->look(candidacy(3));
  REQUIRE(cluster.elected() == 3);
  cluster.loop.run_for(seconds(1));
  for (const auto& [id, node] : cluster.nodes) CHECK_FALSE(node->looks);
  cluster.stop(3);
  cluster.start(3).look(candidacy(3));
  const auto told = [&] {
    return std::all_of(cluster.nodes.begin(), cluster.nodes.end(), [](const auto& entry) {
      return entry.first == 3 || entry.second->looks == ServerId{3};
    });
  };
  CHECK(cluster.loop.run_until(told, seconds(1)));
}

TEST_CASE("followers that restart find the leader again") {
  Cluster cluster(3);
  cluster.start_all();
  REQUIRE(cluster.elected() == 3);
  for (int times = 0; times < 5; ++times)
    for (const int id : {1, 2}) {
      cluster.start(id).look(candidacy(3));
      CHECK(cluster.elected(seconds(10)) == 3);
    }
}

TEST_CASE("servers that crash and come back at random agree once that ends") {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    Cluster cluster(5, seed);
    cluster.start_all();
    for (int crash = 0; crash < 20; ++crash) {
      cluster.loop.run_for(milliseconds(cluster.loop.random() % 700));
      const auto id = static_cast<std::int64_t>(1 + cluster.loop.random() % 5);
      if (cluster.nodes.contains(id) && cluster.loop.random() % 2 == 0)
        cluster.stop(id);
      else
        cluster.start(id).look(candidacy(5, 1, id));
    }
    for (int id = 1; id <= 5; ++id)
      if (!cluster.nodes.contains(id)) cluster.start(id).look(candidacy(5, 1, id));
    // A broadcast looks again when its leader does not come about; all do here.
    for (auto& [id, node] : cluster.nodes) node->look(candidacy(5, 1, id));
    INFO("seed " << seed);
    CHECK(cluster.elected(seconds(20)) != 0);
  }
}

TEST_CASE("an observer learns the leader, before and after there is one") {
  Cluster cluster(3);
  const bool early = GENERATE(true, false);
  auto observer = candidacy(3, 0, 0, 1);
  observer.vote = Candidacy::Vote::none;
  if (early) cluster.start(4).look(observer);
  for (const int id : {1, 2, 3}) cluster.start(id).look(candidacy(3, 0, 0, 1));
  cluster.loop.run_for(seconds(1));
  if (!early) cluster.start(4).look(observer);
  CHECK(cluster.elected(seconds(3)) == 3);
}

TEST_CASE("new servers elect once all have met, and not before") {
  Cluster cluster(3);
  auto blank = candidacy(3);
  blank.vote = Candidacy::Vote::empty;
  cluster.start(1).look(blank);
  cluster.start(3).look(blank);
  CHECK(cluster.elected(seconds(60)) == 0);
  cluster.start(2).look(blank);
  CHECK(cluster.elected(seconds(5)) == 3);
}

TEST_CASE("D-5: a wiped server joins those who know more, and is no quorum with who knows less") {
  Cluster cluster(3);
  auto wiped = candidacy(3);
  wiped.vote = Candidacy::Vote::empty;
  cluster.start(2).look(wiped);
  cluster.start(3).look(candidacy(3, 1, 5));
  CHECK(cluster.elected(seconds(60)) == 0);
  cluster.start(1).look(candidacy(3, 2, 9));
  CHECK(cluster.elected(seconds(10)) == 1);
}

TEST_CASE("an advice that was overtaken by another look is not given") {
  Cluster cluster(1);
  auto& node = cluster.start(1);
  node.look(candidacy(1));
  node.look(candidacy(1));
  CHECK(cluster.elected() == 1);
  cluster.loop.run_for(seconds(1));  // A second advice would fail in Node.
}

TEST_CASE("after stop nothing is said") {
  Cluster cluster(1);
  auto& node = cluster.start(1);
  node.look(candidacy(1));
  node.election.stop();
  cluster.loop.run_for(seconds(1));
  CHECK_FALSE(node.leader);
}

// --- the ensemble changes ------------------------------------------------------------------------

TEST_CASE("a server moves to the address that its next candidacy names") {
  Cluster cluster(2);
  cluster.start_all();
  REQUIRE(cluster.elected() == 2);
  auto moved = candidacy(2);
  auto& text = moved.committed_config;
  text.replace(text.find("3888"), 4, "4888");
  cluster.nodes[1]->look(moved);
  CHECK(cluster.network->find("server1", 4888));
  CHECK_FALSE(cluster.network->find("server1", 3888));
  cluster.nodes[2]->look(moved);
  CHECK(cluster.elected() == 2);
}

TEST_CASE("a server that is no member any more is not heard") {
  Cluster cluster(3);
  cluster.start_all();
  REQUIRE(cluster.elected() == 3);
  for (const int id : {1, 2}) cluster.nodes[id]->look(candidacy(2));
  cluster.nodes[3]->look(candidacy(3, 9, 9));
  cluster.loop.run_until([&] { return cluster.nodes[1]->leader && cluster.nodes[2]->leader; },
                         seconds(5));
  CHECK(cluster.nodes[1]->leader == ServerId{2});
  CHECK(cluster.nodes[2]->leader == ServerId{2});
}

TEST_CASE("an address in use is tried four times, a second apart, and then there is no election") {
  Cluster cluster(3);
  Puppet squatter(cluster.loop, cluster.network, 1);
  squatter.listen();
  auto& node = cluster.start(1);
  node.look(candidacy(3));
  cluster.loop.run_for(milliseconds(2'999));
  CHECK(node.failure.empty());
  SECTION("unless it becomes free") {
    squatter.listener.reset();
    cluster.loop.run_for(seconds(2));
    CHECK(node.failure.empty());
    CHECK(cluster.network->find("server1", 3888));
  }
  SECTION("for good") {
    cluster.loop.run_for(milliseconds(2));
    CHECK(node.failure.find("server1:3888") != std::string::npos);
    node.look(candidacy(3));
    cluster.loop.run_for(seconds(10));
    CHECK_FALSE(node.leader);
  }
}

// --- bytes ---------------------------------------------------------------------------------------

TEST_CASE("the handshake and the first notification are Java's, byte for byte") {
  Cluster cluster(2);
  Puppet puppet(cluster.loop, cluster.network, 1);
  puppet.listen();
  cluster.start(2).look(candidacy(2, 3, 0x300000007));
  REQUIRE(cluster.loop.run_until([&] { return puppet.got.size() > 100; }, seconds(1)));
  const auto config = config_of(2);
  const auto size = static_cast<int>(config.size());
  REQUIRE(size < 200);
  CHECK(puppet.got == bytes({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0}) +        // -65536
                          bytes({0, 0, 0, 0, 0, 0, 0, 2}) +                      // sid
                          bytes({0, 0, 0, 12}) + "server2:3888" +                //
                          bytes({0, 0, 0, 44 + size}) +                          // frame
                          bytes({0, 0, 0, 0}) +                                  // looking
                          bytes({0, 0, 0, 0, 0, 0, 0, 2}) +                      // leader
                          bytes({0, 0, 0, 3, 0, 0, 0, 7}) +                      // zxid
                          bytes({0, 0, 0, 0, 0, 0, 0, 1}) +                      // round
                          bytes({0, 0, 0, 0, 0, 0, 0, 3}) +                      // epoch
                          bytes({0, 0, 0, 2, 0, 0, 0, size}) + config);
}

TEST_CASE("a handshake and a message are understood however they are cut") {
  const auto whole = hello(3) + frame(leads(3)) + frame(leads(3));
  for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
    Cluster cluster(3);
    Puppet puppet(cluster.loop, cluster.network, 3);
    auto& node = cluster.start(2);
    node.look(candidacy(3));
    puppet.dial(2);
    puppet.write(whole.substr(0, cut));
    puppet.write(whole.substr(cut));
    auto follows = leads(3);
    follows.state = PeerState::following;
    Puppet other(cluster.loop, cluster.network, 1);
    other.listen();
    cluster.loop.run_for(seconds(2));
    REQUIRE(other.channel);
    other.write(frame(follows));
    INFO("cut at " << cut);
    CHECK(node.leader == ServerId{3});
  }
}

TEST_CASE("the handshakes of other ZooKeepers are understood") {
  Cluster cluster(3);
  Puppet puppet(cluster.loop, cluster.network, 3);
  cluster.start(2).look(candidacy(3));
  puppet.dial(2);
  SECTION("the bare id") { puppet.write(bytes({0, 0, 0, 0, 0, 0, 0, 3})); }
  SECTION("several addresses") {
    puppet.write(encode(Handshake{{3}, {{"server3", 3888}, {"fe80::1", 3888}}}));
  }
  cluster.loop.run_for(milliseconds(10));
  CHECK_FALSE(puppet.closed);
  CHECK(puppet.got.size() > 44);  // It is told the vote.
}

TEST_CASE("a smaller server that dials is dialled at the address it gives") {
  Cluster cluster(3);
  Puppet puppet(cluster.loop, cluster.network, 1);
  cluster.start(2).look(candidacy(3));
  cluster.loop.run_for(seconds(20));
  puppet.listen();
  puppet.dial(2);
  const auto before = puppet.accepts;
  puppet.write(hello(1));
  CHECK(cluster.loop.run_until([&] { return puppet.accepts > before; }, milliseconds(200)));
  CHECK(puppet.got.starts_with(hello(2)));
}

TEST_CASE("a larger server is dialled, told who asks, and dials itself") {
  Cluster cluster(3);
  Puppet puppet(cluster.loop, cluster.network, 3);
  puppet.listen();
  cluster.start(2).look(candidacy(3));
  REQUIRE(puppet.until_closed());
  CHECK(puppet.got == hello(2));
}

/// Idle connections die without anybody being told.
TEST_CASE("who says nothing when an election begins is dialled anew, and keeps the old connection until then") {
  Cluster cluster(3);
  Puppet puppet(cluster.loop, cluster.network, 1);
  puppet.listen();
  auto& node = cluster.start(2);
  node.look(candidacy(3));
  cluster.loop.run_for(milliseconds(500));
  node.election.settle(Role::following, {3}, {1});
  cluster.loop.run_for(seconds(60));
  REQUIRE(puppet.accepts == 1);
  node.look(candidacy(3));
  SECTION("after a while") {
    cluster.loop.run_for(milliseconds(190));
    CHECK(puppet.accepts == 1);
    const auto told = puppet.got.size();
    cluster.loop.run_for(milliseconds(50));
    CHECK(puppet.accepts == 2);
    CHECK(puppet.got.find(hello(2), told) != std::string::npos);
    CHECK(puppet.closed);                                    // The old one.
    CHECK(puppet.got.size() > told + hello(2).size() + 44);  // It is told the vote again.
  }
  SECTION("not if it says something") {
    puppet.write(frame({PeerState::looking, {1}, {0}, 2, {0}, Notification::kVersion, {}}));
    cluster.loop.run_for(seconds(10));
    CHECK(puppet.accepts == 1);
  }
  SECTION("and where it cannot be reached the old one stays") {
    puppet.listener.reset();
    cluster.loop.run_for(seconds(10));
    CHECK_FALSE(puppet.closed);
  }
}

TEST_CASE("garbage costs its sender the connection, and nobody else anything") {
  const std::string garbage = GENERATE(
      std::string(64, '\xff'),                                                      // no handshake
      std::string("GET / HTTP/1.1\r\n\r\n"),                                        // an old one?
      bytes({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 8, 1}),
      hello(2),                                                                     // itself
      hello(3) + bytes({0x7f, 0xff, 0xff, 0xff}),                                   // length
      hello(3) + bytes({0, 0, 0, 0}),                                               //
      hello(3) + bytes({0, 0, 0, 4, 0, 0, 0, 0}),                                   //
      hello(3) + framed(std::string(39, '\0')),
      hello(3) + framed(std::string(39, '\0') + bytes({2, 0xff, 0xff, 0xff, 0xff})));
  Cluster cluster(3);
  cluster.start(1).look(candidacy(3));
  cluster.start(2).look(candidacy(3));
  REQUIRE(cluster.elected() == 2);
  Puppet puppet(cluster.loop, cluster.network, 3);
  puppet.dial(2);
  puppet.write(garbage);
  // What may be the id of some old server, which is dialled back without an address, is closed too.
  CHECK(puppet.until_closed(seconds(11)));
  for (const int id : {1, 2}) cluster.nodes[id]->look(candidacy(3));
  CHECK(cluster.elected(seconds(2)) == 2);
}

TEST_CASE("a message of an unknown state is passed over") {
  Cluster cluster(3);
  cluster.start(2).look(candidacy(3));
  Puppet puppet(cluster.loop, cluster.network, 3);
  puppet.dial(2);
  auto unknown = frame(leads(3));
  unknown[7] = 9;
  puppet.write(hello(3) + unknown);
  CHECK_FALSE(puppet.until_closed());
}

TEST_CASE("who says nothing is closed after ten seconds") {
  Cluster cluster(3);
  cluster.start(2).look(candidacy(3));
  Puppet puppet(cluster.loop, cluster.network, 3);
  puppet.dial(2);
  puppet.write(hello(3).substr(0, 19));
  cluster.loop.run_for(milliseconds(9'900));
  CHECK_FALSE(puppet.closed);
  cluster.loop.run_for(milliseconds(200));
  CHECK(puppet.closed);
}

TEST_CASE("a peer that hangs up at once is not flooded with calls") {
  Cluster cluster(2);
  Puppet puppet(cluster.loop, cluster.network, 1);
  puppet.listen();
  cluster.start(2).look(candidacy(2));
  for (int i = 0; i < 60'000; ++i) {
    cluster.loop.run_for(milliseconds(1));
    if (puppet.channel) puppet.channel->abort();
  }
  CHECK(puppet.accepts > 10);
  CHECK(puppet.accepts < 25);
}

TEST_CASE("many that do not say who they are, or are no members, are turned away") {
  Cluster cluster(3);
  cluster.start(2).look(candidacy(3));
  std::vector<std::unique_ptr<Puppet>> crowd;
  const bool strangers = GENERATE(true, false);
  for (int i = 0; i < 80; ++i) {
    crowd.push_back(std::make_unique<Puppet>(cluster.loop, cluster.network, 100 + i));
    crowd.back()->dial(2);
    if (strangers) crowd.back()->write(hello(100 + i));
  }
  cluster.loop.run_for(milliseconds(10));
  CHECK(std::count_if(crowd.begin(), crowd.end(), [](auto& one) { return one->closed; }) == 16);
}

// --- decoding ------------------------------------------------------------------------------------

TEST_CASE("notifications of every length are read or refused as section E.2 says") {
  const Notification whole{PeerState::following, {3}, {0x500000001}, 7, {6}, 2, "version=0"};
  const auto message = encode(whole);
  REQUIRE(message.size() == 53);
  CHECK(*decode_notification(message) == whole);
  CHECK(*decode_notification(message + "more") == whole);
  for (std::size_t size = 0; size < message.size(); ++size) {
    const auto read = decode_notification(message.substr(0, size));
    INFO(size);
    CHECK(read.has_value() == (size == 28 || size == 40));
  }
  auto old = whole;
  old.version = 0;
  old.config.clear();
  CHECK(*decode_notification(message.substr(0, 40)) == old);
  old.peer_epoch = {5};
  CHECK(*decode_notification(message.substr(0, 28)) == old);

  auto first = message.substr(0, 39) + bytes({1}) + "what follows is not looked at";
  CHECK(decode_notification(first)->version == 1);
  CHECK(decode_notification(first)->config.empty());
}

TEST_CASE("handshakes of every length are read, waited for, or refused") {
  const Handshake whole{{3}, {{"host", 3888}, {"fe80::1", 1}}};
  const auto message = encode(whole);
  for (std::size_t size = 0; size < message.size(); ++size) {
    INFO(size);
    CHECK_FALSE(read_handshake(message.substr(0, size)).value().has_value());
  }
  const auto read = read_handshake(message + "next").value();
  REQUIRE(read);
  CHECK(read->bytes == message.size());
  CHECK(read->handshake.sid == whole.sid);
  CHECK(read->handshake.addresses == whole.addresses);

  const auto with = [](std::string_view addresses) {
    std::string text(16, '\0');
    text.replace(0, 8, bytes({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0}));
    return text + bytes({0, 0, 0, static_cast<int>(addresses.size())}) + std::string(addresses);
  };
  CHECK(read_handshake(with("0.0.0.0:3888|[::]:3888")).value()->handshake.addresses.empty());
  for (const auto* bad : {"", "host", ":1", "host:", "host:x", "host:70000", "host:0", "a b:1",
                          "[x:1", "a:1|"})
    CHECK_FALSE(read_handshake(with(bad)).has_value());
}
