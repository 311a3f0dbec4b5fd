// The registry of metrics, and the metrics of a server.
#include "tests/support/test_server.hpp"

#include <catch2/catch.hpp>

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

double value(const TestServer& server, std::string_view name) {
  return sample(*server.metrics, name).value;
}

}  // namespace

TEST_CASE("a counter shows its value under its name") {
  const auto metrics = make_metrics();
  Counter counter;
  const auto handle = metrics->add("watch_bytes", counter);
  CHECK(shown(*metrics) == Shown{{"watch_bytes", 0}});
  counter.add(7);
  CHECK(shown(*metrics) == Shown{{"watch_bytes", 7}});
  CHECK(sample(*metrics, "watch_bytes").integral);
}

TEST_CASE("a summary shows average, least, greatest, count and sum") {
  const auto metrics = make_metrics();
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
  const auto metrics = make_metrics();
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
  const auto metrics = make_metrics();
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
  const auto metrics = make_metrics();
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
  const auto metrics = make_metrics();
  Counter a, b, c;
  const auto first = metrics->add("c", c);
  auto second = metrics->add("a", a);
  const auto third = metrics->add("b", b);
  CHECK(shown(*metrics) == Shown{{"c", 0}, {"a", 0}, {"b", 0}});
  second.reset();
  CHECK(shown(*metrics) == Shown{{"c", 0}, {"b", 0}});
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
