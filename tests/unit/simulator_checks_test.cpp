// The checks of the simulator are shown what must never be, and have to see it.

#include "simulator/checks/client_checks.hpp"
#include "simulator/checks/linearizability.hpp"
#include "simulator/checks/protocol_checks.hpp"
#include "simulator/checks/quorum_wire.hpp"

#include <vivarium/jute.hpp>
#include <vivarium/records.hpp>

#include <catch2/catch.hpp>

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
    server(1).on_prepared(one);
    log(1, one);
    log(2, one);
    apply(1, before, one);
  }
  void packet(int from, int to, bool by_learner, PacketType type, Zxid zxid) {
    std::string bytes;
    append_jute(bytes, static_cast<std::int32_t>(type), zxid.value, std::int32_t{-1}, std::int32_t{-1});
    checks.on_quorum_bytes(7, {from}, {to}, by_learner, bytes);
  }
  bool objects(const std::string& rule) const {
    return !verdict.good() && verdict.objections().front().starts_with(rule + ":");
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
    all.server(1).on_prepared(entry(z(1, 1)));
    all.server(2).on_prepared(entry(z(1, 1)));
  }
  SECTION("when it says so") {
    all.packet(1, 2, false, PacketType::new_leader, z(1, 0));
    all.packet(3, 2, false, PacketType::new_leader, z(1, 0));
  }
  CHECK(all.objects("I-1"));
}

TEST_CASE("what nobody has proposed is seen, and what is not what was proposed") {
  Ensemble all;
  all.server(1).on_prepared(entry(z(1, 1)));
  SECTION("other bytes") { all.log(2, entry(z(1, 1), "!")); }
  SECTION("nothing of the kind") { all.log(2, entry(z(1, 2))); }
  CHECK(all.objects("I-2"));
}

TEST_CASE("two histories that are no prefixes of each other are seen") {
  Ensemble all;
  all.server(1).on_prepared(entry(z(1, 1)));
  all.server(1).on_prepared(entry(z(1, 2)));
  all.log(2, entry(z(1, 2)));  // Without the one before.
  CHECK(all.objects("I-10"));
}

TEST_CASE("a transaction that is applied before a majority has it is seen") {
  Ensemble all;
  all.server(1).on_prepared(entry(z(1, 1)));
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
  all.packet(1, 3, false, PacketType::trunc, z(1, 1));
  const bool whole = GENERATE(true, false);
  if (whole) all.packet(1, 3, false, PacketType::proposal, z(1, 2));
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
  all.server(1).on_prepared(entry(z(1, 3)));
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
  all.server(1).on_prepared(entry(z(1, 1)));
  all.packet(1, 2, false, PacketType::proposal, z(1, 1));
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
  all.packet(1, 2, false, PacketType::proposal, z(1, 1));
  all.packet(1, 2, false, PacketType::proposal, z(1, 2));
  all.packet(1, 2, false, PacketType::commit, z(1, 2));
  CHECK(all.objects("I-14"));
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
    const auto zxid = transact(cxid(), Op::create2, records::CreateTxn{path, Data(data), {}, false, 1});
    answer(asked, zxid);
    return asked;
  }
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
    ClientChecks(history, committed, verdict, probes).check();
    return verdict.good() ? "" : verdict.objections().front().substr(0, verdict.objections().front().find(':'));
  }

  History history;
  std::vector<ProtocolChecks::Committed> committed;
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
  told.transact(told.cxid(), Op::create2, records::CreateTxn{"/a", Data("d"), {}, false, 2});
  CHECK(told.first_objection() == "C-2");  // Behind itself.
}

TEST_CASE("a write that is carried out behind a later one of its session is seen") {
  Told told;
  auto& lost = told.ask(Action::create, "/late");
  lost.writes.emplace_back().path = "/late";
  told.create("/a");
  told.transact(1, Op::create2, records::CreateTxn{"/late", Data(""), {}, false, 2});
  CHECK(told.first_objection() == "C-2");
}

TEST_CASE("a transaction that nobody has asked for is seen") {
  Told told;
  told.transact(1, Op::create2, records::CreateTxn{"/a", Data("d"), {}, false, 1});
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
  told.transact(1, Op::create2, records::CreateTxn{"/a", Data("d"), {}, true, 1});
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
