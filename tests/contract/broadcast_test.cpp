// What every Broadcast must hold, tried on `standalone` and on a fake ensemble of three servers.
#include "tests/contract/fake_ensemble.hpp"

#include "kernel/simulation/simulated_loop.hpp"
#include "memory_store.hpp"
#include "memory_transport.hpp"
#include "packet_link.hpp"
#include "standalone.hpp"
#include "tests/support/fake_host.hpp"
#include "zab.hpp"
#include "zab_election.hpp"
#include "zxid_text.hpp"

#include <vivarium/jute.hpp>

#include <catch2/catch.hpp>

#include <set>

using namespace vivarium;
using namespace vivarium::test;

namespace {

/// What the servers of an ensemble are called on their network.
constexpr const char* kConfig =
    "server.1=server1:2888:3888:participant\n"
    "server.2=server2:2888:3888:participant\n"
    "server.3=server3:2888:3888:participant\n"
    "version=0";

/// A state that is the list of what was applied. A payload is "session/cxid/body" behind the session
/// and the cxid as every transaction begins with them.
class RecordingState final : public StateMachine {
 public:
  LogEntry prepare(const Request& request, Zxid zxid, std::int64_t) override {
    CHECK(zxid > prepared);
    prepared = zxid;
    std::string payload;
    append_jute(payload, request.session.value, request.cxid);
    payload += std::to_string(request.session.value) + "/" + std::to_string(request.cxid) + "/" +
               std::string(request.body);
    return {zxid, SharedBytes(std::move(payload))};
  }
  void discard_pending() override {}
  void apply(std::span<const LogEntry> entries) override {
    CHECK_FALSE(inside_submit);
    for (const auto& entry : entries) {
      CHECK(entry.zxid > last);
      last = entry.zxid;
      zxids.push_back(entry.zxid);
      applied.emplace_back(entry.payload.view().substr(12));
    }
  }
  Zxid last_applied() const override { return last; }
  std::uint64_t digest() const override { return applied.size(); }
  std::unique_ptr<SnapshotCursor> snapshot() override { return nullptr; }
  std::unique_ptr<SnapshotLoader> load() override { return nullptr; }
  void reload(Done<void>) override {}
  void touch(SessionId session, std::int32_t, ServerId) override { touched.insert(session.value); }
  bool revalidate(SessionId session, std::int32_t, ServerId owner, Claim) override {
    if (session.value != 7) return false;
    owner_of_7 = owner;
    return true;
  }
  std::optional<ServerId> owner(SessionId) const override { return owner_of_7; }
  bool closing(SessionId) const override { return false; }
  std::string committed_config() const override { return kConfig; }
  std::string last_seen_config() const override { return kConfig; }
  void activate_config(std::string_view, Zxid) override {}

  Zxid prepared, last;
  std::vector<Zxid> zxids;
  std::vector<std::string> applied;
  std::set<std::int64_t> touched;
  std::optional<ServerId> owner_of_7;
  bool inside_submit = false;
};

class RecordingEvents final : public BroadcastEvents {
 public:
  void on_role(ServingRole now, Doubt doubt) override {
    CHECK(doubt == Doubt::resolved);
    role = now;
    roles.push_back(now);
  }
  void on_synced(SessionId session, std::int32_t cxid) override {
    synced.emplace_back(session.value, cxid, state->applied.size());
  }
  void on_fatal(const Error& error) override { fatal.push_back(error.what); }
  void on_space(bool, std::uint64_t) override {}

  RecordingState* state = nullptr;
  ServingRole role = ServingRole::none;
  std::vector<ServingRole> roles;
  std::vector<std::tuple<std::int64_t, std::int32_t, std::size_t>> synced;
  std::vector<std::string> fatal;
};

/// A memory store that finds what a test says, whose durability can be held back, and that can fail.
class HeldStore final : public LogStore, private LogStoreEvents {
 public:
  explicit HeldStore(PluginHost& host) : inner_(host) {}
  bool durable() const override { return true; }
  void open(LogStoreEvents& events, Done<OpenedLog> done) override {
    events_ = &events;
    inner_.open(*this, [this, done = std::move(done)](Result<OpenedLog> opened) {
      done(found ? *found : opened);
    });
  }
  void append(std::span<const LogEntry> entries) override {
    for (const auto& entry : entries) steps.push_back(zab::text_of(entry.zxid));
    inner_.append(entries);
  }
  void read(Zxid after, std::size_t bytes, Done<LogSlice> done) override {
    inner_.read(after, bytes, std::move(done));
  }
  Zxid first_contiguous() const override { return inner_.first_contiguous(); }
  void truncate_after(Zxid zxid, Done<void> done) override {
    inner_.truncate_after(zxid, std::move(done));
  }
  Result<std::unique_ptr<SnapshotSink>> begin_snapshot(Zxid zxid) override {
    return inner_.begin_snapshot(zxid);
  }
  Result<std::unique_ptr<SnapshotSink>> install_snapshot(Zxid zxid) override {
    return inner_.install_snapshot(zxid);
  }
  Result<std::unique_ptr<SnapshotSource>> open_snapshot() override { return inner_.open_snapshot(); }
  void purge(unsigned snapshots_kept, Done<PurgeReport> done) override {
    inner_.purge(snapshots_kept, std::move(done));
  }
  void set_epoch(EpochKind kind, Epoch epoch, Done<void> done) override {
    inner_.set_epoch(kind, epoch, [this, kind, epoch, done = std::move(done)](Result<void> kept) {
      steps.push_back((kind == EpochKind::accepted ? "accepted " : "current ") +
                      std::to_string(epoch.value));
      done(kept);
    });
  }
  Sizes sizes() const override { return inner_.sizes(); }
  void stop() override { inner_.stop(); }

  void fail() { events_->on_failed(Error(Errc::io_failed, "the sync of the log failed")); }
  void release() {
    held = false;
    if (waiting_.value > 0) events_->on_durable(waiting_);
  }
  bool held = false;
  std::optional<OpenedLog> found;
  std::vector<std::string> steps;  ///< Zxids that were appended, epochs that are durable.

 private:
  void on_durable(Zxid zxid) override {
    waiting_ = zxid;
    if (!held) events_->on_durable(zxid);
  }
  void on_failed(const Error& error) override { events_->on_failed(error); }
  void on_space(bool low, std::uint64_t bytes) override { events_->on_space(low, bytes); }

  MemoryStore inner_;
  LogStoreEvents* events_ = nullptr;
  Zxid waiting_;
};

/// One server: broadcast, log, state, and what its transport is called.
struct Node {
  Node(SimulatedLoop& loop, std::shared_ptr<MemoryNetwork> network, std::int64_t number,
       const Settings& settings = {})
      : id{number},
        host(zab::kZabOptions, settings, {.loop = &loop}),
        log(host),
        transport(loop, std::move(network), "server" + std::to_string(number)),
        election(std::make_unique<StaticElection>(loop, ServerId{1})) {
    events.state = &state;
  }
  void begin() {
    log.open(broadcast->log_events(), [this](Result<OpenedLog> there) {
      opened = there.value();
      broadcast->run({id, state, log, opened, election.get(), &transport, &transport, events});
    });
  }
  void end() {
    broadcast->stop();
    election->stop();
    transport.stop();
    log.stop();
  }
  /// What was found on its disk.
  void find(Zxid last_durable, Epochs epochs) {
    log.found.emplace();
    log.found->last_durable = state.last = last_durable;
    log.found->epochs = epochs;
  }
  bool serves() const { return events.role != ServingRole::none; }
  void submit(std::int64_t session, std::int32_t cxid, std::string body) {
    const Request request{{session}, cxid, 1, body, {}, {}, false, id};
    state.inside_submit = true;
    broadcast->submit(std::span(&request, 1));
    state.inside_submit = false;
  }

  ServerId id;
  FakeHost host;
  HeldStore log;
  RecordingState state;
  RecordingEvents events;
  MemoryTransport transport;
  std::unique_ptr<Election> election;
  OpenedLog opened;
  std::unique_ptr<Broadcast> broadcast;
};

/// Servers under one kind of broadcast, serving.
class Cluster {
 public:
  using Make = std::function<std::unique_ptr<Broadcast>(Node&, SimulatedLoop&)>;

  Cluster(std::size_t size, const Make& make, std::uint64_t seed = 1, const Settings& settings = {})
      : loop(seed) {
    for (std::size_t i = 0; i < size; ++i) {
      nodes.push_back(
          std::make_unique<Node>(loop, network, static_cast<std::int64_t>(i + 1), settings));
      nodes.back()->broadcast = make(*nodes.back(), loop);
    }
    for (auto& node : nodes) {
      node->begin();
      loop.run_for(std::chrono::milliseconds(1));
    }
    REQUIRE(loop.run_until([&] { return all([](Node& node) { return node.serves(); }); }));
  }
  ~Cluster() {
    for (auto& node : nodes) node->end();
  }

  bool all(const std::function<bool(Node&)>& holds) {
    return std::all_of(nodes.begin(), nodes.end(), [&](auto& node) { return holds(*node); });
  }
  bool wait_applied(std::size_t count) {
    return loop.run_until([&] { return all([&](Node& n) { return n.state.applied.size() >= count; }); });
  }
  void settle() { loop.run_for(std::chrono::seconds(1)); }
  Node& leader() {
    return **std::find_if(nodes.begin(), nodes.end(), [](const auto& node) {
      return node->events.role == ServingRole::leader || node->events.role == ServingRole::standalone;
    });
  }
  /// Not the leader, if there is another.
  Node& other() { return leader().id == nodes.back()->id ? *nodes.front() : *nodes.back(); }

  SimulatedLoop loop;
  std::shared_ptr<MemoryNetwork> network = std::make_shared<MemoryNetwork>();
  std::vector<std::unique_ptr<Node>> nodes;
};

struct Kind {
  const char* name;
  std::size_t servers;
  Cluster::Make make;
};

std::unique_ptr<Broadcast> make_zab(Node& node, SimulatedLoop&) {
  node.election = std::make_unique<zab::ZabElection>(node.host);
  return std::make_unique<zab::Zab>(node.host);
}

const Kind kKinds[] = {
    {"standalone", 1,
     [](Node& node, SimulatedLoop&) { return std::make_unique<Standalone>(node.host); }},
    {"a fake ensemble", 3,
     [](Node&, SimulatedLoop& loop) {
       return std::make_unique<FakeEnsemble>(
           loop, 3, [](ServerId id) { return "server" + std::to_string(id.value); });
     }},
    {"zab", 3, make_zab},
};

}  // namespace

#define FOR_EACH_KIND                                   \
  const auto& kind = kKinds[GENERATE(range(0, 3))];     \
  CAPTURE(kind.name);                                   \
  Cluster cluster(kind.servers, kind.make)

TEST_CASE("every request is applied once, in one order on all servers") {
  FOR_EACH_KIND;
  for (int i = 0; i < 100; ++i)
    cluster.nodes[static_cast<std::size_t>(i) % cluster.nodes.size()]->submit(i % 7, i, "x");
  REQUIRE(cluster.wait_applied(100));
  cluster.settle();
  const auto& order = cluster.leader().state.applied;
  CHECK(order.size() == 100);
  CHECK(std::set(order.begin(), order.end()).size() == 100);
  CHECK(cluster.all([&](Node& node) { return node.state.applied == order; }));
}

TEST_CASE("the writes of one server keep their order") {
  FOR_EACH_KIND;
  for (int i = 0; i < 50; ++i) cluster.other().submit(1, i, "x");
  REQUIRE(cluster.wait_applied(50));
  for (int i = 0; i < 50; ++i)
    CHECK(cluster.other().state.applied[static_cast<std::size_t>(i)] == "1/" + std::to_string(i) + "/x");
}

TEST_CASE("nothing is applied before enough logs have it") {
  FOR_EACH_KIND;
  for (auto& node : cluster.nodes) node->log.held = true;
  cluster.other().submit(1, 1, "x");
  cluster.settle();
  CHECK(cluster.all([](Node& node) { return node.state.applied.empty(); }));
  cluster.leader().log.release();
  if (cluster.nodes.size() > 1) cluster.settle();
  CHECK(cluster.leader().state.applied.size() == (cluster.nodes.size() > 1 ? 0 : 1));
  cluster.other().log.release();
  CHECK(cluster.loop.run_until([&] { return cluster.leader().state.applied.size() == 1; }));
}

TEST_CASE("a sync is answered after everything submitted before it was applied") {
  FOR_EACH_KIND;
  auto& node = cluster.other();
  node.broadcast->sync({5}, 1);
  node.submit(5, 2, "x");
  node.submit(5, 3, "y");
  node.broadcast->sync({5}, 4);
  CHECK(node.events.synced.empty());
  REQUIRE(cluster.loop.run_until([&] { return node.events.synced.size() == 2; }));
  CHECK(std::get<1>(node.events.synced[0]) == 1);
  CHECK(std::get<1>(node.events.synced[1]) == 4);
  CHECK(std::get<2>(node.events.synced[1]) == 2);
}

TEST_CASE("revalidation asks the leader, and claims the session for the server that asked") {
  FOR_EACH_KIND;
  auto& node = cluster.other();
  std::vector<bool> answers;
  node.broadcast->revalidate({7}, 1000, Claim::fresh, [&](Result<bool> valid) { answers.push_back(valid.value()); });
  node.broadcast->revalidate({8}, 1000, Claim::fresh, [&](Result<bool> valid) { answers.push_back(valid.value()); });
  CHECK(answers.empty());
  REQUIRE(cluster.loop.run_until([&] { return answers.size() == 2; }));
  CHECK(answers == std::vector<bool>{true, false});
  CHECK(cluster.leader().state.owner_of_7 == node.id);
}

TEST_CASE("a session has ended when all that was submitted before is applied, and not before") {
  const auto& kind = kKinds[2];
  Cluster cluster(kind.servers, kind.make);
  for (auto* node : {&cluster.leader(), &cluster.other()}) {
    for (auto& each : cluster.nodes) each->log.held = true;
    const auto applied = cluster.leader().state.applied.size();
    cluster.leader().submit(8, -11, "its end");
    std::optional<std::size_t> told;
    node->broadcast->revalidate({8}, 1000, Claim::fresh, [&](Result<bool> valid) {
      CHECK_FALSE(valid.value());
      told = cluster.leader().state.applied.size();
    });
    cluster.settle();
    CHECK_FALSE(told);
    for (auto& each : cluster.nodes) each->log.release();
    REQUIRE(cluster.loop.run_until([&] { return told.has_value(); }));
    CHECK(*told == applied + 1);
  }
}

TEST_CASE("that a session has come to another server is in the history before it is told that it lives") {
  const auto& kind = kKinds[2];
  Cluster cluster(kind.servers, kind.make);
  const auto move = "7/" + std::to_string(kSessionMove) + "/";
  std::vector<std::string> expected;
  for (auto* node : {&cluster.leader(), &cluster.other()}) {
    for (const auto claim : {Claim::fresh, Claim::fresh, Claim::kept}) {
      std::optional<std::vector<std::string>> seen;
      if (claim == Claim::fresh && cluster.leader().state.owner_of_7 != node->id) expected.push_back(move);
      if (claim == Claim::kept) cluster.leader().state.owner_of_7.reset();
      node->broadcast->revalidate({7}, 1000, claim, [&](Result<bool> valid) {
        CHECK(valid.value());
        seen = node->state.applied;
      });
      REQUIRE(cluster.loop.run_until([&] { return seen.has_value(); }));
      CHECK(*seen == expected);
    }
  }
}

TEST_CASE("touches reach the leader's sessions") {
  FOR_EACH_KIND;
  cluster.other().broadcast->touch({42}, 1000);
  cluster.settle();
  CHECK(cluster.leader().state.touched.contains(42));
}

TEST_CASE("a failed log is fatal and acknowledges nothing more") {
  FOR_EACH_KIND;
  auto& node = cluster.leader();
  for (auto& each : cluster.nodes) each->log.held = true;
  node.submit(1, 1, "x");
  node.log.fail();
  cluster.settle();
  CHECK(node.events.fatal == std::vector<std::string>{"the sync of the log failed"});
  CHECK(node.state.applied.empty());
}

TEST_CASE("nothing calls back after stop") {
  FOR_EACH_KIND;
  auto& node = cluster.other();
  bool answered = false;
  node.submit(1, 1, "x");
  node.broadcast->sync({1}, 2);
  node.broadcast->revalidate({7}, 1000, Claim::fresh, [&](Result<bool>) { answered = true; });
  node.broadcast->stop();
  cluster.settle();
  CHECK(node.state.applied.empty());
  CHECK(node.events.synced.empty());
  CHECK_FALSE(answered);
}

TEST_CASE("one seed gives one run") {
  const auto& kind = kKinds[GENERATE(range(0, 3))];
  CAPTURE(kind.name);
  const auto run = [&] {
    Cluster cluster(kind.servers, kind.make, 42);
    for (int i = 0; i < 20; ++i) cluster.other().submit(1, i, "x");
    cluster.wait_applied(20);
    return cluster.loop.event_hash();
  };
  CHECK(run() == run());
}

// --- zab alone ------------------------------------------------------------------------------------

namespace {

/// Has a server follow it, brings it a history, and then says nothing but what it is told to.
class SilentLeader final : private Acceptor, private zab::PacketLinkUser {
 public:
  SilentLeader(SimulatedLoop& loop, std::shared_ptr<MemoryNetwork> network, Epoch epoch = {1},
               std::vector<Zxid> history = {})
      : transport_(loop, std::move(network), "server1"), epoch_(epoch), history_(std::move(history)) {
    ListenSpec spec;
    spec.host = "server1";
    spec.port = 2888;
    spec.framing = zab::PacketLink::framing();
    listener_ = transport_.listen(spec, *this).value();
  }
  ~SilentLeader() { transport_.stop(); }

  /// It listens, and nothing more.
  void be_mute() { mute_ = true; }
  int followers() const { return followers_; }
  int acks_of_new_leader() const { return acks_of_new_leader_; }
  void say(zab::PacketType type, Zxid zxid) { link_->send(type, zxid.value); }
  void propose(Zxid zxid) {
    std::string transaction;
    append_jute(transaction, std::int64_t{1}, static_cast<std::int32_t>(zxid.counter()));
    link_->send(zab::PacketType::proposal, zxid.value, transaction);
  }

 private:
  ChannelHandler* on_accept(Channel& channel) override {
    link_ = zab::PacketLink::open(channel, *this);
    return link_.get();
  }
  void on_refused(const PeerIdentity&, std::string_view) override {}
  void on_packet(const zab::QuorumPacket& packet) override {
    using enum zab::PacketType;
    const auto beginning = Zxid::of(epoch_, 0).value;
    followers_ += packet.type == follower_info;
    acks_of_new_leader_ += packet.type == ack && packet.zxid == beginning;
    if (mute_) return;
    if (packet.type == follower_info) {
      std::string version;
      append_jute(version, zab::kProtocolVersion);
      link_->send(leader_info, beginning, version);
    } else if (packet.type == ack_epoch) {
      link_->send(diff, history_.empty() ? packet.zxid : history_.back().value);
      for (const auto zxid : history_) {
        propose(zxid);
        link_->send(commit, zxid.value);
      }
      link_->send(new_leader, beginning);
    } else if (packet.type == ack && !std::exchange(joined_, true)) {
      link_->send(up_to_date, -1);
    }
  }
  void on_link_closed(std::string_view) override {}

  MemoryTransport transport_;
  std::unique_ptr<Listener> listener_;
  std::shared_ptr<zab::PacketLink> link_;
  Epoch epoch_;
  std::vector<Zxid> history_;
  bool mute_ = false, joined_ = false;
  int followers_ = 0, acks_of_new_leader_ = 0;
};

}  // namespace

TEST_CASE("when its leader looks itself, a follower does not wait for what it cannot bring any more") {
  SimulatedLoop loop(1);
  const auto network = std::make_shared<MemoryNetwork>();
  SilentLeader leader(loop, network);
  Node node(loop, network, 2);
  node.broadcast = std::make_unique<zab::Zab>(node.host);
  auto& election = static_cast<StaticElection&>(*node.election);
  SECTION("it looks as well, if the leader is not established") {
    leader.be_mute();
    node.begin();
    REQUIRE(loop.run_until([&] { return leader.followers() == 1; }));
    SECTION("as soon as that is its own leader") {
      election.tell_that_looks({1});
      CHECK(loop.run_until([&] { return leader.followers() == 2; }, std::chrono::milliseconds(1)));
    }
    SECTION("and not for another") {
      election.tell_that_looks({3});
      CHECK_FALSE(loop.run_until([&] { return leader.followers() == 2; }, std::chrono::seconds(1)));
    }
  }
  SECTION("it sends something, of which it would hear that the connection is no more, if it is") {
    node.begin();
    REQUIRE(loop.run_until([&] { return node.events.role == ServingRole::follower; }));
    loop.run_for(std::chrono::milliseconds(1));
    const auto acks = leader.acks_of_new_leader();
    election.tell_that_looks({1});
    loop.run_for(std::chrono::milliseconds(1));
    CHECK(leader.acks_of_new_leader() == acks + 1);
    CHECK(node.events.role == ServingRole::follower);
  }
  node.end();
}

TEST_CASE("a follower leaves a leader that is silent for syncLimit, from its first moment on") {
  SimulatedLoop loop(1);
  const auto network = std::make_shared<MemoryNetwork>();
  const SilentLeader leader(loop, network);
  Node node(loop, network, 2);
  node.broadcast = std::make_unique<zab::Zab>(node.host);
  node.begin();
  REQUIRE(loop.run_until([&] { return node.events.role == ServingRole::follower; }));
  loop.run_for(std::chrono::milliseconds(5 * 3000 - 1));
  CHECK(node.events.role == ServingRole::follower);
  loop.run_for(std::chrono::milliseconds(2));
  CHECK(node.events.role == ServingRole::none);
  node.end();
}

TEST_CASE("a follower whose log does not take what is committed serves no more after syncLimit") {
  constexpr Millis kSyncLimit(5 * 3000);
  const bool takes_it = GENERATE(true, false);
  SimulatedLoop loop(1);
  const auto network = std::make_shared<MemoryNetwork>();
  SilentLeader leader(loop, network);
  Node node(loop, network, 2);
  node.broadcast = std::make_unique<zab::Zab>(node.host);
  node.begin();
  REQUIRE(loop.run_until([&] { return node.events.role == ServingRole::follower; }));
  node.log.held = !takes_it;
  const auto zxid = Zxid::of({1}, 1);
  leader.propose(zxid);
  leader.say(zab::PacketType::commit, zxid);
  const auto hear = [&](Millis duration) {
    for (const auto end = loop.now() + duration; loop.now() < end; loop.run_for(Millis(100)))
      leader.say(zab::PacketType::ping, zxid);
  };
  hear(kSyncLimit - Millis(100));
  CHECK(node.events.role == ServingRole::follower);
  hear(Millis(200));
  CHECK(node.events.role == (takes_it ? ServingRole::follower : ServingRole::none));
  node.end();
}

TEST_CASE("the leader measures how long a quorum took for each transaction, and nobody else does") {
  Cluster cluster(3, make_zab);
  for (int i = 0; i < 5; ++i) cluster.other().submit(1, i, "x");
  REQUIRE(cluster.wait_applied(5));
  for (const auto& node : cluster.nodes)
    CHECK(node->host.fake_metrics.value("quorum_ack_latency") == (node.get() == &cluster.leader() ? 5 : 0));
}

TEST_CASE("members tell how they were elected, brought up to date and kept so") {
  Cluster cluster(3, make_zab);
  for (int i = 0; i < 5; ++i) cluster.other().submit(1, i, "x");
  REQUIRE(cluster.wait_applied(5));
  for (const auto& node : cluster.nodes) {
    const bool leads = node.get() == &cluster.leader();
    CAPTURE(leads);
    const auto& metrics = node->host.fake_metrics;
    for (const auto* once : {"looking_count", "election_time", "unavailable_time"})
      CHECK(metrics.value(once) == 1);
    CHECK(metrics.value("leader_unavailable_time") == (leads ? 1 : 0));
    CHECK(metrics.value("follower_sync_time") == (leads ? 0 : 1));
    CHECK(metrics.value("observer_sync_time") == 0);
    CHECK(metrics.value("diff_count") == (leads ? 2 : 0));
    CHECK(metrics.value("snap_count") == 0);
    CHECK(metrics.value("inflight_diff_count") == (leads ? 4 : 0));  // Each begins and ends.
    CHECK(metrics.value("inflight_snap_count") == 0);
    CHECK(metrics.value("quit_leading_due_to_disloyal_voter") == 0);
    CHECK(metrics.value("ack_latency").has_value() == leads);
    CHECK(metrics.value("learner_proposal_received_count") == (leads ? 0 : 5));
    CHECK(metrics.value("learner_commit_received_count") == (leads ? 0 : 5));
  }
}

TEST_CASE("the leader sees of each learner how long its acknowledgements take") {
  Cluster cluster(3, make_zab);
  cluster.other().submit(1, 0, "x");
  REQUIRE(cluster.wait_applied(1));
  cluster.settle();
  std::map<std::string, std::pair<double, double>> seen;
  for (const auto& family : cluster.leader().host.fake_metrics.families()) {
    if (family.name == "ack_latency") seen[family.key].first = family.value;
    if (family.name == "learner_handler_qp_size") seen[family.key].second = family.value;
  }
  CHECK(seen.size() == 2);
  for (const auto& [key, counts] : seen) CHECK(counts == std::pair(1.0, 1.0));
}

// --- the end of the counter -----------------------------------------------------------------------

TEST_CASE("an office ends where its counter does, and no write is lost, doubled or out of order") {
  Cluster cluster(3, make_zab, 1, {{"counter_max", "10"}});
  for (int i = 0; i < 120; ++i) cluster.nodes[static_cast<std::size_t>(i % 3)]->submit(i % 3, i, "x");
  REQUIRE(cluster.wait_applied(120));
  cluster.settle();
  const auto& first = cluster.nodes.front()->state;
  CHECK(std::set(first.applied.begin(), first.applied.end()).size() == 120);
  CHECK(cluster.all([&](Node& node) {
    return node.state.applied == first.applied && node.state.zxids == first.zxids;
  }));
  for (const int server : {0, 1, 2}) {
    std::vector<std::string> wanted, got;
    for (int i = server; i < 120; i += 3)
      wanted.push_back(std::to_string(server) + "/" + std::to_string(i) + "/x");
    for (const auto& one : first.applied)
      if (one.starts_with(std::to_string(server) + "/")) got.push_back(one);
    CHECK(got == wanted);
  }
  // Each of the twelve epochs is used up, and none by more than it has.
  std::map<Epoch, std::uint32_t> last_counters;
  for (const auto zxid : first.zxids) CHECK(zxid.counter() == ++last_counters[zxid.epoch()]);
  CHECK(last_counters.size() == 12);
  std::size_t told = 0;
  for (const auto& node : cluster.nodes) told += node->host.fake_log.count("are used up after 0x");
  CHECK(told == 12);
}

TEST_CASE("a leader whose counter has ended can lead the next epoch") {
  Cluster cluster(3, make_zab, 1, {{"counter_max", "2"}});
  auto& leader = cluster.leader();
  auto& other = cluster.other();
  for (int i = 0; i < 6; ++i) {
    other.submit(1, i, "x");
    REQUIRE(cluster.wait_applied(static_cast<std::size_t>(i) + 1));
    cluster.settle();
  }
  const auto& roles = leader.events.roles;
  CHECK(std::count(roles.begin(), roles.end(), ServingRole::leader) == 4);
}

TEST_CASE("what is asked while the counter has ended is answered by the next leader") {
  Cluster cluster(3, make_zab, 1, {{"counter_max", "10"}});
  auto& leader = cluster.leader();
  auto& other = cluster.other();
  for (auto& node : cluster.nodes) node->log.held = true;
  for (int i = 0; i < 12; ++i) other.submit(1, i, "x");
  cluster.settle();
  std::size_t refused = 0;
  for (auto* node : {&leader, &other}) {
    node->submit(10 + node->id.value, 1, "behind the end");
    node->broadcast->sync({10 + node->id.value}, 2);
    node->broadcast->revalidate({7}, 1000, Claim::fresh, [&](Result<bool> valid) {
      if (!valid && valid.error().is(Errc::closed)) ++refused;
    });
  }
  cluster.settle();
  CHECK(leader.events.synced.empty());
  CHECK(other.events.synced.empty());
  for (auto& node : cluster.nodes) node->log.release();
  REQUIRE(cluster.wait_applied(14));
  REQUIRE(cluster.loop.run_until(
      [&] { return leader.events.synced.size() == 1 && other.events.synced.size() == 1; }));
  CHECK(refused == 2);
  for (auto* node : {&leader, &other}) {
    CHECK(std::get<2>(node->events.synced.front()) >= 10);
    const auto& applied = node->state.applied;
    const auto write = std::to_string(10 + node->id.value) + "/1/behind the end";
    CHECK(std::count(applied.begin(), applied.end(), write) == 1);
  }
}

TEST_CASE("a server alone begins an epoch where its counter ends") {
  const bool was_a_member = GENERATE(false, true);
  const Epoch next{was_a_member ? 10 : 1};
  Cluster cluster(1, [was_a_member](Node& node, SimulatedLoop&) {
    node.find({0xFFFFFFFB}, was_a_member ? Epochs{Epoch{9}, Epoch{7}} : Epochs{});
    return std::make_unique<Standalone>(node.host);
  });
  auto& node = cluster.leader();
  std::vector<std::string> submitted;
  for (int i = 0; i < 6; ++i) {
    node.submit(1, i, "x");
    submitted.push_back("1/" + std::to_string(i) + "/x");
  }
  node.broadcast->sync({1}, 6);
  node.submit(1, 7, "x");
  submitted.push_back("1/7/x");
  REQUIRE(cluster.wait_applied(7));
  cluster.settle();
  CHECK(node.state.applied == submitted);
  const auto number = std::to_string(next.value);
  const auto zxid = [next](std::uint32_t counter) { return zab::text_of(Zxid::of(next, counter)); };
  CHECK(node.log.steps ==
        std::vector<std::string>{"0xfffffffc", "0xfffffffd", "0xfffffffe", "accepted " + number,
                                 "current " + number, zxid(1), zxid(2), zxid(3), zxid(4)});
  REQUIRE(node.events.synced.size() == 1);
  CHECK(std::get<2>(node.events.synced.front()) >= 6);
}

TEST_CASE("a follower leaves a leader whose counter has run over") {
  SimulatedLoop loop(1);
  const auto network = std::make_shared<MemoryNetwork>();
  SilentLeader leader(loop, network);
  Node node(loop, network, 2);
  node.broadcast = std::make_unique<zab::Zab>(node.host);
  node.find(Zxid::of({1}, 0xFFFFFFFF), {Epoch{1}, Epoch{1}});
  node.begin();
  REQUIRE(loop.run_until([&] { return node.events.role == ServingRole::follower; }));
  leader.propose(Zxid::of({2}, 0));
  CHECK(loop.run_until([&] { return node.events.role == ServingRole::none; },
                       std::chrono::milliseconds(100)));
  CHECK(node.host.fake_log.contains("0x200000000: the counter of its epoch 1 has run over"));
  CHECK(std::none_of(node.log.steps.begin(), node.log.steps.end(),
                     [](const std::string& step) { return step.starts_with("0x"); }));
  node.end();
}

TEST_CASE("a history in which a counter has run over is taken from a later leader") {
  SimulatedLoop loop(1);
  const auto network = std::make_shared<MemoryNetwork>();
  const std::vector<Zxid> history{{0xFFFFFFFF}, {0x100000000}, {0x100000001}};
  const SilentLeader leader(loop, network, {2}, history);
  Node node(loop, network, 2);
  node.broadcast = std::make_unique<zab::Zab>(node.host);
  node.find({0xFFFFFFFE}, {Epoch{0}, Epoch{0}});
  node.begin();
  REQUIRE(loop.run_until([&] { return node.events.role == ServingRole::follower; }));
  CHECK(node.state.zxids == history);
  node.end();
}

namespace {

/// Says to a leader that it is server 1, and what it has accepted, and nothing more.
class MuteFollower final : private Connector, private zab::PacketLinkUser {
 public:
  MuteFollower(SimulatedLoop& loop, std::shared_ptr<MemoryNetwork> network, Epoch accepted)
      : transport_(loop, std::move(network), "server1"), accepted_(accepted) {
    ConnectSpec spec;
    spec.host = "server3";
    spec.port = 2888;
    spec.framing = zab::PacketLink::framing();
    connecting_ = transport_.connect(spec, *this);
  }
  ~MuteFollower() { transport_.stop(); }
  bool turned_away = false;

 private:
  ChannelHandler* on_connected(Channel& channel) override {
    link_ = zab::PacketLink::open(channel, *this);
    link_->send(zab::PacketType::follower_info, Zxid::of(accepted_, 0).value,
                zab::LearnerInfo{{1}}.encode());
    return link_.get();
  }
  void on_connect_failed(const Error& error) override { FAIL(error.what); }
  void on_packet(const zab::QuorumPacket&) override {}
  void on_link_closed(std::string_view) override { turned_away = true; }

  MemoryTransport transport_;
  const Epoch accepted_;
  std::unique_ptr<Connecting> connecting_;
  std::shared_ptr<zab::PacketLink> link_;
};

}  // namespace

TEST_CASE("who has accepted the last epoch there is looks for no leader") {
  SimulatedLoop loop(1);
  Node node(loop, std::make_shared<MemoryNetwork>(), 2);
  node.broadcast = std::make_unique<zab::Zab>(node.host);
  node.find(Zxid::of({1}, 5), {zab::kLastEpoch, Epoch{1}});
  node.begin();
  REQUIRE(loop.run_until([&] { return !node.events.fatal.empty(); }));
  CHECK_THAT(node.events.fatal.front(), Catch::Contains("epoch 2147483647 was accepted here"));
  node.end();
}

TEST_CASE("who has accepted the last epoch there is does not end the office of another") {
  SimulatedLoop loop(1);
  const auto network = std::make_shared<MemoryNetwork>();
  std::vector<std::unique_ptr<Node>> nodes;
  for (const std::int64_t id : {2, 3}) {
    nodes.push_back(std::make_unique<Node>(loop, network, id));
    nodes.back()->broadcast = make_zab(*nodes.back(), loop);
    nodes.back()->find(Zxid::of({1}, 5), {Epoch{1}, Epoch{1}});
    nodes.back()->begin();
  }
  REQUIRE(loop.run_until([&] { return nodes[0]->serves() && nodes[1]->serves(); }));
  const MuteFollower follower(loop, network, zab::kLastEpoch);
  CHECK(loop.run_until([&] { return follower.turned_away; }));
  loop.run_for(std::chrono::seconds(30));
  CHECK(nodes[1]->events.roles == std::vector{ServingRole::leader});
  for (auto& node : nodes) node->end();
}

TEST_CASE("a leader that is not established does not wait for a learner that looks for one") {
  SimulatedLoop loop(1);
  const auto network = std::make_shared<MemoryNetwork>();
  Node node(loop, network, 3);
  node.broadcast = std::make_unique<zab::Zab>(node.host);
  node.election = std::make_unique<StaticElection>(loop, node.id);
  auto& election = static_cast<StaticElection&>(*node.election);
  node.begin();
  loop.run_for(std::chrono::milliseconds(1));
  const MuteFollower follower(loop, network, Epoch{});
  const auto is_turned_away_for = [&](ServerId looks) {
    election.tell_that_looks(looks);
    return loop.run_until([&] { return follower.turned_away; }, std::chrono::milliseconds(10));
  };
  CHECK_FALSE(is_turned_away_for({2}));
  CHECK(is_turned_away_for({1}));
  node.end();
}

TEST_CASE("a leader leaves its office as soon as too few are left of those who follow") {
  const auto& kind = kKinds[2];
  Cluster cluster(kind.servers, kind.make);
  cluster.settle();
  auto& leader = cluster.leader();
  std::vector<Node*> followers;
  for (auto& node : cluster.nodes)
    if (node->id != leader.id) followers.push_back(node.get());
  followers[0]->broadcast->stop();
  cluster.settle();
  CHECK(leader.serves());
  const auto began = cluster.loop.now();
  followers[1]->broadcast->stop();
  REQUIRE(cluster.loop.run_until([&] { return !leader.serves(); }));
  // Not at the next look at the clock, a quarter of a tick apart.
  CHECK(cluster.loop.now() - began < std::chrono::milliseconds(10));
}
