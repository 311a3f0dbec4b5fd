// The checks of the simulator are shown what must never be, and have to see it.

#include "simulator/checks/client_checks.hpp"
#include "simulator/checks/linearizability.hpp"
#include "simulator/checks/protocol_checks.hpp"
#include "simulator/checks/quorum_wire.hpp"

#include <vivarium/jute.hpp>
#include <vivarium/records.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace vivarium::test {
namespace {

using namespace simulator;
using namespace std::chrono_literals;

Zxid z(std::int64_t epoch, std::uint32_t counter) { return Zxid::of({epoch}, counter); }

LogEntry entry(Zxid zxid, const std::string& what = "") {
  return {zxid, SharedBytes("transaction " + std::to_string(zxid.value) + what)};
}

// --- the protocol --------------------------------------------------------------------------------

/// Three voters that have been told of epoch 1.
struct Ensemble {
  Ensemble() {
    for (const auto id : {1, 2, 3}) {
      servers.push_back(&checks.add_server({id}, ProtocolChecks::Votes::yes));
      servers.back()->on_run({}, {}, 0);
      promise(id, EpochKind::accepted, 1);
      promise(id, EpochKind::current, 1);
    }
    server(1).on_role(ServingRole::leader);
  }
  ServerWatcher& server(int id) { return *servers[static_cast<std::size_t>(id) - 1]; }
  void promise(int id, EpochKind kind, std::int64_t epoch) {
    server(id).on_set_epoch(kind, {epoch});
    server(id).on_epoch_set(kind, {epoch});
  }
  void log(int id, const LogEntry& one) {
    server(id).on_append(std::span(&one, 1));
    server(id).on_durable(one.zxid);
  }
  void apply(int id, Zxid before, const LogEntry& one) {
    server(id).on_applied(std::span(&one, 1), before, one.zxid, 0);
  }
  /// As it should be: prepared by 1, on the disks of 1 and 2, applied by 1.
  void broadcast(Zxid before, const LogEntry& one) {
    server(1).on_prepared(one, {});
    log(1, one);
    log(2, one);
    apply(1, before, one);
  }
  void packet(int from, int to, bool by_learner, PacketType type, Zxid zxid) {
    std::string bytes;
    append_jute(bytes, static_cast<std::int32_t>(type), zxid.value, std::int32_t{-1}, std::int32_t{-1});
    checks.on_quorum_bytes(7, {from}, {to}, by_learner, bytes);
  }
  void packet(int from, int to, bool by_learner, PacketType type, Zxid zxid, std::string_view data) {
    std::string bytes;
    append_jute(bytes, static_cast<std::int32_t>(type), zxid.value, data, std::int32_t{-1});
    checks.on_quorum_bytes(7, {from}, {to}, by_learner, bytes);
  }
  /// 2 has come to 1, has what 1 has of epoch 1, and is told so.
  void begin_following(PacketType info = PacketType::follower_info) {
    packet(2, 1, true, info, {});
    packet(1, 2, false, PacketType::leader_info, z(1, 0));
    packet(2, 1, true, PacketType::ack_epoch, checks.durable({2}));
    packet(1, 2, false, PacketType::diff, checks.durable({2}));
  }
  void follow(PacketType info = PacketType::follower_info) {
    begin_following(info);
    packet(1, 2, false, PacketType::new_leader, z(1, 0));
    packet(2, 1, true, PacketType::ack, z(1, 0));
    packet(1, 2, false, PacketType::up_to_date, {-1});
  }
  /// 1 prepares a transaction and sends it.
  void propose(const LogEntry& one) {
    server(1).on_prepared(one, {});
    packet(1, 2, false, PacketType::proposal, one.zxid, one.payload.view());
  }
  bool objects(const std::string& rule) const {
    return std::any_of(verdict.objections().begin(), verdict.objections().end(),
                       [&](const auto& one) { return one.starts_with(rule + ":"); });
  }

  Verdict verdict;
  Probes probes;
  SimulatedLoop loop{1};
  Trace trace{loop, Tracing::off, 0};
  ProtocolChecks checks{verdict, probes, trace};
  std::vector<ServerWatcher*> servers;
};

TEST_CASE("a history as it should be is not objected to") {
  Ensemble all;
  all.broadcast({}, entry(z(1, 1)));
  all.broadcast(z(1, 1), entry(z(1, 2)));
  all.apply(2, {}, entry(z(1, 1)));
  all.log(3, entry(z(1, 1)));
  all.apply(2, z(1, 1), entry(z(1, 2)));
  CHECK(all.verdict.objections().empty());
  CHECK(all.checks.committed().size() == 2);
}

TEST_CASE("two leaders of one epoch are seen") {
  Ensemble all;
  SECTION("when the second one is established") { all.server(2).on_role(ServingRole::leader); }
  SECTION("when it proposes") {
    all.server(1).on_prepared(entry(z(1, 1)), {});
    all.server(2).on_prepared(entry(z(1, 1)), {});
  }
  SECTION("when it says so") {
    all.packet(1, 2, false, PacketType::new_leader, z(1, 0));
    all.packet(3, 2, false, PacketType::new_leader, z(1, 0));
  }
  CHECK(all.objects("I-1"));
}

TEST_CASE("what nobody has proposed is seen, and what is not what was proposed") {
  Ensemble all;
  all.server(1).on_prepared(entry(z(1, 1)), {});
  SECTION("other bytes") { all.log(2, entry(z(1, 1), "!")); }
  SECTION("nothing of the kind") { all.log(2, entry(z(1, 2))); }
  CHECK(all.objects("I-2"));
}

TEST_CASE("two histories that are no prefixes of each other are seen") {
  Ensemble all;
  all.server(1).on_prepared(entry(z(1, 1)), {});
  all.server(1).on_prepared(entry(z(1, 2)), {});
  all.log(2, entry(z(1, 2)));  // Without the one before.
  CHECK(all.objects("I-10"));
}

TEST_CASE("a transaction that is applied before a majority has it is seen") {
  Ensemble all;
  all.server(1).on_prepared(entry(z(1, 1)), {});
  all.log(1, entry(z(1, 1)));
  all.apply(1, {}, entry(z(1, 1)));
  CHECK(all.objects("I-8"));
}

TEST_CASE("a transaction that is applied where it is not on the disk is seen") {
  Ensemble all;
  all.broadcast({}, entry(z(1, 1)));
  const auto one = entry(z(1, 1));
  all.server(3).on_append(std::span(&one, 1));
  all.apply(3, {}, one);
  CHECK(all.objects("F-1"));
}

TEST_CASE("NEWLEADER before what its leader's term began with is seen") {
  Ensemble all;
  all.broadcast({}, entry(z(1, 1)));
  all.broadcast(z(1, 1), entry(z(1, 2)));
  all.promise(1, EpochKind::accepted, 2);
  all.promise(3, EpochKind::accepted, 2);
  all.packet(3, 1, true, PacketType::follower_info, z(1, 0));
  all.packet(1, 3, false, PacketType::leader_info, z(2, 0));
  all.packet(3, 1, true, PacketType::ack_epoch, {});
  all.packet(1, 3, false, PacketType::trunc, z(1, 1));
  const bool whole = GENERATE(true, false);
  const auto last = entry(z(1, 2));
  if (whole) all.packet(1, 3, false, PacketType::proposal, last.zxid, last.payload.view());
  all.packet(1, 3, false, PacketType::new_leader, z(2, 0));
  CHECK(all.verdict.good() == whole);
  CHECK(all.objects("I-10") != whole);
}

TEST_CASE("a transaction that is left out is seen, and one that others have not applied") {
  Ensemble all;
  all.broadcast({}, entry(z(1, 1)));
  all.broadcast(z(1, 1), entry(z(1, 2)));
  all.apply(2, {}, entry(z(1, 2)));
  CHECK(all.objects("I-4"));
}

TEST_CASE("a leader that lacks what is committed is seen") {
  Ensemble all;
  all.broadcast({}, entry(z(1, 1)));
  all.promise(3, EpochKind::accepted, 2);
  all.promise(3, EpochKind::current, 2);
  all.server(3).on_role(ServingRole::leader);
  CHECK(all.objects("I-7"));
}

TEST_CASE("a hole in an epoch's numbers is seen") {
  Ensemble all;
  all.broadcast({}, entry(z(1, 1)));
  all.server(1).on_prepared(entry(z(1, 3)), {});
  CHECK(all.objects("S-6"));
}

TEST_CASE("words that run ahead of the disk are seen") {
  Ensemble all;
  SECTION("LEADERINFO") {
    all.packet(1, 2, false, PacketType::leader_info, z(2, 0));
    CHECK(all.objects("S-1"));
  }
  SECTION("ACKEPOCH") {
    all.packet(2, 1, true, PacketType::ack_epoch, {});
    CHECK(all.objects("S-2"));
  }
  SECTION("the acknowledgement of NEWLEADER") {
    all.packet(2, 1, true, PacketType::ack, z(2, 0));
    CHECK(all.objects("S-3"));
  }
  SECTION("the acknowledgement of a proposal") {
    all.packet(2, 1, true, PacketType::ack, z(1, 1));
    CHECK(all.objects("S-8"));
  }
  SECTION("a vote") {
    Candidacy candidacy;
    candidacy.last_durable = z(1, 1);
    all.server(2).on_look(candidacy);
    CHECK(all.objects("S-7"));
  }
}

TEST_CASE("an epoch that is written before the history is durable is seen") {
  Ensemble all;
  all.begin_following();
  all.propose(entry(z(1, 1)));
  all.packet(1, 2, false, PacketType::new_leader, z(1, 0));
  const auto one = entry(z(1, 1));
  all.server(2).on_append(std::span(&one, 1));
  all.server(2).on_set_epoch(EpochKind::current, {1});
  CHECK(all.objects("S-4"));
}

TEST_CASE("a server that forgets what was durable is seen, unless its disk was replaced") {
  Ensemble all;
  all.broadcast({}, entry(z(1, 1)));
  const bool replaced = GENERATE(true, false);
  if (replaced) all.checks.on_wiped({2});
  all.server(2).on_run({}, {}, 0);
  CHECK(all.objects("C-10") != replaced);
}

TEST_CASE("a commit that is not the oldest proposal's is seen") {
  Ensemble all;
  all.follow();
  all.propose(entry(z(1, 1)));
  all.propose(entry(z(1, 2)));
  CHECK(all.verdict.objections().empty());
  all.packet(1, 2, false, PacketType::commit, z(1, 2));
  CHECK(all.objects("I-14"));
}

TEST_CASE("a conversation of learner and leader as it should be is not objected to") {
  Ensemble all;
  const bool observes = GENERATE(false, true);
  all.follow(observes ? PacketType::observer_info : PacketType::follower_info);
  all.packet(1, 2, false, PacketType::ping, {});
  all.packet(2, 1, true, PacketType::ping, {});
  const auto one = entry(z(1, 1));
  if (observes) {
    all.server(1).on_prepared(one, {});
    all.packet(1, 2, false, PacketType::inform, one.zxid, one.payload.view());
  } else {
    all.propose(one);
    all.log(2, one);
    all.packet(2, 1, true, PacketType::ack, one.zxid);
    all.packet(1, 2, false, PacketType::commit, one.zxid);
  }
  std::string sync;
  append_jute(sync, std::int64_t{77}, std::int32_t{1}, static_cast<std::int32_t>(Op::sync));
  all.packet(2, 1, true, PacketType::request, {-1}, sync);
  all.packet(1, 2, false, PacketType::sync, {});
  CHECK(all.verdict.objections() == std::vector<std::string>{});
}

TEST_CASE("a packet that comes in a phase that does not expect it is seen") {
  Ensemble all;
  SECTION("a second FOLLOWERINFO") {
    all.begin_following();
    all.packet(2, 1, true, PacketType::follower_info, {});
  }
  SECTION("a state before the epoch is agreed upon") {
    all.packet(2, 1, true, PacketType::follower_info, {});
    all.packet(1, 2, false, PacketType::snap, z(1, 1));
  }
  SECTION("NEWLEADER twice") {
    all.follow();
    all.packet(1, 2, false, PacketType::new_leader, z(1, 0));
  }
  SECTION("UPTODATE before NEWLEADER is acknowledged") {
    all.begin_following();
    all.packet(1, 2, false, PacketType::new_leader, z(1, 0));
    all.packet(1, 2, false, PacketType::up_to_date, {-1});
  }
  SECTION("COMMIT between NEWLEADER and UPTODATE") {
    all.begin_following();
    all.propose(entry(z(1, 1)));
    all.packet(1, 2, false, PacketType::new_leader, z(1, 0));
    all.packet(1, 2, false, PacketType::commit, z(1, 1));
  }
  SECTION("INFORM to a voter") {
    all.follow();
    const auto one = entry(z(1, 1));
    all.server(1).on_prepared(one, {});
    all.packet(1, 2, false, PacketType::inform, one.zxid, one.payload.view());
  }
  SECTION("a request before UPTODATE") {
    all.begin_following();
    all.packet(2, 1, true, PacketType::request, {-1}, std::string(16, '\0'));
  }
  SECTION("an answer to no sync") {
    all.follow();
    all.packet(1, 2, false, PacketType::sync, {});
  }
  SECTION("an answer to no ping") {
    all.follow();
    all.packet(2, 1, true, PacketType::ping, {});
  }
  CHECK(all.objects("I-11"));
}

TEST_CASE("an acknowledgement out of its order is seen") {
  Ensemble all;
  all.begin_following();
  for (const auto counter : {1u, 2u, 3u}) {
    all.propose(entry(z(1, counter)));
    all.log(2, entry(z(1, counter)));
  }
  all.packet(1, 2, false, PacketType::new_leader, z(1, 0));
  SECTION("before that of NEWLEADER") { all.packet(2, 1, true, PacketType::ack, z(1, 1)); }
  SECTION("one is left out") {
    all.packet(2, 1, true, PacketType::ack, z(1, 0));
    all.packet(2, 1, true, PacketType::ack, z(1, 1));
    CHECK(all.verdict.objections().empty());
    all.packet(2, 1, true, PacketType::ack, z(1, 3));
  }
  SECTION("of what was not sent") {
    all.server(1).on_prepared(entry(z(1, 4)), {});
    all.log(2, entry(z(1, 4)));
    all.packet(2, 1, true, PacketType::ack, z(1, 0));
    all.packet(2, 1, true, PacketType::ack, z(1, 4));
  }
  SECTION("of another epoch's NEWLEADER") { all.packet(2, 1, true, PacketType::ack, {}); }
  CHECK(all.objects("I-12"));
}

TEST_CASE("a proposal that is not what its primary has made is seen") {
  Ensemble all;
  all.follow();
  all.server(1).on_prepared(entry(z(1, 1)), {});
  const auto other = entry(z(1, 1), "!");
  all.packet(1, 2, false, PacketType::proposal, other.zxid, other.payload.view());
  CHECK(all.objects("I-13"));
}

TEST_CASE("a DIFF that does not go on where the learner is, is seen") {
  Ensemble all;
  all.broadcast({}, entry(z(1, 1)));
  all.begin_following();
  all.propose(entry(z(1, 2)));
  CHECK(all.verdict.objections().empty());
  all.propose(entry(z(1, 4)));
  CHECK(all.objects("S-5"));
}

TEST_CASE("a hole in what a learner is sent is seen") {
  Ensemble all;
  all.packet(1, 2, false, PacketType::snap, z(1, 1));
  all.checks.on_quorum_bytes(7, {1}, {2}, false, std::string("tree") + std::string("\0\0\0\nBenWasHere", 14));
  all.packet(1, 2, false, PacketType::proposal, z(1, 3));
  CHECK(all.objects("S-5"));
}

TEST_CASE("packets are cut however they arrive") {
  std::string bytes;
  append_jute(bytes, std::int32_t{15}, std::int64_t{5}, std::int32_t{-1}, std::int32_t{-1});
  bytes += "a tree" + std::string("\0\0\0\nBenWasHere", 14);
  append_jute(bytes, std::int32_t{2}, std::int64_t{6}, Text("payload"), std::int32_t{-1});
  const auto step = GENERATE(1u, 2u, 3u, 7u, 1000u);
  QuorumWire wire;
  std::vector<std::string> seen;
  for (std::size_t at = 0; at < bytes.size(); at += step)
    CHECK(wire.feed(std::string_view(bytes).substr(at, step), [&](const QuorumPacket& packet) {
      seen.push_back(std::to_string(packet.zxid.value) + std::string(packet.data));
    }));
  CHECK(seen == std::vector<std::string>{"5", "6payload"});
}

// --- clients -------------------------------------------------------------------------------------

/// A history of one client with one session, and what the servers made of it.
struct Told {
  static constexpr std::int64_t kSession = 77;

  Told() {
    history.conversations.emplace_back().session = {kSession};
    transact(0, Op::create_session, records::CreateSessionTxn{4000});
  }
  template <class Record>
  Zxid transact(std::int32_t cxid, Op type, const Record& record) {
    const Zxid zxid = z(1, static_cast<std::uint32_t>(committed.size()) + 1);
    std::string bytes = to_jute(records::TxnHeader{kSession, cxid, zxid.value, 1000,
                                                   static_cast<std::int32_t>(type)});
    committed.push_back({zxid, SharedBytes(bytes + to_jute(record))});
    return zxid;
  }
  Operation& ask(Action action, const std::string& path) {
    auto& asked = conversation().operations.emplace_back();
    asked.action = action;
    asked.path = path;
    asked.invoked = now += 1ms;
    return asked;
  }
  std::int32_t cxid() { return static_cast<std::int32_t>(conversation().operations.size()); }
  void answer(Operation& asked, Zxid zxid, WireError err = WireError::ok) {
    asked.zxid = zxid;
    asked.err = err;
    asked.returned = now += 1ms;
    asked.arrival = ++conversation().last_arrival;
  }
  /// A create that is done and answered.
  Operation& create(const std::string& path, const std::string& data = "d") {
    auto& asked = ask(Action::create, path);
    auto& write = asked.writes.emplace_back();
    write.path = write.created = path;
    write.data = data;
    const auto zxid = transact(cxid(), Op::create2, made(path, data));
    answer(asked, zxid);
    return asked;
  }
  static records::CreateTxn made(std::string_view path, std::string_view data, const AclList& acl = kOpen) {
    return {path, Data(data), acl, false, 1};
  }
  static inline const AclList kOpen{{perms::kAll, "world", "anyone"}};
  Operation& exists(const std::string& path, Zxid zxid, WireError err) {
    auto& asked = ask(Action::exists, path);
    answer(asked, zxid, err);
    return asked;
  }
  void event(EventType type, const std::string& path, Zxid zxid) {
    conversation().told.push_back({{type, path, zxid}, now, ++conversation().last_arrival});
  }
  Conversation& conversation() { return history.conversations.front(); }
  Zxid last() const { return committed.back().zxid; }

  std::string first_objection() {
    Verdict verdict;
    Probes probes;
    ClientChecks checks(history, committed, verdict, probes);
    checks.set_lag_most(lag_most);
    checks.check();
    return verdict.good() ? "" : verdict.objections().front().substr(0, verdict.objections().front().find(':'));
  }

  /// The client is somebody from here on.
  void show(const std::string& id) {
    conversation().shown.push_back({{"digest", id}, conversation().operations.size(), now});
  }
  /// A znode that bob alone may do anything with, and everybody `perms`.
  Operation& create_bobs(const std::string& path, std::int32_t others = 0) {
    auto& asked = ask(Action::create, path);
    auto& write = asked.writes.emplace_back();
    write.path = write.created = path;
    write.data = "d";
    write.acl = {{others, "world", "anyone"}, {perms::kAll, "digest", "bob"}};
    const AclList acl{{others, "world", "anyone"}, {perms::kAll, "digest", "bob"}};
    answer(asked, transact(cxid(), Op::create2, made(path, "d", acl)));
    return asked;
  }
  /// A read of it, by the model's book.
  Operation& read(const std::string& path, WireError err) {
    auto& asked = ask(Action::get, path);
    answer(asked, last(), err);
    if (err != WireError::ok) return asked;
    asked.data = "d";
    asked.stat.czxid = asked.stat.mzxid = asked.stat.pzxid = last().value;
    asked.stat.ctime = asked.stat.mtime = 1000;
    asked.stat.data_length = 1;
    return asked;
  }
  void refuse(Operation& asked, WireError err) {
    answer(asked, transact(cxid(), Op::error, records::ErrorTxn{static_cast<std::int32_t>(err)}), err);
  }

  History history;
  std::vector<ProtocolChecks::Committed> committed;
  MonoTime lag_most{};
  MonoTime now{};
};

TEST_CASE("clients that were told the truth are not objected to") {
  Told told;
  told.exists("/a", told.last(), WireError::no_node).watch = true;
  told.event(EventType::created, "/a", z(1, 2));
  told.create("/a");
  CHECK(told.first_objection().empty());
}

TEST_CASE("an answered write that is nowhere is seen") {
  Told told;
  told.create("/a");
  told.committed.pop_back();
  CHECK(told.first_objection() == "C-10");
}

TEST_CASE("a write whose answer was lost may take effect, once") {
  Told told;
  auto& asked = told.create("/a");
  asked.arrival = 0;
  asked.zxid = {};
  CHECK(told.first_objection().empty());
  told.transact(told.cxid(), Op::create2, records::CreateTxn{"/a", Data("d"), Told::kOpen, false, 2});
  CHECK(told.first_objection() == "C-2");  // Behind itself.
}

TEST_CASE("a write that is carried out behind a later one of its session is seen") {
  Told told;
  auto& lost = told.ask(Action::create, "/late");
  lost.writes.emplace_back().path = "/late";
  told.create("/a");
  told.transact(1, Op::create2, records::CreateTxn{"/late", Data(""), Told::kOpen, false, 2});
  CHECK(told.first_objection() == "C-2");
}

TEST_CASE("a transaction that nobody has asked for is seen") {
  Told told;
  told.transact(1, Op::create2, records::CreateTxn{"/a", Data("d"), Told::kOpen, false, 1});
  CHECK(told.first_objection() == "C-1");
}

TEST_CASE("a write that is done where it should be refused is seen") {
  Told told;
  told.create("/none/a");
  CHECK(told.first_objection() == "C-1");
}

TEST_CASE("a write that is refused where it should be done is seen") {
  Told told;
  auto& asked = told.ask(Action::create, "/a");
  asked.writes.emplace_back().path = "/a";
  const auto zxid = told.transact(1, Op::error, records::ErrorTxn{-110});
  told.answer(asked, zxid, WireError::node_exists);
  CHECK(told.first_objection() == "C-1");
}

TEST_CASE("a read of what is not there is seen") {
  Told told;
  told.create("/a");
  SECTION("a znode that is missing") { told.exists("/a", told.last(), WireError::no_node); }
  SECTION("a znode that is not there yet") { told.exists("/a", z(1, 1), WireError::ok); }
  CHECK(told.first_objection() == "C-3");
}

TEST_CASE("a session that is shown an older state is seen") {
  Told told;
  told.create("/a");
  told.exists("/b", z(1, 1), WireError::no_node);
  CHECK(told.first_objection() == "C-3");
}

TEST_CASE("a write that is carried out behind what its session has read since is seen") {
  Told told;
  auto& asked = told.ask(Action::create, "/a");
  asked.writes.emplace_back().path = "/a";
  asked.writes.back().data = "d";
  asked.returned = told.now;
  asked.arrival = ++told.conversation().last_arrival;  // ConnectionLoss.
  const auto number = told.cxid();
  const bool late = GENERATE(true, false);
  if (late) told.exists("/b", told.last(), WireError::no_node);
  const auto zxid = told.transact(number, Op::create2, Told::made("/a", "d"));
  told.exists("/c", zxid, WireError::no_node);
  CHECK(told.first_objection() == (late ? "C-2" : ""));
}

TEST_CASE("a write that another one has overtaken in time is seen") {
  Told told;
  told.create("/a");
  told.create("/b");
  auto& first = told.conversation().operations.front();
  first.invoked = told.now + 10ms;
  first.returned = told.now + 20ms;
  CHECK(told.first_objection() == "C-1");
}

TEST_CASE("an event that is late, missing, doubled or made up is seen") {
  Told told;
  told.exists("/a", told.last(), WireError::no_node).watch = true;
  SECTION("late") {
    told.create("/a");
    told.event(EventType::created, "/a", z(1, 2));
    CHECK(told.first_objection() == "C-5");
  }
  SECTION("missing") {
    told.create("/a");
    CHECK(told.first_objection() == "C-6");
  }
  SECTION("missing, and the connection was lost meanwhile") {
    told.conversation().states.push_back(
        {client::State::suspended, ++told.conversation().last_arrival, told.now});
    told.create("/a");
    CHECK(told.first_objection().empty());
  }
  SECTION("doubled") {
    told.event(EventType::created, "/a", z(1, 2));
    told.event(EventType::created, "/a", z(1, 2));
    told.create("/a");
    CHECK(told.first_objection() == "C-6");
  }
  SECTION("made up") {
    told.event(EventType::deleted, "/a", z(1, 2));
    told.create("/a");
    CHECK(told.first_objection() == "C-6");
  }
}

TEST_CASE("what a session does after its end is seen, and an end that leaves ephemerals") {
  Told told;
  auto& asked = told.create("/a");
  asked.writes[0].flag = CreateFlag::ephemeral;
  told.committed.pop_back();
  told.transact(1, Op::create2, records::CreateTxn{"/a", Data("d"), Told::kOpen, true, 1});
  SECTION("ephemerals") { told.transact(0, Op::close_session, records::CloseSessionTxn{}); }
  SECTION("a later write") {
    told.transact(0, Op::close_session, records::CloseSessionTxn{{"/a"}});
    told.create("/b");
  }
  CHECK(told.first_objection() == "C-7");
}

TEST_CASE("a sync that shows less than was told before is seen") {
  Told told;
  auto& other = told.history.conversations.emplace_back();
  other.session = {78};
  told.create("/a");
  auto& asked = other.operations.emplace_back();
  asked.action = Action::sync;
  asked.invoked = told.now + 1ms;
  asked.returned = told.now + 2ms;
  asked.arrival = 1;
  asked.zxid = z(1, 1);
  CHECK(told.first_objection() == "C-4");
}

TEST_CASE("a client is shown what it may read, and told so where it may not") {
  Told told;
  SECTION("nobody in particular") {
    told.create_bobs("/a");
    told.read("/a", WireError::no_auth);
  }
  SECTION("who has the permission") {
    told.show("bob");
    told.create_bobs("/a");
    told.read("/a", WireError::ok);
  }
  SECTION("everybody, where everybody may") {
    told.create_bobs("/a", perms::kRead);
    told.read("/a", WireError::ok);
  }
  SECTION("whose credential was under way, either") {
    told.create_bobs("/a");
    const auto err = GENERATE(WireError::ok, WireError::no_auth);
    auto& asked = told.read("/a", err);
    told.show("bob");
    asked.returned = told.now += 1ms;
  }
  CHECK(told.first_objection().empty());
}

TEST_CASE("a znode that is shown to whom it should not, or kept from whom it should not, is seen") {
  Told told;
  SECTION("shown") {
    told.create_bobs("/a", perms::kAll & ~perms::kRead);
    told.read("/a", WireError::ok);
  }
  SECTION("shown to somebody else") {
    told.show("eve");
    told.create_bobs("/a");
    told.read("/a", WireError::ok);
  }
  SECTION("kept") {
    told.show("bob");
    told.create_bobs("/a");
    told.read("/a", WireError::no_auth);
  }
  SECTION("written to") {
    told.create_bobs("/a", perms::kRead);
    auto& asked = told.ask(Action::set, "/a");
    asked.writes.emplace_back().path = "/a";
    asked.writes[0].action = Action::set;
    told.answer(asked, told.transact(told.cxid(), Op::set_data, records::SetDataTxn{"/a", Data(""), 1}));
  }
  SECTION("not written to") {
    told.create_bobs("/a", perms::kWrite);
    auto& asked = told.ask(Action::set, "/a");
    asked.writes.emplace_back().path = "/a";
    asked.writes[0].action = Action::set;
    told.refuse(asked, WireError::no_auth);
  }
  SECTION("a part of a multi that is refused as it should not be") {
    told.create_bobs("/a", perms::kRead);
    auto& asked = told.ask(Action::multi, "");
    auto& write = asked.writes.emplace_back();
    write.path = "/a";
    write.action = Action::set;
    write.err = WireError::bad_version;
    const auto error = to_jute(records::ErrorTxn{-103});
    records::MultiTxn txn;
    txn.txns.push_back({-1, error});
    told.answer(asked, told.transact(told.cxid(), Op::multi, txn), WireError::bad_version);
  }
  CHECK(told.first_objection() == "C-12");
}

TEST_CASE("an event goes to whom may read what it is of, and to nobody else") {
  Told told;
  told.exists("/a", told.last(), WireError::no_node).watch = true;
  const bool may = GENERATE(true, false);
  const bool is_told = GENERATE(true, false);
  if (is_told) told.event(EventType::created, "/a", z(1, 2));
  told.create_bobs("/a", may ? perms::kRead : perms::kWrite);
  CHECK(told.first_objection() == (may == is_told ? "" : may ? "C-6" : "C-12"));
}

TEST_CASE("what a client has missed is told to it if it might have read it") {
  Told told;
  const bool may = GENERATE(true, false);
  told.create_bobs("/a", may ? perms::kRead : perms::kWrite);
  told.event(EventType::data_changed, "/a", {});
  told.exists("/b", told.last(), WireError::no_node);
  CHECK(told.first_objection() == (may ? "" : "C-12"));
}

TEST_CASE("an ACL is what was asked for, and shown without secrets") {
  Told told;
  told.create_bobs("/a", perms::kRead);
  auto& asked = told.ask(Action::get_acl, "/a");
  told.answer(asked, told.last());
  asked.stat.czxid = asked.stat.mzxid = asked.stat.pzxid = told.last().value;
  asked.stat.ctime = asked.stat.mtime = 1000;
  asked.stat.data_length = 1;
  SECTION("as it should be") {
    asked.acl = {{perms::kRead, "world", "anyone"}, {perms::kAll, "digest", "bob:x"}};
    CHECK(told.first_objection().empty());
  }
  SECTION("with its digest") {
    asked.acl = {{perms::kRead, "world", "anyone"}, {perms::kAll, "digest", "bob:secret"}};
    CHECK(told.first_objection() == "C-12");
  }
  SECTION("another than was asked for") {
    told.conversation().operations[0].writes[0].acl = {{perms::kAll, "world", "anyone"}};
    asked.acl = {{perms::kRead, "world", "anyone"}, {perms::kAll, "digest", "bob:x"}};
    CHECK(told.first_objection() == "C-12");
  }
}

/// /b, with a quota of two znodes and twenty bytes.
struct TellsOfQuota : Told {
  TellsOfQuota() {
    create("/b", "1234");
    create("/zookeeper/quota/b", "");
    create("/zookeeper/quota/b/zookeeper_limits",
           "count=1,bytes=1=;byteHardLimit=20;countHardLimit=2");
    create("/zookeeper/quota/b/zookeeper_stats", "count=0,bytes=0");
    applied_by_all();
  }
  void applied_by_all() {
    for (auto& one : committed) one.applied = {one.zxid.value - 1};
  }
};

TEST_CASE("a hard limit refuses what exceeds it, and nothing else") {
  TellsOfQuota told;
  SECTION("a first child is no trouble") {
    told.create("/b/1", "1234");
    told.applied_by_all();
    CHECK(told.first_objection().empty());
    SECTION("a second one is") {
      told.create("/b/2", "");
      told.applied_by_all();
      CHECK(told.first_objection() == "C-1");
    }
    SECTION("unless its leader could not know of the first") {
      told.create("/b/2", "");
      told.applied_by_all();
      told.committed.back().applied = z(1, 5);
      CHECK(told.first_objection().empty());
    }
  }
  SECTION("too many bytes are refused") {
    auto& asked = told.ask(Action::create, "/b/1");
    asked.writes.emplace_back().path = "/b/1";
    asked.writes[0].data = "a text of more than sixteen";
    told.refuse(asked, WireError::quota_exceeded);
    told.applied_by_all();
    CHECK(told.first_objection().empty());
  }
  SECTION("few bytes are not") {
    auto& asked = told.ask(Action::create, "/b/1");
    asked.writes.emplace_back().path = "/b/1";
    told.refuse(asked, WireError::quota_exceeded);
    told.applied_by_all();
    CHECK(told.first_objection() == "C-1");
  }
}

TEST_CASE("a client that is shown what is long out of date is seen") {
  Told told;
  told.lag_most = 1000ms;
  told.create("/a");
  told.committed.back().when = told.now;
  told.conversation().operations.clear();
  told.conversation().operations.emplace_back();  // The create, without an answer.
  auto& lost = told.conversation().operations.back();
  lost.action = Action::create;
  lost.path = "/a";
  lost.writes.emplace_back().path = "/a";
  lost.writes[0].data = "d";
  const bool late = GENERATE(true, false);
  told.now += late ? 1100ms : 900ms;
  told.history.conversations.emplace_back().session = {78};  // Another client reads.
  auto& read = told.history.conversations.back().operations.emplace_back();
  read.action = Action::exists;
  read.path = "/a";
  read.invoked = told.now += 1ms;
  told.answer(read, z(1, 1), WireError::no_node);
  CHECK(told.first_objection() == (late ? "C-13" : ""));
}

TEST_CASE("a watch for good tells of each change, while the connection lasts") {
  Told told;
  auto& watch = told.ask(Action::add_watch, "/");
  watch.mode = client::AddWatchMode::persistent_recursive;
  told.answer(watch, told.last());
  SECTION("as it should be") {
    told.event(EventType::created, "/a", z(1, 2));
    told.create("/a");
    CHECK(told.first_objection().empty());
  }
  SECTION("one is missing") {
    told.create("/a");
    CHECK(told.first_objection() == "C-6");
  }
  SECTION("the connection was lost meanwhile") {
    told.conversation().states.push_back(
        {client::State::suspended, ++told.conversation().last_arrival, told.now});
    told.create("/a");
    CHECK(told.first_objection().empty());
  }
}

// --- the register --------------------------------------------------------------------------------

using Kind = RegisterOperation::Kind;

TEST_CASE("a register is judged by what was seen of it alone") {
  CHECK(judge_register({{Kind::write, "1", 1ms, 2ms}, {Kind::read, "1", 3ms, 4ms}}) == Linearizable::yes);
  CHECK(judge_register({{Kind::write, "1", 1ms, 2ms}, {Kind::read, "", 3ms, 4ms}}) == Linearizable::no);
  // At the same time either may be first.
  CHECK(judge_register({{Kind::write, "1", 1ms, 5ms}, {Kind::read, "", 3ms, 4ms}}) == Linearizable::yes);
  // Two that read cannot see two orders.
  CHECK(judge_register({{Kind::write, "1", 1ms, 9ms},
                        {Kind::write, "2", 1ms, 9ms},
                        {Kind::read, "1", 2ms, 3ms},
                        {Kind::read, "2", 4ms, 5ms},
                        {Kind::read, "1", 6ms, 7ms}}) == Linearizable::no);
}

TEST_CASE("a write without an answer may take place at any later time, or never") {
  CHECK(judge_register({{Kind::write, "1", 1ms}, {Kind::read, "", 3ms, 4ms}}) == Linearizable::yes);
  CHECK(judge_register({{Kind::write, "1", 1ms},
                        {Kind::read, "", 3ms, 4ms},
                        {Kind::read, "1", 5ms, 6ms}}) == Linearizable::yes);
  CHECK(judge_register({{Kind::write, "1", 1ms},
                        {Kind::read, "1", 3ms, 4ms},
                        {Kind::read, "", 5ms, 6ms}}) == Linearizable::no);
}

TEST_CASE("many writes without an answer that nobody has read are no burden") {
  std::vector<RegisterOperation> many;
  for (int i = 0; i < 200; ++i) many.push_back({Kind::write, std::to_string(i), 1ms});
  many.push_back({Kind::write, "last", 5ms, 9ms});
  many.push_back({Kind::read, "", 6ms, 7ms});
  CHECK(judge_register(many, 1000) == Linearizable::yes);
  many.push_back({Kind::read, "", 10ms, 11ms});
  CHECK(judge_register(many, 1000) == Linearizable::no);
}

TEST_CASE("a judge who has tried too much says so") {
  std::vector<RegisterOperation> many;
  for (int i = 0; i < 30; ++i) many.push_back({Kind::write, std::to_string(i), 1ms, 9ms});
  many.push_back({Kind::read, "nothing", 10ms, 11ms});
  CHECK(judge_register(many, 1000) == Linearizable::undecided);
}

}  // namespace
}  // namespace vivarium::test
