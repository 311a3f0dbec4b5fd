#pragma once
// A whole server on simulated doors under a broadcast that a test plays: which role the server has, when
// the leader was heard, which writes are applied and what is said about its sessions.
#include "tests/support/test_server.hpp"

#include <deque>

namespace vivarium::test {

/// The test is the rest of the ensemble. While it is `prompt` every write is applied in the next turn of
/// the loop, every sync answered, and every session alive; otherwise all that is asked waits here.
class ScriptedBroadcast final : public Broadcast, private LogStoreEvents {
 public:
  struct Write {
    SessionId session;
    std::int32_t cxid;
    Op op;
    std::string body, client_address;
    ServerId owner;
  };
  struct Revalidation {
    SessionId session;
    std::int32_t timeout_ms;
    Claim claim;
    Done<bool> done;
  };

  explicit ScriptedBroadcast(Loop& loop) : loop_(loop) {}

  // --- the test's side ----------------------------------------------------------------------------
  void become(ServingRole role, BroadcastEvents::Doubt doubt = BroadcastEvents::Doubt::resolved) {
    role_ = role;
    parts_->events.on_role(role, doubt);
  }
  /// The leader is not heard any more.
  void fall_silent() { heard_ = loop_.now(); }

  /// Applies the oldest write that waits.
  void apply_next() {
    const auto write = std::move(writes.front());
    writes.pop_front();
    apply(entry_of(write));
  }
  void apply_all() {
    while (!writes.empty()) apply_next();
  }
  /// A transaction of somebody else.
  template <class Record>
  Zxid apply_foreign(Op op, const Record& record, SessionId session = {1}) {
    apply(entry(session, 1, op, record));
    return last_;
  }
  /// Its client has come to some server with it.
  void apply_move(SessionId session) {
    apply(entry(session, kSessionMove, Op::error,
                records::ErrorTxn{static_cast<std::int32_t>(WireError::session_moved)}));
  }
  void answer_syncs() {
    for (const auto& [session, cxid] : std::exchange(syncs, {}))
      parts_->events.on_synced(session, cxid);
  }
  void answer_revalidations(const Result<bool>& valid) {
    for (auto& asked : std::exchange(revalidations, {})) asked.done(valid);
  }
  const BroadcastParts& parts() const { return *parts_; }

  bool prompt = true;
  std::deque<Write> writes;
  std::vector<std::pair<SessionId, std::int32_t>> syncs;
  std::vector<SessionId> withdrawn;
  std::vector<Revalidation> revalidations;
  std::vector<PeerStatus> others;
  bool had_snapshot = false;  ///< When it was run.

  // --- Broadcast ----------------------------------------------------------------------------------
  LogStoreEvents& log_events() override { return *this; }
  void run(const BroadcastParts& parts) override {
    parts_.emplace(parts);
    had_snapshot = parts.opened.snapshot && parts.log.open_snapshot();
  }
  void stop() override { parts_.reset(); }
  void submit(std::span<const Request> requests) override {
    for (const auto& request : requests)
      writes.push_back({request.session, request.cxid, static_cast<Op>(request.op),
                        std::string(request.body), std::string(request.client_address),
                        request.owner});
    if (prompt) loop_.post([this] { if (parts_) apply_all(); });
  }
  void withdraw(SessionId session) override {
    withdrawn.push_back(session);
    if (role_ == ServingRole::none) std::erase_if(writes, [&](const Write& one) { return one.session == session; });
  }
  void sync(SessionId session, std::int32_t cxid) override {
    syncs.emplace_back(session, cxid);
    if (prompt) loop_.post([this] { if (parts_) answer_syncs(); });
  }
  void revalidate(SessionId session, std::int32_t timeout_ms, Claim claim,
                  Done<bool> done) override {
    revalidations.push_back({session, timeout_ms, claim, std::move(done)});
    if (prompt) loop_.post([this] { if (parts_) answer_revalidations(true); });
  }
  void touch(SessionId session, std::int32_t timeout_ms) override {
    if (parts_ && role_ == ServingRole::leader)
      parts_->state.touch(session, timeout_ms, parts_->self);
  }
  MonoTime confirmed() const override { return heard_.value_or(loop_.now()); }
  std::vector<PeerStatus> peers() const override { return others; }

 private:
  void on_durable(Zxid) override {}
  void on_failed(const Error& error) override { parts_->events.on_fatal(error); }
  void on_space(bool low, std::uint64_t bytes) override { parts_->events.on_space(low, bytes); }

  void apply(const LogEntry& entry) { parts_->state.apply(std::span(&entry, 1)); }

  template <class Record>
  LogEntry entry(SessionId session, std::int32_t cxid, Op op, const Record& record) {
    last_ = last_.next();
    std::string payload;
    append_jute(payload,
                records::TxnHeader{session.value, cxid, last_.value, 0, static_cast<std::int32_t>(op)},
                record);
    return {last_, SharedBytes(std::move(payload))};
  }

  /// What a leader makes of it: this server's own state, while it leads, and otherwise another's, who
  /// finds nothing to refuse.
  LogEntry entry_of(const Write& write) {
    if (role_ == ServingRole::leader) {
      last_ = last_.next();
      return parts_->state.prepare({write.session, write.cxid, static_cast<std::int32_t>(write.op),
                                    write.body, {}, write.client_address, false, write.owner},
                                   last_, loop_.wall_ms());
    }
    JuteIn in(write.body);
    if (write.op == Op::create_session) {
      records::CreateSessionTxn txn;
      in(txn);
      return entry(write.session, write.cxid, write.op, txn);
    }
    if (write.op == Op::close_session)
      return entry(write.session, write.cxid, write.op, records::CloseSessionTxn{});
    records::CreateRequest request;
    in(request);
    return entry(write.session, write.cxid, Op::create,
                 records::CreateTxn{request.path, request.data, request.acl, false, 1});
  }

  Loop& loop_;
  std::optional<BroadcastParts> parts_;
  ServingRole role_ = ServingRole::none;
  std::optional<MonoTime> heard_;
  Zxid last_ = Zxid::of({1}, 0);
};

/// Server 2 of three.
class MemberServer {
 public:
  explicit MemberServer(ServerSettings settings = defaults())
      : host({}, {}, {.loop = &loop}),
        transport(loop, std::make_shared<MemoryNetwork>()),
        store(host),
        broadcast(loop),
        ip(host),
        commands(make_commands()),
        metrics(make_metrics()),
        server(std::move(settings), {loop, host.fake_log, *metrics, *commands, store, broadcast,
                                     nullptr, nullptr, nullptr, nullptr, {&ip}, {},
                                     {{"client", &transport, "127.0.0.1", 2181}}}) {
    server.on_fatal([this](const Error& error) { fatal = error; });
    server.start([this](Result<void> outcome) { serving = outcome; });
    settle();
  }
  explicit MemberServer(ServingRole role, ServerSettings settings = defaults())
      : MemberServer(std::move(settings)) {
    broadcast.become(role);
    settle();
  }
  ~MemberServer() {
    transport.stop();
    broadcast.stop();
    store.stop();
  }

  static ServerSettings defaults() {
    auto settings = TestServer::defaults();
    settings.id = {2};
    settings.ensemble.emplace();
    settings.ensemble->config =
        "server.1=one:2888:3888:participant\nserver.2=two:2888:3888:participant\n"
        "server.3=three:2888:3888:participant\nversion=0";
    settings.ensemble->voters = 3;
    settings.ensemble->init_limit = 10;
    settings.ensemble->sync_limit = 5;
    settings.ensemble->quorum_port = 2888;
    settings.ensemble->election_port = 3888;
    return settings;
  }

  /// Less time than any limit of a test.
  void settle() { loop.run_for(std::chrono::milliseconds(1)); }
  std::string word(std::string_view four_letters) {
    TestClient client(loop, transport, TestClient::Greeting::none);
    client.word(four_letters);
    return client.text;
  }

  SimulatedLoop loop{1};
  FakeHost host;
  MemoryTransport transport;
  MemoryStore store;
  ScriptedBroadcast broadcast;
  IpAuthenticator ip;
  std::unique_ptr<Commands> commands;
  std::unique_ptr<Metrics> metrics;
  std::optional<Result<void>> serving;
  std::optional<Error> fatal;
  Server server;
};

}  // namespace vivarium::test
