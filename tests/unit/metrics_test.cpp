// The registry of metrics, and the metrics of a server.
#include "kernel/core/metric_catalog.hpp"
#include "kernel/core/namespaces.hpp"
#include "tests/support/test_server.hpp"

#include <catch2/catch.hpp>

#include <map>

using namespace vivarium;
using namespace vivarium::test;

namespace {

using Shown = std::vector<std::pair<std::string, double>>;

Shown shown(const Metrics& metrics) {
  Shown all;
  for (const auto& sample : metrics.samples()) all.emplace_back(sample.name, sample.value);
  return all;
}

Metrics::Sample sample(const Metrics& metrics, std::string_view name) {
  for (const auto& sample : metrics.samples())
    if (sample.name == name) return sample;
  FAIL("no metric " << name);
  return {};
}

std::vector<std::string> names(const Metrics& metrics) {
  std::vector<std::string> all;
  for (const auto& sample : metrics.samples()) all.push_back(sample.name);
  return all;
}

double value(const TestServer& server, std::string_view name) {
  return sample(*server.metrics, name).value;
}

}  // namespace

TEST_CASE("a counter shows its value under its name") {
  const auto metrics = make_metrics({});
  Counter counter;
  const auto handle = metrics->add("watch_bytes", counter);
  CHECK(shown(*metrics) == Shown{{"watch_bytes", 0}});
  counter.add(7);
  CHECK(shown(*metrics) == Shown{{"watch_bytes", 7}});
  CHECK(sample(*metrics, "watch_bytes").integral);
}

TEST_CASE("a summary shows average, least, greatest, count and sum") {
  const auto metrics = make_metrics({});
  Summary summary;
  const auto handle = metrics->add("fsynctime", summary, SummaryDetail::plain);
  for (const auto ms : {1, 2, 2}) summary.record(ms);
  CHECK(shown(*metrics) == Shown{{"avg_fsynctime", 1.6667},
                                 {"min_fsynctime", 1},
                                 {"max_fsynctime", 2},
                                 {"cnt_fsynctime", 3},
                                 {"sum_fsynctime", 5}});
  CHECK_FALSE(sample(*metrics, "avg_fsynctime").integral);
  CHECK(sample(*metrics, "cnt_fsynctime").integral);
}

TEST_CASE("a summary with percentiles shows four of them besides") {
  const auto metrics = make_metrics({});
  Summary summary;
  const auto handle = metrics->add("readlatency", summary, SummaryDetail::percentiles);
  for (int ms = 0; ms < 3; ++ms) summary.record(ms);
  const auto all = shown(*metrics);
  REQUIRE(all.size() == 9);
  CHECK(all[5] == std::pair<std::string, double>("p50_readlatency", 1));
  CHECK(all[6] == std::pair<std::string, double>("p95_readlatency", 2));
  CHECK(all[7].first == "p99_readlatency");
  CHECK(all[8].first == "p999_readlatency");
}

TEST_CASE("what is recorded many times at once counts as often") {
  Summary once, often;
  for (int i = 0; i < 3; ++i) once.record(700);
  often.record(700, 3);
  for (auto* summary : {&once, &often}) summary->record(5);
  CHECK(often.count() == once.count());
  CHECK(often.sum() == 2105);
  CHECK(often.percentile(0.5) == once.percentile(0.5));
}

TEST_CASE("a histogram counts exactly below powers of two") {
  Summary summary;
  CHECK(summary.count_below(1024) == 0);
  for (const auto us : {0, 15, 16, 1023, 1024, 1025}) summary.record(us);
  CHECK(summary.count_below(16) == 2);
  CHECK(summary.count_below(32) == 3);
  CHECK(summary.count_below(1024) == 4);
  CHECK(summary.count_below(2048) == 6);
}

TEST_CASE("a histogram shows as percentiles, and to those who know kinds with its buckets") {
  const auto metrics = make_metrics({});
  Summary summary;
  const auto handle = metrics->add("write_sync_us", summary, SummaryDetail::histogram);
  for (const auto us : {3, 1023, 1024}) summary.record(us);
  CHECK(shown(*metrics).size() == 9);
  const auto families = metrics->families();
  REQUIRE(families.size() == 1);
  const auto& family = families.front();
  CHECK(family.kind == Metrics::Kind::histogram);
  CHECK(family.count == 3);
  CHECK(family.value == 2050);
  CHECK(family.buckets.front() == std::pair<double, std::int64_t>(15, 1));
  CHECK(family.buckets[6] == std::pair<double, std::int64_t>(1023, 2));
  CHECK(family.buckets.back() == std::pair<double, std::int64_t>((1 << 26) - 1, 3));
}

TEST_CASE("a gauge is whole when its value is, but an average never") {
  const auto metrics = make_metrics({});
  double now = 3;
  const auto gauge = metrics->add("load", [&now] { return now; });
  const auto average = metrics->add("avg_load", [&now] { return now; });
  CHECK(sample(*metrics, "load").integral);
  CHECK_FALSE(sample(*metrics, "avg_load").integral);
  now = 2.5;
  CHECK_FALSE(sample(*metrics, "load").integral);
  now = std::numeric_limits<double>::infinity();
  CHECK_FALSE(sample(*metrics, "load").integral);
}

TEST_CASE("metrics show in the order of their registration while their handles live") {
  const auto metrics = make_metrics({});
  Counter a, b, c;
  const auto first = metrics->add("c", c);
  auto second = metrics->add("a", a);
  const auto third = metrics->add("b", b);
  CHECK(shown(*metrics) == Shown{{"c", 0}, {"a", 0}, {"b", 0}});
  second.reset();
  CHECK(shown(*metrics) == Shown{{"c", 0}, {"b", 0}});
}

TEST_CASE("what is known is shown as if nothing had happened, until it is registered") {
  using enum KnownMetric::Shape;
  using enum KnownMetric::Shown;
  const KnownMetric known[] = {{"diff_count", counter, always, ""},
                               {"drop_probability", fraction, always, ""},
                               {"election_time", summary, always, ""},
                               {"learners", gauge, when_registered, ""},
                               {"proposal_latency", percentiles, always, ""}};
  const auto metrics = make_metrics(known);
  CHECK(shown(*metrics) == Shown{{"diff_count", 0},
                                 {"drop_probability", 0},
                                 {"avg_election_time", 0},
                                 {"min_election_time", 0},
                                 {"max_election_time", 0},
                                 {"cnt_election_time", 0},
                                 {"sum_election_time", 0},
                                 {"avg_proposal_latency", 0},
                                 {"min_proposal_latency", 0},
                                 {"max_proposal_latency", 0},
                                 {"cnt_proposal_latency", 0},
                                 {"sum_proposal_latency", 0},
                                 {"p50_proposal_latency", 0},
                                 {"p95_proposal_latency", 0},
                                 {"p99_proposal_latency", 0},
                                 {"p999_proposal_latency", 0}});
  Counter diffs;
  diffs.add(3);
  const auto handle = metrics->add("diff_count", diffs);
  CHECK(shown(*metrics).front() == std::pair<std::string, double>("diff_count", 3));
  CHECK(metrics->samples().size() == 16);
  CHECK(metrics->families().size() == 4);
  CHECK(metrics->families()[0].value == 3);
}

TEST_CASE("those of a set show their keys in front, and stand together for who knows kinds") {
  const auto metrics = make_metrics({});
  Summary first, second;
  Counter between;
  const auto one = metrics->add({"ack_latency", "1"}, first, SummaryDetail::plain);
  const auto two = metrics->add("between", between);
  const auto three = metrics->add({"ack_latency", "2"}, second, SummaryDetail::plain);
  const auto limits = metrics->add_set("limit_per_namespace", [] {
    return std::vector<std::pair<std::string, double>>{{"a", 4}, {"b", 5}};
  });
  second.record(7);
  CHECK(names(*metrics) ==
        std::vector<std::string>{"avg_1_ack_latency", "min_1_ack_latency", "max_1_ack_latency",
                                 "cnt_1_ack_latency", "sum_1_ack_latency", "between",
                                 "avg_2_ack_latency", "min_2_ack_latency", "max_2_ack_latency",
                                 "cnt_2_ack_latency", "sum_2_ack_latency", "a_limit_per_namespace",
                                 "b_limit_per_namespace"});
  CHECK(sample(*metrics, "sum_2_ack_latency").value == 7);
  std::vector<std::pair<std::string, std::string>> families;
  for (const auto& family : metrics->families()) families.emplace_back(family.name, family.key);
  CHECK(families == std::vector<std::pair<std::string, std::string>>{{"ack_latency", "1"},
                                                                     {"ack_latency", "2"},
                                                                     {"between", ""},
                                                                     {"limit_per_namespace", "a"},
                                                                     {"limit_per_namespace", "b"}});
}

TEST_CASE("a reset lets counters and summaries begin anew, whoever has them") {
  const auto metrics = make_metrics({});
  Counter counter;
  Summary summary;
  const auto one = metrics->add("counter", counter);
  const auto two = metrics->add("summary", summary, SummaryDetail::plain);
  const auto three = metrics->add("gauge", [] { return 4.0; });
  counter.add(2);
  summary.record(3);
  metrics->reset();
  CHECK(sample(*metrics, "counter").value == 0);
  CHECK(sample(*metrics, "cnt_summary").value == 0);
  CHECK(sample(*metrics, "gauge").value == 4);
}

TEST_CASE("all that a server shows is explained, and is of the kind that its explanation says") {
  using Kind = Metrics::Kind;
  using Shape = KnownMetric::Shape;
  TestServer server;
  for (const auto& family : server.metrics->families()) {
    CAPTURE(family.name);
    const auto* const known = find_known_metric(family.name);
    REQUIRE(known);
    CHECK(family.help == known->help);
    CHECK(known->help.ends_with('.'));
    const bool plain = known->shape == Shape::summary;
    switch (family.kind) {
      case Kind::counter: CHECK(known->shape == Shape::counter); break;
      case Kind::gauge: CHECK((known->shape == Shape::gauge || known->shape == Shape::fraction)); break;
      case Kind::histogram: CHECK(known->shape == Shape::histogram); break;
      case Kind::summary:
        CHECK((plain || known->shape == Shape::percentiles));
        CHECK((plain ? family.quantiles.size() <= 1 : family.quantiles.size() == 4));
    }
  }
  CHECK_FALSE(find_known_metric("nonsense"));
  CHECK_FALSE(sample(*server.metrics, "connection_drop_probability").integral);
}

TEST_CASE("a server without clients shows what a fresh ZooKeeper shows") {
  TestServer server;
  CHECK(value(server, "znode_count") == 5);
  CHECK(value(server, "approximate_data_size") == 44);
  CHECK(value(server, "num_alive_connections") == 0);
  CHECK(value(server, "global_sessions") == 0);
  CHECK(value(server, "last_client_response_size") == -1);
  CHECK_FALSE(sample(*server.metrics, "avg_latency").integral);
}

TEST_CASE("a server counts znodes, ephemerals, sessions, watches and packets") {
  TestServer server;
  TestClient first(server), second(server);
  first.create("/a", "hello");
  first.create("/e1", "x", CreateFlag::ephemeral);
  first.create("/e2", "x", CreateFlag::ephemeral);
  first.exists("/a", true);
  first.children("/", true);
  second.get("/a", true);
  CHECK(value(server, "znode_count") == 8);
  CHECK(value(server, "approximate_data_size") == 44 + 7 + 4 + 4);
  CHECK(value(server, "ephemerals_count") == 2);
  CHECK(value(server, "global_sessions") == 2);
  CHECK(value(server, "num_alive_connections") == 2);
  CHECK(value(server, "watch_count") == 3);
  CHECK(value(server, "packets_received") == 8);
  CHECK(value(server, "packets_sent") == 8);
  CHECK(value(server, "outstanding_requests") == 0);
  CHECK(value(server, "cnt_updatelatency") == 5);  // Two beginnings of sessions among them.
  CHECK(value(server, "cnt_readlatency") == 3);
  first.set("/a", "again");
  CHECK(value(server, "sum_node_changed_watch_count") == 2);
}

TEST_CASE("uptime runs with the clock of the loop") {
  TestServer server;
  const auto before = value(server, "uptime");
  server.loop.run_for(std::chrono::milliseconds(1500));
  CHECK(value(server, "uptime") == before + 1500);
}

TEST_CASE("latencies show in milliseconds, with a fraction in their average alone") {
  TestServer server;
  const auto all = server.metrics->samples();
  for (const auto* name : {"readlatency", "updatelatency"})
    for (const auto* prefix : {"avg_", "min_", "max_", "cnt_", "sum_", "p50_", "p95_", "p99_", "p999_"}) {
      const auto full = prefix + std::string(name);
      CHECK(sample(*server.metrics, full).integral == (full[0] != 'a'));
    }
}

TEST_CASE("no metric has the name of another") {
  TestServer server;
  auto all = shown(*server.metrics);
  std::sort(all.begin(), all.end());
  const auto twice = std::adjacent_find(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return a.first == b.first;
  });
  CHECK(twice == all.end());
}

// --- by namespace ---------------------------------------------------------------------------------

TEST_CASE("what is read and written is counted by the child of the root that it is below") {
  TestServer server;
  TestClient client(server);
  client.create("/a", "12345");
  client.create("/a/b", "1");
  client.set("/a", "123");
  client.get("/a");
  client.exists("/a/b", false);
  client.children("/a", false);
  client.children("/", false);
  client.get("/none");
  client.remove("/a/b");
  const auto metric = [&](std::string_view name) { return value(server, name); };
  CHECK(metric("cnt_a_write_per_namespace") == 4);
  CHECK(metric("sum_a_write_per_namespace") == (2 + 5) + (4 + 1) + (2 + 3) + 4);
  CHECK(metric("min_a_write_per_namespace") == 4);
  CHECK(metric("max_a_write_per_namespace") == 7);
  CHECK(metric("cnt_a_read_per_namespace") == 3);
  CHECK(metric("sum_a_read_per_namespace") == (2 + 3 + 68) + (4 + 68) + (2 + 1 + 68));
  for (const auto& name : names(*server.metrics)) CHECK(name.find("none_") == std::string::npos);
}

TEST_CASE("a multi, and the end of a session, write in each namespace") {
  TestServer server;
  TestClient client(server);
  client.create("/a");
  {
    TestClient other(server);
    other.create("/e", "12", CreateFlag::ephemeral);
    other.call(Op::close_session);
  }
  CHECK(value(server, "cnt_e_write_per_namespace") == 2);
  CHECK(value(server, "sum_e_write_per_namespace") == (2 + 2) + 2);
}

TEST_CASE("a namespace is told from one with a like name, however long it and the path are") {
  const auto metrics = make_metrics({});
  Namespaces namespaces(*metrics);
  const std::string names[] = {"a", "ab", "fourteen_bytes", "fourteen_bytesX", std::string(300, 'n')};
  std::map<std::string, double> wanted;
  for (int round = 0; round < 2; ++round)
    for (const auto& name : names)
      for (const auto* below : {"", "/b", "/b", "/a_longer_name_below/and_another"}) {
        const auto path = "/" + name + below;
        namespaces.note_write(path, 1);
        wanted[name] += static_cast<double>(path.size()) + 1;
      }
  namespaces.note_write("/", 100);
  namespaces.note_write("", 100);
  for (const auto& name : names)
    CHECK(sample(*metrics, "sum_" + name + "_write_per_namespace").value == wanted[name]);
  CHECK(metrics->families().size() == std::size(names));
}

TEST_CASE("of many namespaces the first ones are counted") {
  TestServer server;
  TestClient client(server);
  for (std::size_t i = 0; i < kNamespacesMax + 5; ++i) client.create("/n" + std::to_string(i));
  client.set("/n3", "x");
  std::size_t counted = 0;
  for (const auto& name : names(*server.metrics))
    if (name.starts_with("cnt_") && name.ends_with("_write_per_namespace")) ++counted;
  CHECK(counted == kNamespacesMax);
  CHECK(value(server, "cnt_n3_write_per_namespace") == 2);
}

TEST_CASE("quotas show what they allow and what is there, and whom they refused") {
  auto settings = TestServer::defaults();
  settings.enforce_quota = true;
  TestServer server(settings);
  TestClient client(server);
  client.create("/q", "1234");
  for (const auto* path : {"/q/x", "/zookeeper/quota/q", "/zookeeper/quota/q/x"}) client.create(path);
  client.create("/zookeeper/quota/q/zookeeper_limits",
                "count=7,bytes=20=;byteHardLimit=10;countHardLimit=-1");
  client.create("/zookeeper/quota/q/zookeeper_stats", "");
  client.create("/zookeeper/quota/q/x/zookeeper_limits", "count=5,bytes=-1");
  client.create("/zookeeper/quota/q/x/zookeeper_stats", "");
  const auto metric = [&](std::string_view name) { return value(server, name); };
  CHECK(metric("q_quota_count_limit_per_namespace") == 7 + 5);
  CHECK(metric("q_quota_bytes_limit_per_namespace") == 10 - 1);
  CHECK(metric("q_quota_count_usage_per_namespace") == 2 + 1);
  CHECK(metric("q_quota_bytes_usage_per_namespace") == 4);
  CHECK(client.set("/q", "12345678901").err == WireError::quota_exceeded);
  CHECK(metric("q_quota_exceeded_error_per_namespace") == 1);
}

TEST_CASE("srst lets all begin anew but the failed proofs of identity") {
  TestServer server;
  TestClient client(server);
  client.create("/a", "x");
  CHECK(value(server, "cnt_a_write_per_namespace") == 1);
  CHECK(value(server, "cnt_updatelatency") == 2);
  server.commands->find_word("srst")->run({});
  CHECK(value(server, "cnt_a_write_per_namespace") == 0);
  CHECK(value(server, "cnt_updatelatency") == 0);
  CHECK(value(server, "prep_processor_request_queued") == 0);
}
