// What the kernel promises a Broadcast: transactions that mean the same on every server, and a state that
// travels as a stream while it changes.
#include "tests/support/test_server.hpp"

#include <catch2/catch.hpp>

#include <random>

using namespace vivarium;
using namespace vivarium::test;

namespace {

constexpr SessionId kSession{0x77};
constexpr ServerId kOwner{0};

/// Prepares on one server what others apply.
class Leader {
 public:
  explicit Leader(TestServer& server) : state_(server.server.state()) {
    commit(Op::create_session, to_jute(records::CreateSessionTxn{10'000}));
  }

  LogEntry prepare(Op op, std::string_view body, SessionId session = kSession) {
    zxid_ = zxid_.next();
    const Request request{session, ++cxid_, static_cast<std::int32_t>(op), body, {}, {}, false, kOwner};
    history.push_back(state_.prepare(request, zxid_, 1'000'000 + zxid_.value));
    return history.back();
  }
  LogEntry commit(Op op, std::string_view body, SessionId session = kSession) {
    const auto entry = prepare(op, body, session);
    state_.apply(std::span(&entry, 1));
    return entry;
  }

  std::vector<LogEntry> history;
  std::int32_t last_cxid() const { return cxid_; }

 private:
  StateMachine& state_;
  Zxid zxid_{0x100000000};
  std::int32_t cxid_ = 0;
};

records::TxnHeader header_of(const LogEntry& entry) {
  JuteIn in(entry.payload.view());
  records::TxnHeader header;
  in(header);
  return header;
}

std::string create_body(std::string_view path, std::string_view data = "",
                        CreateFlag flag = CreateFlag::persistent) {
  return to_jute(records::CreateRequest{path, data, {{perms::kAll, "world", "anyone"}},
                                        static_cast<std::int32_t>(flag)});
}

/// A random write over a small set of paths, valid or not.
struct RandomWrites {
  explicit RandomWrites(std::uint64_t seed) : chance(seed) {}

  std::pair<Op, std::string> next() {
    const auto path = random_path();
    switch (chance() % 6) {
      case 0: return {Op::remove, to_jute(records::PathVersionRequest{path, -1})};
      case 1: return {Op::set_data, to_jute(records::SetDataRequest{path, random_data(), -1})};
      case 2: return {Op::set_acl, to_jute(records::SetAclRequest{path, {{31, "world", "anyone"}}, -1})};
      case 3: return {Op::multi, multi()};
      default: return {Op::create, create_body(path, random_data(),
                                               static_cast<CreateFlag>(chance() % 4))};
    }
  }

 private:
  std::string random_path() {
    std::string path;
    for (auto depth = 1 + chance() % 3; depth > 0; --depth)
      path += "/" + std::string(1, static_cast<char>('a' + chance() % 4));
    return path;
  }
  std::string random_data() { return std::string(chance() % 20, 'x'); }
  std::string multi() {
    return MultiBody()
        .add(Op::create, records::CreateRequest{random_path(), "", {{31, "world", "anyone"}}, 2})
        .add(Op::set_data, records::SetDataRequest{random_path(), random_data(), -1})
        .add(Op::check, records::PathVersionRequest{random_path(), -1})
        .bytes();
  }

  std::mt19937_64 chance;
};

/// Feeds everything that is left of a snapshot into another state.
void drain(SnapshotCursor& cursor, SnapshotLoader& loader, std::size_t piece_bytes = 64) {
  for (;;) {
    const auto piece = cursor.next(piece_bytes);
    if (piece.empty()) return;
    REQUIRE(loader.feed(piece.view()).has_value());
  }
}

void replay(StateMachine& state, const std::vector<LogEntry>& entries, std::size_t from = 0) {
  state.apply(std::span(entries).subspan(from));
}

}  // namespace

TEST_CASE("prepare answers every request with one transaction of its session and cxid") {
  TestServer server;
  Leader leader(server);
  for (const auto& [op, body] :
       std::vector<std::pair<Op, std::string>>{{Op::create, create_body("/a")},
                                               {Op::create, create_body("/none/x")},
                                               {Op::create, "malformed"},
                                               {Op::multi, "malformed"},
                                               {Op::check, to_jute(records::PathVersionRequest{"/a", 0})},
                                               {Op::reconfig, ""},
                                               {static_cast<Op>(999), ""}}) {
    const auto entry = leader.prepare(op, body);
    const auto header = header_of(entry);
    CHECK(header.client_id == kSession.value);
    CHECK(header.cxid == leader.last_cxid());
    CHECK(header.zxid == entry.zxid.value);
    CHECK(header.time == 1'000'000 + entry.zxid.value);
  }
}

TEST_CASE("prepare sees what is prepared and not yet applied") {
  TestServer server;
  Leader leader(server);
  leader.prepare(Op::create, create_body("/a"));
  const auto child = leader.prepare(Op::create, create_body("/a/b"));
  CHECK(header_of(child).type == static_cast<int>(Op::create));
  const auto again = leader.prepare(Op::create, create_body("/a"));
  CHECK(header_of(again).type == static_cast<int>(Op::error));
}

TEST_CASE("discarded preparations leave no trace") {
  TestServer server;
  Leader leader(server);
  const auto before = server.server.state().digest();
  leader.prepare(Op::create, create_body("/a"));
  server.server.state().discard_pending();
  CHECK(server.server.state().digest() == before);
  const auto child = leader.prepare(Op::create, create_body("/a/b"));
  CHECK(header_of(child).type == static_cast<int>(Op::error));
}

TEST_CASE("a write of an unknown or closed session becomes an error transaction") {
  TestServer server;
  Leader leader(server);
  const auto unknown = leader.commit(Op::create, create_body("/a"), SessionId{0x99});
  CHECK(header_of(unknown).type == static_cast<int>(Op::error));
  leader.prepare(Op::close_session, "");
  const auto late = leader.prepare(Op::create, create_body("/a"));
  CHECK(header_of(late).type == static_cast<int>(Op::error));
}

TEST_CASE("the same transactions give the same digest on every server") {
  TestServer first, second;
  Leader leader(first);
  RandomWrites writes(7);
  for (int i = 0; i < 2000; ++i) {
    const auto [op, body] = writes.next();
    leader.commit(op, body);
  }
  leader.commit(Op::close_session, "");
  replay(second.server.state(), leader.history);
  CHECK(second.server.state().digest() == first.server.state().digest());
  CHECK(second.server.state().last_applied() == first.server.state().last_applied());
  CHECK_FALSE(second.host.fake_log.contains("digest"));
}

TEST_CASE("a snapshot is the state of the moment it began, though writes go on") {
  const auto seed = GENERATE(range(1, 6));
  TestServer source, target;
  Leader leader(source);
  RandomWrites writes(static_cast<std::uint64_t>(seed));
  const auto write = [&](int count) {
    for (int i = 0; i < count; ++i) {
      const auto [op, body] = writes.next();
      leader.commit(op, body);
    }
  };
  write(300);
  const auto digest = source.server.state().digest();
  const auto cursor = source.server.state().snapshot();
  const auto loader = target.server.state().load();
  for (int i = 0; i < 30; ++i) {
    const auto piece = cursor->next(64);
    if (piece.empty()) break;
    REQUIRE(loader->feed(piece.view()).has_value());
    write(10);
  }
  drain(*cursor, *loader);
  REQUIRE(loader->finish(cursor->zxid()).has_value());
  CHECK(cursor->digest() == digest);
  CHECK(target.server.state().digest() == digest);
  CHECK(target.server.state().last_applied() == cursor->zxid());
}

TEST_CASE("replaying over a snapshot that already holds some of it changes nothing") {
  TestServer source, target;
  Leader leader(source);
  RandomWrites writes(3);
  for (int i = 0; i < 400; ++i) {
    const auto [op, body] = writes.next();
    leader.commit(op, body);
  }
  const auto cursor = source.server.state().snapshot();
  const auto loader = target.server.state().load();
  drain(*cursor, *loader);
  // A fuzzy snapshot is labelled lower than what it holds.
  const auto half = leader.history.size() / 2;
  REQUIRE(loader->finish(leader.history[half].zxid).has_value());
  std::vector<LogEntry> tail(leader.history.begin() + static_cast<std::ptrdiff_t>(half) + 1,
                             leader.history.end());
  for (const auto& entry : tail) target.server.state().apply(std::span(&entry, 1));
  CHECK(target.server.state().last_applied() == source.server.state().last_applied());
}

TEST_CASE("a damaged snapshot is refused and the old state stays") {
  TestServer source, target;
  Leader leader(source), other(target);
  leader.commit(Op::create, create_body("/a", "data"));
  other.commit(Op::create, create_body("/old"));
  const auto before = target.server.state().digest();
  const auto cursor = source.server.state().snapshot();
  std::string body;
  for (auto piece = cursor->next(1000); !piece.empty(); piece = cursor->next(1000)) body += piece.view();
  for (std::size_t cut = 0; cut < body.size(); ++cut) {
    const auto loader = target.server.state().load();
    const bool fed = loader->feed(body.substr(0, cut)).has_value();
    CHECK_FALSE((fed && loader->finish({1}).has_value()));
  }
  CHECK(target.server.state().digest() == before);
}

TEST_CASE("revalidation claims a living session and refuses others") {
  TestServer server;
  Leader leader(server);
  auto& state = server.server.state();
  CHECK(state.revalidate(kSession, 10'000, ServerId{2}, Claim::fresh));
  CHECK(state.owner(kSession) == ServerId{2});
  CHECK_FALSE(state.revalidate(SessionId{1}, 10'000, ServerId{2}, Claim::fresh));
  const auto moved = leader.prepare(Op::create, create_body("/a"));
  CHECK(header_of(moved).type == static_cast<int>(Op::error));
  leader.prepare(Op::close_session, "");
  CHECK(state.closing(kSession));
  CHECK_FALSE(state.revalidate(kSession, 10'000, ServerId{2}, Claim::fresh));
}
