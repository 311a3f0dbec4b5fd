// Where the time of requests goes: their stages, the slow ones and what is told of them.
#include "kernel/core/log_timeline.hpp"
#include "kernel/core/slow_requests.hpp"
#include "kernel/simulation/simulated_disk.hpp"
#include "tests/support/faulty_files.hpp"
#include "tests/support/member_server.hpp"
#include "tests/support/test_server.hpp"

#include <catch2/catch.hpp>

#include <map>
#include <optional>
#include <string>
#include <vector>

using namespace vivarium;
using namespace vivarium::test;
using namespace std::chrono_literals;

namespace {

std::string framed(std::int32_t xid, Op op, std::string_view body) {
  return to_jute(std::string_view(
      to_jute(records::RequestHeader{xid, static_cast<std::int32_t>(op)}) + std::string(body)));
}
std::string framed_set(std::int32_t xid, std::string_view path) {
  return framed(xid, Op::set_data, to_jute(records::SetDataRequest{path, "x", -1}));
}
std::string framed_get(std::int32_t xid, std::string_view path) {
  return framed(xid, Op::get_data, to_jute(records::PathWatchRequest{path, false}));
}

struct FileServer : TestServer {
  explicit FileServer(ServerSettings settings = defaults())
      : TestServer(std::move(settings), nullptr, 1,
                   [](SimulatedLoop& on) { return std::make_unique<FaultyFiles>(on, ""); }) {}
  FaultyFiles& files() { return static_cast<FaultyFiles&>(*storage); }
  SimulatedDisk& disk() { return files().disk; }
};

/// What `slow_requests` answers, read with plain hands.
struct Told {
  explicit Told(const Commands& commands) : value(commands.find("slow_requests")->run({})) {}
  const Value::List& list() const {
    return std::get<Value::List>(value.field("slow_requests")->content());
  }
  const Value& last() const { return list().back(); }
  /// The last one of an operation.
  const Value& last(std::string_view operation) const {
    for (auto one = list().rbegin(); one != list().rend(); ++one)
      if (std::get<std::string>(one->field("operation")->content()) == operation) return *one;
    throw std::runtime_error("no slow " + std::string(operation));
  }
  Value value;
};

std::int64_t number(const Value& value, std::string_view field) {
  return std::get<std::int64_t>(value.field(field)->content());
}
std::string text(const Value& value, std::string_view field) {
  return std::get<std::string>(value.field(field)->content());
}
bool is_null(const Value& value, std::string_view field) {
  return std::holds_alternative<std::monostate>(value.field(field)->content());
}

std::map<std::string, std::int64_t> stages(const Value& request) {
  std::map<std::string, std::int64_t> all;
  for (const auto& [name, us] : std::get<Value::Fields>(request.field("stages")->content()))
    all[name] = std::get<std::int64_t>(us.content());
  return all;
}
std::int64_t sum(const std::map<std::string, std::int64_t>& stages) {
  std::int64_t sum = 0;
  for (const auto& [name, us] : stages) sum += us;
  return sum;
}

double metric(const Metrics& metrics, std::string_view name) {
  for (const auto& sample : metrics.samples())
    if (sample.name == name) return sample.value;
  throw std::runtime_error("no metric " + std::string(name));
}
bool has_metric(const Metrics& metrics, std::string_view name) {
  const auto all = metrics.samples();
  return std::any_of(all.begin(), all.end(), [&](const auto& one) { return one.name == name; });
}

/// Commits when the test says so, all that is durable.
class LateQuorum final : public Broadcast, private LogStoreEvents {
 public:
  explicit LateQuorum(Loop& loop) : loop_(loop) {}
  void commit() {
    const auto entries = std::exchange(logged_, {});
    if (!entries.empty()) parts_->state.apply(entries);
  }
  void answer_syncs() {
    for (const auto& [session, cxid] : std::exchange(syncs_, {}))
      parts_->events.on_synced(session, cxid);
  }

  LogStoreEvents& log_events() override { return *this; }
  void run(const BroadcastParts& parts) override {
    parts_.emplace(parts);
    last_ = parts.state.last_applied();
    loop_.post([this] {
      parts_->events.on_role(ServingRole::leader, BroadcastEvents::Doubt::resolved);
    });
  }
  void submit(std::span<const Request> requests) override {
    std::vector<LogEntry> batch;
    for (const auto& request : requests) {
      last_ = last_.next();
      batch.push_back(parts_->state.prepare(request, last_, loop_.wall_ms()));
    }
    logged_.insert(logged_.end(), batch.begin(), batch.end());
    parts_->log.append(batch);
  }
  void withdraw(SessionId) override {}
  void sync(SessionId session, std::int32_t cxid) override { syncs_.emplace_back(session, cxid); }
  void revalidate(SessionId, std::int32_t, Claim, Done<bool> done) override {
    loop_.post([done] { done(true); });
  }
  void touch(SessionId, std::int32_t) override {}
  MonoTime confirmed() const override { return loop_.now(); }

  bool prompt = true;

 private:
  void on_durable(Zxid) override {
    if (prompt) commit();
  }
  void on_failed(const Error&) override {}
  void on_space(bool, std::uint64_t) override {}

  Loop& loop_;
  std::optional<BroadcastParts> parts_;
  Zxid last_;
  std::vector<LogEntry> logged_;
  std::vector<std::pair<SessionId, std::int32_t>> syncs_;
};

struct QuorumServer {
  QuorumServer()
      : server(TestServer::defaults(),
               {loop, host.fake_log, *metrics, *commands, store, broadcast, nullptr, nullptr, nullptr,
                nullptr, {&ip}, {}, {{"client", &transport, "127.0.0.1", 2181}}}) {
    server.start([](Result<void>) {});
    loop.run_for(1ms);
  }
  ~QuorumServer() {
    transport.stop();
    store.stop();
  }
  SimulatedLoop loop{1};
  FakeHost host{{}, {}, {.loop = &loop}};
  MemoryTransport transport{loop, std::make_shared<MemoryNetwork>()};
  MemoryStore store{host};
  LateQuorum broadcast{loop};
  IpAuthenticator ip{host};
  std::unique_ptr<Commands> commands = make_commands();
  std::unique_ptr<Metrics> metrics = make_metrics();
  Server server;
};

}  // namespace

// --- writes ---------------------------------------------------------------------------------------

TEST_CASE("a slow sync is the stage of a write that waited for it, and is named") {
  FileServer server;
  TestClient client(server);
  client.create("/a");
  server.disk().set_longest_operation(3s);
  const auto reply = client.set("/a", "x");
  const Told told(*server.commands);
  REQUIRE(told.list().size() == 1);
  const auto& slow = told.last();
  CHECK(text(slow, "operation") == "setData");
  CHECK(text(slow, "path") == "/a");
  CHECK(number(slow, "xid") == 2);
  CHECK(text(slow, "zxid") == "0x" + std::to_string(reply.zxid));
  CHECK(number(slow, "time_ms") == server.loop.wall_ms());
  const auto times = stages(slow);
  CHECK(times.size() == 6);
  CHECK(times.at("sync") > 1'000'000);
  CHECK(times.at("sync") == number(slow, "total_us"));  // Virtual time stands still in all others.
  CHECK(sum(times) == number(slow, "total_us"));
  const auto& sync = *slow.field("sync");
  CHECK(number(sync, "took_us") == times.at("sync"));
  CHECK(number(sync, "waited_us") == times.at("sync"));
  CHECK(number(sync, "transactions") == 1);
  CHECK(number(sync, "bytes") > 60);
  CHECK(text(sync, "first_zxid") == text(slow, "zxid"));
  CHECK(text(sync, "last_zxid") == text(slow, "zxid"));
  CHECK(text(sync, "file").starts_with("/data/version-2/log."));
  CHECK(server.host.fake_log.count("slow request: ") == 1);
  CHECK(server.host.fake_log.contains("most of it sync: setData path=\"/a\" session=0x"));
  CHECK(server.host.fake_log.contains(" transactions, 0x3 to 0x3, "));
}

TEST_CASE("a write that came while a slow sync was under way names that one, not its own") {
  FileServer server;
  TestClient client(server);
  client.create("/a");
  server.disk().set_longest_operation(10s);
  client.raw(framed_set(10, "/a"));
  client.settle();
  server.disk().set_longest_operation(10us);
  client.raw(framed_set(11, "/a"));
  client.wait_for(10);
  client.wait_for(11);
  const Told told(*server.commands);
  REQUIRE(told.list().size() == 2);
  const auto& first = told.list().front();
  const auto& second = told.last();
  CHECK(number(second, "xid") == 11);
  const auto& sync = *second.field("sync");
  CHECK(text(sync, "last_zxid") == text(first, "zxid"));
  CHECK(text(sync, "last_zxid") != text(second, "zxid"));
  CHECK(number(sync, "waited_us") <= stages(second).at("sync"));
  CHECK(number(sync, "waited_us") > 1'000'000);
  CHECK(number(sync, "waited_us") < number(sync, "took_us"));
}

TEST_CASE("a sync is told of with the durable that a decorator of the store holds back") {
  FileServer server;
  TestClient client(server);
  client.create("/a");
  server.files().set_faults("delay durable 2s");
  client.set("/a", "x");
  const Told told(*server.commands);
  const auto& slow = told.last();
  CHECK(stages(slow).at("sync") >= 2'000'000);
  CHECK(number(*slow.field("sync"), "took_us") < 100'000);
  CHECK(text(*slow.field("sync"), "first_zxid") == text(slow, "zxid"));
}

TEST_CASE("a slow quorum is the stage of a write and of a sync, and no disk is blamed") {
  QuorumServer server;
  TestClient client(server.loop, server.transport);
  client.create("/a");
  server.broadcast.prompt = false;
  client.raw(framed_set(10, "/a"));
  client.settle();
  server.loop.run_for(2s);
  server.broadcast.commit();
  client.wait_for(10);
  const Told write(*server.commands);
  CHECK(stages(write.last()).at("quorum") >= 2'000'000);
  CHECK(stages(write.last()).at("quorum") == number(write.last(), "total_us"));
  CHECK(is_null(write.last(), "sync"));
  CHECK(server.host.fake_log.contains("most of it quorum: setData path=\"/a\""));

  client.raw(framed(11, Op::sync, to_jute(records::PathRequest{"/a"})));
  server.loop.run_for(3s);
  server.broadcast.answer_syncs();
  client.wait_for(11);
  const Told sync(*server.commands);
  CHECK(text(sync.last(), "operation") == "sync");
  CHECK(text(sync.last(), "path") == "/a");
  CHECK(stages(sync.last()).at("quorum") == number(sync.last(), "total_us"));
  CHECK(stages(sync.last()).size() == 3);
}

TEST_CASE("what a full server makes a request wait is the stage queued") {
  auto settings = TestServer::defaults();
  settings.outstanding_limit = 1;
  FileServer server(settings);
  TestClient client(server);
  client.create("/a");
  server.files().set_faults("delay durable 2s");
  client.raw(framed_set(10, "/a") + framed_set(11, "/a"));
  client.wait_for(10);
  client.wait_for(11);
  const Told told(*server.commands);
  REQUIRE(told.list().size() == 2);
  CHECK(stages(told.list().front()).at("queued") == 0);
  const auto times = stages(told.last());
  CHECK(times.at("queued") >= 2'000'000);
  CHECK(times.at("sync") >= 2'000'000);
  CHECK(sum(times) == number(told.last(), "total_us"));
}

TEST_CASE("a reply that an election holds back is the stage reply") {
  MemberServer server(ServingRole::follower);
  TestClient client(server.loop, server.transport);
  server.broadcast.prompt = false;
  client.send(Op::create, to_jute(records::CreateRequest{"/a", "", TestClient::open_acl(), 0}));
  server.settle();
  server.broadcast.become(ServingRole::none);
  server.broadcast.apply_next();
  server.loop.run_for(2s);
  server.broadcast.become(ServingRole::follower);
  server.broadcast.answer_revalidations(true);
  CHECK(client.next_reply().err == WireError::ok);
  const Told told(*server.commands);
  REQUIRE(told.list().size() == 1);
  CHECK(text(told.last(), "operation") == "create");
  CHECK(text(told.last(), "path") == "/a");
  CHECK(stages(told.last()).at("reply") == 2'000'000);
}

// --- reads ----------------------------------------------------------------------------------------

TEST_CASE("a read behind a slow write tells that it waited for its turn") {
  FileServer server;
  TestClient client(server);
  client.create("/a");
  server.files().set_faults("delay durable 2s");
  client.raw(framed_set(10, "/a") + framed_get(11, "/a"));
  client.wait_for(10);
  client.wait_for(11);
  const Told told(*server.commands);
  const auto& slow = told.last("getData");
  CHECK(text(slow, "path") == "/a");
  const auto times = stages(slow);
  CHECK(times.size() == 3);
  CHECK(times.at("behind") == number(slow, "total_us"));
  CHECK(is_null(slow, "sync"));
  CHECK(server.host.fake_log.contains("most of it behind: getData path=\"/a\""));
}

TEST_CASE("pings are not told of, whatever they waited for") {
  FileServer server;
  TestClient client(server);
  client.create("/a");
  server.files().set_faults("delay durable 2s");
  client.raw(framed_set(10, "/a"));
  client.send(Op::ping, {});
  client.wait_for(10);
  client.wait_for(kXidPing);
  CHECK(Told(*server.commands).list().size() == 1);
}

// --- what is counted ------------------------------------------------------------------------------

TEST_CASE("every read and write counts in each of its stages") {
  FileServer server;
  TestClient client(server);
  client.create("/a");
  client.raw(framed_set(10, "/a") + framed_set(11, "/a") + framed_get(12, "/a") + framed_get(13, "/a"));
  for (const auto xid : {10, 11, 12, 13}) client.wait_for(xid);
  client.get("/a");
  for (const auto* name : {"queued", "proposal", "sync", "quorum", "apply", "reply"})
    CHECK(metric(*server.metrics, "cnt_write_" + std::string(name) + "_us") == 4);  // The session is one.
  for (const auto* name : {"queued", "behind", "reply"})
    CHECK(metric(*server.metrics, "cnt_read_" + std::string(name) + "_us") == 3);
  CHECK(metric(*server.metrics, "sum_write_sync_us") > 0);
  CHECK(metric(*server.metrics, "sum_read_behind_us") > 0);
  CHECK(metric(*server.metrics, "sum_write_quorum_us") == 0);
  CHECK(metric(*server.metrics, "cnt_updatelatency") == 4);
  CHECK(metric(*server.metrics, "cnt_readlatency") == 3);
  CHECK_FALSE(has_metric(*server.metrics, "cnt_read_sync_us"));
  CHECK(metric(*server.metrics, "slow_requests_count") == 0);
}

TEST_CASE("ZooKeeper's metrics of the log count transactions and syncs") {
  FileServer server;
  TestClient client(server);
  client.create("/a");
  client.raw(framed_set(10, "/a") + framed_set(11, "/a") + framed_set(12, "/none"));
  for (const auto xid : {10, 11, 12}) client.wait_for(xid);
  CHECK(metric(*server.metrics, "cnt_sync_processor_batch_size") == 3);
  CHECK(metric(*server.metrics, "max_sync_processor_batch_size") == 3);
  CHECK(metric(*server.metrics, "cnt_log_sync_us") == 3);
  CHECK(metric(*server.metrics, "cnt_sync_processor_queue_time_ms") == 5);
  CHECK(metric(*server.metrics, "cnt_sync_processor_queue_and_flush_time_ms") == 5);
  CHECK(metric(*server.metrics, "cnt_write_commitproc_time_ms") == 5);
  CHECK(metric(*server.metrics, "cnt_local_write_committed_time_ms") == 5);
  CHECK(metric(*server.metrics, "cnt_propagation_latency") == 5);
  CHECK(metric(*server.metrics, "cnt_read_commitproc_time_ms") == 0);
}

TEST_CASE("ZooKeeper's metrics of its queues tell how requests go through together") {
  FileServer server;
  TestClient client(server);
  client.create("/a");
  const auto of = [&](std::string_view name) { return metric(*server.metrics, name); };
  server.commands->find_word("srst")->run({});
  client.raw(framed_set(10, "/a") + framed_set(11, "/a") + framed_get(12, "/a") + framed_get(13, "/a") +
             framed_set(14, "/none"));
  for (const auto xid : {10, 11, 12, 13, 14}) client.wait_for(xid);
  for (const auto* name : {"prep_processor_request_queued", "sync_processor_request_queued",
                           "cnt_prep_process_time", "cnt_prep_processor_queue_time_ms", "sum_prep_processor_queue_size",
                           "sum_write_commit_proc_issued", "sum_write_commit_proc_req_queued",
                           "cnt_write_final_proc_time_ms"}) {
    CAPTURE(name);
    CHECK(of(name) == 3);
  }
  for (const auto* name : {"outstanding_changes_queued", "outstanding_changes_removed",
                           "sum_read_commit_proc_req_queued", "cnt_read_final_proc_time_ms",
                           "max_reads_after_write_in_session_queue", "sum_reads_issued_from_session_queue"}) {
    CAPTURE(name);
    CHECK(of(name) == 2);
  }
  for (const auto* name : {"cnt_sync_process_time", "cnt_commit_process_time", "sum_session_queues_drained",
                           "sum_pending_session_queue_size", "cnt_sync_processor_queue_size"}) {
    CAPTURE(name);
    CHECK(of(name) == 1);
  }
  CHECK(of("cnt_request_throttle_queue_time_ms") == 5);
  CHECK(of("sum_requests_in_session_queue") == 0);
  // There is no leader, and nobody else's write.
  for (const auto* name : {"request_commit_queued", "cnt_proposal_latency", "cnt_proposal_ack_creation_latency",
                           "cnt_commit_propagation_latency", "cnt_server_write_committed_time_ms",
                           "cnt_learner_request_processor_queue_size", "request_throttle_wait_count"}) {
    CAPTURE(name);
    CHECK(of(name) == 0);
  }
  client.call(Op::close_session);
  CHECK(of("cnt_close_session_prep_time") == 1);
}

TEST_CASE("without stages nothing is timed but what ZooKeeper's clients wait") {
  auto settings = TestServer::defaults();
  settings.stages = false;
  FileServer server(settings);
  TestClient client(server);
  client.create("/a");
  server.files().set_faults("delay durable 2s");
  client.set("/a", "x");
  CHECK(metric(*server.metrics, "max_updatelatency") >= 2'000);
  CHECK_FALSE(has_metric(*server.metrics, "cnt_write_sync_us"));
  CHECK(Told(*server.commands).list().empty());
  CHECK_FALSE(server.host.fake_log.contains("slow request"));
}

TEST_CASE("a threshold of 0 tells of no request, and the stages are timed") {
  auto settings = TestServer::defaults();
  settings.slow_request_ms = 0;
  FileServer server(settings);
  TestClient client(server);
  server.files().set_faults("delay durable 2s");
  client.create("/a");
  CHECK(Told(*server.commands).list().empty());
  CHECK_FALSE(server.host.fake_log.contains("slow request"));
  CHECK(metric(*server.metrics, "max_write_sync_us") >= 2'000'000);
}

// --- what is told ---------------------------------------------------------------------------------

TEST_CASE("a path shows where everybody may read the node, and there alone") {
  FileServer server;
  TestClient client(server);
  client.authenticate("digest", "u:secret");
  client.create("/open");
  client.create("/closed", "", CreateFlag::persistent, {{perms::kAll, "auth", ""}});
  server.files().set_faults("delay durable 2s");
  client.set("/open", "x");
  client.set("/closed", "x");
  const Told told(*server.commands);
  REQUIRE(told.list().size() == 2);
  CHECK(text(told.list().front(), "path") == "/open");
  CHECK(is_null(told.last(), "path"));
  CHECK(server.host.fake_log.contains("setData path=\"/closed\""));  // The log is the operator's.
  client.remove("/open");
  CHECK(is_null(Told(*server.commands).list().front(), "path"));  // Nobody can tell any more.
}

TEST_CASE("a path cannot say what is not so") {
  SlowRequest request;
  request.kind = RequestKind::read;
  request.op = Op::get_data;
  request.path = "/a\" session=0x1 \\";
  CHECK(line_of(request).find(R"( path="/a\" session=0x1 \\" session=0x0 )") != std::string::npos);
  request.path.clear();
  CHECK(line_of(request).find("path=") == std::string::npos);
}

TEST_CASE("a long path is cut, and not shown to those whose rights cannot be asked for") {
  FileServer server;
  TestClient client(server);
  const auto path = "/" + std::string(600, 'p');
  client.create(path);
  server.files().set_faults("delay durable 2s");
  client.set(path, "x");
  CHECK(is_null(Told(*server.commands).last(), "path"));
  CHECK(server.host.fake_log.contains("path=\"" + path.substr(0, SlowRequests::kPathBytesMax) + "\"... "));
}

TEST_CASE("of many slow requests a few get a line, the rest a number, and a hundred are kept") {
  SimulatedLoop loop(1);
  FakeLog log;
  SlowRequests slow(loop, log, 1s);
  CHECK(slow.are_slow(1s));
  CHECK_FALSE(slow.are_slow(999'999us));
  for (std::int32_t xid = 0; xid < 150; ++xid) {
    SlowRequest request;
    request.xid = xid;
    slow.note(request);
  }
  CHECK(log.lines.size() == 10);
  CHECK(slow.kept().size() == 100);
  CHECK(slow.kept().front().xid == 50);
  loop.run_for(11s);
  REQUIRE(log.lines.size() == 11);
  CHECK(log.lines.back().text.starts_with("140 more requests were slow in 10 s"));
  slow.note({});
  CHECK(log.lines.size() == 12);
  loop.run_for(11s);
  CHECK(log.lines.size() == 12);
}

// --- the log's times ------------------------------------------------------------------------------

namespace {

std::vector<LogEntry> entries(std::int64_t from, std::int64_t to) {
  std::vector<LogEntry> all;
  for (auto zxid = from; zxid <= to; ++zxid) all.push_back({Zxid{zxid}, SharedBytes(std::string("x"))});
  return all;
}

}  // namespace

TEST_CASE("the log's times are those of the append and of the durable that a zxid was in") {
  SimulatedLoop loop(1);
  ServerStats stats;
  LogTimeline timeline(loop, stats);
  timeline.on_append(entries(1, 3), 10us);
  timeline.on_append(entries(4, 4), 20us);
  timeline.on_durable(Zxid{3}, 30us);
  CHECK(timeline.appended(Zxid{2}) == MonoTime(10us));
  CHECK(timeline.appended(Zxid{4}) == MonoTime(20us));
  CHECK(timeline.appended(Zxid{5}) == std::nullopt);
  CHECK(timeline.durable(Zxid{3}) == MonoTime(30us));
  CHECK(timeline.durable(Zxid{4}) == std::nullopt);
  CHECK(stats.logged_us.count() == 3);
  CHECK(stats.logged_us.sum() == 60);
  CHECK(stats.log_queue_us.count() == 0);  // No sync was told of.
  timeline.on_applying(Zxid{3});
  CHECK(timeline.appended(Zxid{3}) == MonoTime(10us));
  CHECK(timeline.durable(Zxid{3}) == MonoTime(30us));
  timeline.on_applying(Zxid{4});
  CHECK(timeline.durable(Zxid{4}) == std::nullopt);
  CHECK(timeline.appended(Zxid{4}) == MonoTime(20us));
  timeline.on_durable(Zxid{4}, 50us);
  CHECK(timeline.durable(Zxid{4}) == MonoTime(50us));
}

TEST_CASE("what was cut off the history is forgotten when its zxids come again") {
  SimulatedLoop loop(1);
  ServerStats stats;
  LogTimeline timeline(loop, stats);
  timeline.on_append(entries(1, 2), 10us);
  timeline.on_append(entries(3, 9), 20us);
  timeline.on_durable(Zxid{9}, 30us);
  timeline.on_append(entries(3, 4), 70us);
  CHECK(timeline.appended(Zxid{2}) == MonoTime(10us));
  CHECK(timeline.appended(Zxid{3}) == MonoTime(70us));
  CHECK(timeline.durable(Zxid{3}) == std::nullopt);
}

TEST_CASE("a learner's metrics count from when the leader made a transaction") {
  SimulatedLoop loop(1);
  ServerStats stats;
  LogTimeline timeline(loop, stats);
  const auto made_ago = [&](std::int64_t zxid, std::int64_t ms) {
    return LogEntry{Zxid{zxid}, SharedBytes(to_jute(records::TxnHeader{1, 1, zxid, loop.wall_ms() - ms, 5}))};
  };
  const auto& batches = stats.batches;
  timeline.set_role(ServingRole::follower);
  timeline.on_append(std::vector{made_ago(1, 17), made_ago(2, 7)}, 10us);
  CHECK(batches.arrived_ms.count() == 2);
  CHECK(batches.arrived_ms.max() == 7);
  loop.run_for(2ms);
  timeline.on_durable(Zxid{2}, 20us);
  CHECK(batches.durable_ms.count() == 2);
  CHECK(batches.durable_ms.max() == 9);
  CHECK(batches.prepare_us.count() == 0);
  timeline.set_role(ServingRole::leader);
  timeline.on_prepare(30us);
  timeline.on_append(std::vector{made_ago(3, 0), made_ago(4, 0)}, 38us);
  CHECK(batches.arrived_ms.count() == 2);
  CHECK(batches.prepare_us.count() == 2);
  CHECK(batches.prepare_us.sum() == 8);
  CHECK(batches.not_durable.sum() == 0);
  timeline.on_append(std::vector{made_ago(5, 0)}, 40us);
  CHECK(batches.not_durable.max() == 2);
}

TEST_CASE("what was cut off the log never becomes durable") {
  SimulatedLoop loop(1);
  ServerStats stats;
  LogTimeline timeline(loop, stats);
  timeline.on_append(entries(1, 5), 10us);
  timeline.on_append(entries(6, 9), 20us);
  timeline.on_truncate(Zxid{5});
  timeline.on_append(entries(100, 101), 30us);
  timeline.on_durable(Zxid{101}, 40us);
  CHECK(stats.logged_us.count() == 7);
  CHECK(stats.batches.not_durable.max() == 5);
}

TEST_CASE("of many syncs the last ones are known") {
  SimulatedLoop loop(1);
  ServerStats stats;
  LogTimeline timeline(loop, stats);
  for (std::int64_t i = 1; i <= 200; ++i) {
    LogSync sync{Zxid{i}, Zxid{i}, 1, 100, MonoTime(i * 1ms), MonoTime(i * 1ms + 900us), {}};
    const auto file = "log." + std::to_string(i);
    sync.file = file;
    timeline.on_sync(sync);
    timeline.on_durable(Zxid{i}, sync.ended);
  }
  const auto known = timeline.awaited(199ms + 500us, 200ms + 900us);
  REQUIRE(known);
  CHECK(known->file == "log.200");
  CHECK(known->took_us == 900);
  CHECK(known->waited_us == 900);
  CHECK_FALSE(timeline.awaited(1ms, 2ms));
  CHECK(stats.sync_us.count() == 200);
}
