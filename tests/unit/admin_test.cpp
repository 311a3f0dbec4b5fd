// The service `admin`: HTTP as it is spoken, the commands of ZooKeeper's AdminServer, metrics and probes.
#include "json.hpp"
#include "prometheus.hpp"
#include "request_parser.hpp"
#include "target.hpp"
#include "kernel/core/metric_catalog.hpp"
#include "tests/support/admin_bench.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <limits>

using namespace vivarium;
using namespace vivarium::test;
using Catch::Contains;
using Catch::StartsWith;
using vivarium::admin::HttpRequest;
using vivarium::admin::to_json;

namespace {

using Bench = AdminBench;

std::string request(std::string_view path) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
}

}  // namespace

// --- commands -------------------------------------------------------------------------------------

TEST_CASE("a command answers with its fields, its name and no error") {
  Bench bench;
  const auto answer = bench.ask("/commands/is_read_only");
  CHECK_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  CHECK_THAT(answer, Contains("Content-Type: application/json\r\n"));
  CHECK(body_of(answer) ==
        "{\n  \"read_only\" : false,\n  \"command\" : \"is_read_only\",\n  \"error\" : null\n}\n");
}

TEST_CASE("every name that ZooKeeper has for a command leads to it") {
  Bench bench(Settings{{"commands", "*,dump,watches,wchp"}});
  const std::vector<std::vector<std::string>> names{
      {"configuration", "conf", "config"}, {"connections", "cons"},
      {"connection_stat_reset", "crst"}, {"stat_reset", "srst"},
      {"observer_connection_stat_reset", "orst"}, {"ruok"}, {"dirs"}, {"dump"},
      {"environment", "env", "envi"}, {"system_properties", "sysp"}, {"hash"},
      {"get_trace_mask", "gtmk"}, {"set_trace_mask", "stmk"}, {"initial_configuration", "icfg"},
      {"is_read_only", "isro"}, {"last_snapshot", "lsnp"}, {"leader", "lead"},
      {"monitor", "mntr"}, {"observers", "obsr"}, {"server_stats", "srvr"}, {"stats", "stat"},
      {"voting_view"}, {"watches", "wchc"}, {"watches_by_path", "wchp"},
      {"watch_summary", "wchs"}, {"zabstate"}};
  for (const auto& command : names)
    for (const auto& name : command) {
      CAPTURE(name);
      const auto answer = bench.ask("/commands/" + name);
      CHECK_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
      CHECK_THAT(answer, Contains("\"command\" : \"" + command[0] + "\""));
    }
}

TEST_CASE("names that are for admin pages alone are no four-letter words") {
  Bench bench;
  for (const auto* name : {"lead", "icfg", "lsnp", "obsr", "orst", "sysp"})
    CHECK_FALSE(bench.server.commands->find_word(name));
}

TEST_CASE("an unknown command is not found, with ZooKeeper's sentence") {
  Bench bench;
  const auto answer = bench.ask("/commands/nonsense%0a");
  CHECK_THAT(answer, StartsWith("HTTP/1.1 404 Not Found\r\n"));
  CHECK(body_of(answer) == "{\n  \"command\" : \"nonsense\\n\",\n"
                           "  \"error\" : \"Unknown command: nonsense\\n\"\n}\n");
}

TEST_CASE("the list of commands is links, or names for who wants JSON") {
  Bench bench;
  for (const auto* path : {"/commands", "/commands/"}) {
    const auto page = bench.ask(path);
    CHECK_THAT(page, Contains("text/html"));
    CHECK_THAT(page, Contains("<a href=\"/commands/configuration\">configuration</a>\n<br/>\n"));
  }
  const auto names = bench.ask("/commands", "GET", "Accept: application/json\r\n");
  CHECK_THAT(names, Contains("Content-Type: application/json"));
  CHECK_THAT(names, Contains("{\n  \"commands\" : [ \"configuration\", \"connection_stat_reset\""));
}

TEST_CASE("the commands are where admin.commandURL says") {
  Bench bench({}, {{"admin.commandURL", "ops/"}});
  CHECK_THAT(bench.ask("/ops/ruok"), StartsWith("HTTP/1.1 200"));
  CHECK_THAT(bench.ask("/commands/ruok"), StartsWith("HTTP/1.1 404"));
}

TEST_CASE("while the server does not serve, commands say so and some answer") {
  Bench bench;
  bench.role.now = ServingRole::none;
  const auto answer = bench.ask("/commands/srvr");
  CHECK_THAT(answer, StartsWith("HTTP/1.1 200"));
  CHECK_THAT(answer, Contains("\"command\" : \"server_stats\",\n  \"error\" : \"This ZooKeeper "
                              "instance is not currently serving requests\""));
  CHECK_THAT(bench.ask("/commands/ruok"), Contains("\"error\" : null"));
  CHECK_THAT(bench.ask("/livez"), StartsWith("HTTP/1.1 200"));
  CHECK_THAT(bench.ask("/readyz"), StartsWith("HTTP/1.1 503 Service Unavailable\r\n"));
  bench.role.now = ServingRole::follower;
  CHECK_THAT(bench.ask("/readyz"), StartsWith("HTTP/1.1 200"));
}

TEST_CASE("a command's own error stands in the place of null") {
  Bench bench;
  CHECK(body_of(bench.ask("/commands/leader")) ==
        "{\n  \"command\" : \"leader\",\n  \"error\" : \"server is not initialized\"\n}\n");
}

TEST_CASE("commands that are not listed are refused, but for those that anyone may ask") {
  Bench bench(Settings{{"commands", "srvr, monitor"}});
  CHECK_THAT(bench.ask("/commands/server_stats"), StartsWith("HTTP/1.1 200"));
  CHECK_THAT(bench.ask("/commands/mntr"), StartsWith("HTTP/1.1 200"));
  CHECK_THAT(bench.ask("/commands/ruok"), StartsWith("HTTP/1.1 200"));
  CHECK_THAT(bench.ask("/commands/dump"), StartsWith("HTTP/1.1 403 Forbidden\r\n"));
  CHECK_THAT(bench.ask("/commands"), !Contains("dump"));
}

TEST_CASE("a command that needs rights is run where the config names it, and not for a star") {
  for (const auto* list : {"*", "*, nuke"}) {
    Bench bench(Settings{{"commands", list}});
    CommandSpec spec;
    spec.name = "nuke";
    spec.permission = CommandPermission::admin;
    bool ran = false;
    spec.run = [&](const Value::Fields&) {
      ran = true;
      return Value::Fields{};
    };
    const auto handle = bench.server.commands->add(std::move(spec));
    const bool named = std::string_view(list) != "*";
    CHECK_THAT(bench.ask("/commands/nuke"), StartsWith(named ? "HTTP/1.1 200" : "HTTP/1.1 403"));
    CHECK((bench.ask("/commands").find("nuke") != std::string::npos) == named);
    CHECK(ran == named);
  }
}

TEST_CASE("the paths of watches and ephemerals are not for everybody") {
  Bench bench;
  for (const auto* name : {"dump", "wchc", "wchp"}) {
    CAPTURE(name);
    CHECK_THAT(bench.ask("/commands/" + std::string(name)), StartsWith("HTTP/1.1 403"));
  }
}

TEST_CASE("the query's fields are a command's arguments") {
  Bench bench;
  CommandSpec spec;
  spec.name = "echo";
  spec.run = [](const Value::Fields& arguments) { return arguments; };
  const auto handle = bench.server.commands->add(std::move(spec));
  CHECK_THAT(body_of(bench.ask("/commands/echo?a=1&b+c=%2f%3D&d")),
             StartsWith("{\n  \"a\" : \"1\",\n  \"b c\" : \"/=\",\n  \"d\" : \"\","));
}

// --- metrics --------------------------------------------------------------------------------------

TEST_CASE("metrics have ZooKeeper's names and types") {
  Bench bench;
  TestClient client(bench.server);
  client.created("/a");
  const auto answer = bench.ask("/metrics");
  CHECK_THAT(answer, Contains("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
  CHECK_THAT(answer, Contains("# TYPE znode_count gauge\nznode_count 6\n"));
  CHECK_THAT(answer, Contains("# TYPE auth_failed_count gauge\n"));
  CHECK_THAT(answer, Contains("# TYPE connection_request_count counter\nconnection_request_count 1\n"));
  CHECK_THAT(answer, Contains("# TYPE updatelatency summary\nupdatelatency{quantile=\"0.5\"} "));
  CHECK_THAT(answer, Contains("updatelatency_count 2\n"));  // The session is one.
  CHECK_THAT(answer, Contains("readlatency{quantile=\"0.99\"} NaN\nreadlatency_count 0\n"
                              "readlatency_sum 0\n"));
}

TEST_CASE("what a plugin calls its metric does not spoil the page") {
  const auto metrics = make_metrics({});
  const auto one = metrics->add("9 lives", [] { return 1.5; });
  const auto two = metrics->add("same", [] { return std::numeric_limits<double>::infinity(); });
  const auto three = metrics->add("same", [] { return 3.0; });
  CHECK(admin::to_prometheus(*metrics) ==
        "# TYPE _9_lives gauge\n_9_lives 1.5\n# TYPE same gauge\nsame +Inf\n");
}

TEST_CASE("those of a set have a label, and what is known of a metric is told") {
  const auto metrics = make_metrics({});
  Summary first;
  Tally second;
  Counter odd;
  const auto one = metrics->add({"read_per_namespace", "a"}, first, SummaryDetail::plain);
  const auto two = metrics->add({"odd", "say \"\\\""}, odd);
  const auto three = metrics->add({"read_per_namespace", "b"}, second, 1);
  first.record(5);
  second.record(5);
  CHECK(admin::to_prometheus(*metrics) ==
        "# HELP read_per_namespace Bytes of a read below a child of the root.\n"
        "# TYPE read_per_namespace summary\n"
        "read_per_namespace{key=\"a\",quantile=\"0.5\"} 5\n"
        "read_per_namespace_count{key=\"a\"} 1\nread_per_namespace_sum{key=\"a\"} 5\n"
        "read_per_namespace_count{key=\"b\"} 1\nread_per_namespace_sum{key=\"b\"} 5\n"
        "# TYPE odd counter\nodd{key=\"say \\\"\\\\\\\"\"} 0\n");
}

TEST_CASE("a summary that is recorded in other units is shown in its own") {
  const auto metrics = make_metrics({});
  Summary us;
  const auto handle = metrics->add("latency", us, SummaryDetail::plain, 1000);
  for (const auto value : {1500, 2500}) us.record(value);
  CHECK(admin::to_prometheus(*metrics) == "# TYPE latency summary\nlatency{quantile=\"0.5\"} 2\n"
                                          "latency_count 2\nlatency_sum 4\n");
}

TEST_CASE("a histogram has a bucket for each power of two, and one for all") {
  const auto metrics = make_metrics({});
  Summary us;
  const auto handle = metrics->add("write_sync_us", us, SummaryDetail::histogram);
  for (const auto value : {10, 20}) us.record(value);
  const auto text = admin::to_prometheus(*metrics);
  CHECK_THAT(text, Contains("# TYPE write_sync_us histogram\nwrite_sync_us_bucket{le=\"15\"} 1\n"
                              "write_sync_us_bucket{le=\"31\"} 2\n"));
  CHECK_THAT(text, Catch::EndsWith("write_sync_us_bucket{le=\"67108863\"} 2\n"
                            "write_sync_us_bucket{le=\"+Inf\"} 2\n"
                            "write_sync_us_count 2\nwrite_sync_us_sum 30\n"));
}

TEST_CASE("ZooKeeper's exporter has a port of its own, and nothing else there") {
  Bench bench({}, {{"metricsProvider.className",
                    "org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider"},
                   {"admin.enableServer", "False"}});
  auto client = bench.connect(kMetricsPort);
  CHECK_THAT(client.ask("/metrics"), StartsWith("HTTP/1.1 200"));
  CHECK_THAT(client.ask("/commands/ruok"), StartsWith("HTTP/1.1 404"));
  CHECK(bench.connect().failed);
}

// --- HTTP -----------------------------------------------------------------------------------------

TEST_CASE("HEAD answers as GET without the body") {
  Bench bench;
  auto client = bench.connect();
  const auto get = client.ask("/commands/ruok");
  CHECK(client.ask("/commands/ruok", "HEAD") == get.substr(0, get.find("\r\n\r\n") + 4));
  CHECK(client.ask("/commands/ruok") == get);
}

TEST_CASE("other methods are refused, and a body is not waited for") {
  Bench bench;
  for (const auto* method : {"POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"}) {
    auto client = bench.connect();
    const auto answer = client.ask("/commands/stat_reset", method, "Content-Length: 1000000\r\n");
    CAPTURE(method);
    CHECK_THAT(answer, StartsWith("HTTP/1.1 405 Method Not Allowed\r\n"));
    CHECK_THAT(answer, Contains("Allow: GET, HEAD\r\n"));
    CHECK_THAT(answer, Contains("Connection: close\r\n"));
    bench.server.loop.run_until([&] { return client.closed(); });
    CHECK(client.closed());
  }
}

TEST_CASE("what is no request is refused and cut off") {
  Bench bench;
  for (const auto* bytes :
       {"\x16\x03\x01\x02garbage\r\n\r\n", "GET\r\n\r\n", "GET /x HTTP/9.9\r\n\r\n",
        "GET x HTTP/1.1\r\nHost: localhost\r\n\r\n", "GET /%zz HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /x HTTP/1.1\r\nno colon\r\n\r\n",
        "GET /x HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"}) {
    auto client = bench.connect();
    client.send(bytes);
    CAPTURE(bytes);
    CHECK_THAT(client.answer(), StartsWith("HTTP/1.1 400 Bad Request\r\n"));
    bench.server.loop.run_until([&] { return client.closed(); });
    CHECK(client.closed());
  }
}

TEST_CASE("a request that is too long is refused, however it arrives") {
  Bench bench(Settings{{"header_bytes", "1K"}});
  const std::string header = "GET / HTTP/1.1\r\nHost: localhost\r\nX: ";
  auto at_once = bench.connect();
  at_once.send(header + std::string(100'000, 'x'));
  CHECK_THAT(at_once.answer(), StartsWith("HTTP/1.1 431 "));
  auto in_pieces = bench.connect();
  in_pieces.send(header);
  for (int i = 0; i < 100 && !in_pieces.closed(); ++i) {
    in_pieces.send(std::string(100, 'x'));
    bench.server.loop.run_for(Millis(1));
  }
  CHECK_THAT(in_pieces.answer(), StartsWith("HTTP/1.1 431 "));
}

TEST_CASE("a request that comes byte by byte is answered") {
  Bench bench;
  auto client = bench.connect();
  for (const char c : request("/livez")) {
    client.send(std::string(1, c));
    bench.server.loop.run_for(Millis(1));
  }
  CHECK_THAT(client.answer(), StartsWith("HTTP/1.1 200"));
}

TEST_CASE("a request that takes too long is cut off, though bytes keep coming") {
  Bench bench(Settings{{"request_deadline", "10s"}});
  auto client = bench.connect();
  client.send("GET / HTTP/1.1\r\nX: ");
  for (int second = 0; second < 9; ++second) {
    client.send("x");
    bench.server.loop.run_for(std::chrono::seconds(1));
    CHECK_FALSE(client.closed());
  }
  client.send("x");
  bench.server.loop.run_for(std::chrono::seconds(2));
  CHECK(client.closed());
}

TEST_CASE("a silent connection is closed after admin.idleTimeout, counted from the last answer") {
  Bench bench({}, {{"admin.idleTimeout", "5000"}});
  auto client = bench.connect();
  for (int i = 0; i < 3; ++i) {
    bench.server.loop.run_for(Millis(4900));
    CHECK_THAT(client.ask("/livez"), StartsWith("HTTP/1.1 200"));
  }
  bench.server.loop.run_for(Millis(4900));
  CHECK_FALSE(client.closed());
  bench.server.loop.run_for(Millis(200));
  CHECK(client.closed());
}

TEST_CASE("requests on one connection are answered in their order") {
  Bench bench;
  auto client = bench.connect();
  std::string pipelined;
  for (int i = 0; i < 100; ++i)
    pipelined += request("/commands/unknown" + std::to_string(i)) + request("/livez");
  client.send(pipelined);
  for (int i = 0; i < 100; ++i) {
    CHECK_THAT(client.answer(), Contains("\"unknown" + std::to_string(i) + "\""));
    CHECK_THAT(client.answer(), Contains("\r\n\r\nok\n"));
  }
  CHECK_FALSE(client.closed());
}

TEST_CASE("a client that does not read holds one answer, and is cut off") {
  Bench bench(Settings{{"send_deadline", "30s"}});
  bench.add_big(2 << 20);
  int runs = 0;
  CommandSpec spec;
  spec.name = "counted";
  spec.run = [&](const Value::Fields&) {
    ++runs;
    return Value::Fields{};
  };
  const auto counted = bench.server.commands->add(std::move(spec));
  auto client = bench.connect();
  client.stop_reading();
  client.send(request("/commands/big") + request("/commands/counted"));
  bench.server.loop.run_for(std::chrono::seconds(29));
  CHECK_FALSE(client.closed());
  CHECK(runs == 0);
  bench.server.loop.run_for(std::chrono::seconds(2));
  client.go_on_reading();
  bench.server.loop.run_until([&] { return client.closed(); });
  CHECK(client.closed());
  CHECK(client.text.size() < (2 << 20));
  CHECK(runs == 0);
}

TEST_CASE("a long answer arrives whole, also where the connection closes behind it") {
  Bench bench;
  bench.add_big(2 << 20);
  auto client = bench.connect();
  const auto answer = client.ask("/commands/big", "GET", "Connection: close\r\n");
  CHECK(body_of(answer).size() > (2 << 20));
  bench.server.loop.run_until([&] { return client.closed(); });
  CHECK(client.closed());
}

TEST_CASE("HTTP/1.0 needs no host, and its connection closes") {
  Bench bench;
  auto client = bench.connect();
  client.send("GET /livez HTTP/1.0\r\n\r\n");
  const auto answer = client.answer();
  CHECK_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  CHECK_THAT(answer, Contains("Connection: close\r\n"));
  bench.server.loop.run_until([&] { return client.closed(); });
  CHECK(client.closed());
}

TEST_CASE("HTTP/1.1 has to name the host, and on this machine that is this machine") {
  Bench bench;
  auto client = bench.connect();
  client.send("GET /livez HTTP/1.1\r\n\r\n");
  CHECK_THAT(client.answer(), StartsWith("HTTP/1.1 400"));
  for (const auto* host : {"localhost", "localhost:8080", "127.0.0.1:8080", "[::1]:8080"}) {
    client.send("GET /livez HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n");
    CAPTURE(host);
    CHECK_THAT(client.answer(), StartsWith("HTTP/1.1 200"));
  }
  for (const auto* host : {"evil.example", "evil.example:8080", "127.0.0.1.evil.example"}) {
    client.send("GET /livez HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n");
    CAPTURE(host);
    CHECK_THAT(client.answer(), StartsWith("HTTP/1.1 421 "));
  }
}

TEST_CASE("a browser may not ask for the sake of another server's page") {
  Bench bench;
  CHECK_THAT(bench.ask("/commands/srst", "GET", "Sec-Fetch-Site: cross-site\r\n"),
             StartsWith("HTTP/1.1 403"));
  CHECK_THAT(bench.ask("/commands/srst", "GET", "Sec-Fetch-Site: same-site\r\n"),
             StartsWith("HTTP/1.1 403"));
  CHECK_THAT(bench.ask("/commands/srst", "GET", "Sec-Fetch-Site: same-origin\r\n"),
             StartsWith("HTTP/1.1 200"));
  CHECK_THAT(bench.ask("/commands/srst", "GET", "Sec-Fetch-Site: none\r\n"),
             StartsWith("HTTP/1.1 200"));
}

TEST_CASE("connections above the limit are closed, and there is room again when one has gone") {
  Bench bench(Settings{{"connections", "2"}});
  auto one = bench.connect();
  {
    auto two = bench.connect();
    CHECK_THAT(two.ask("/livez"), StartsWith("HTTP/1.1 200"));
    auto three = bench.connect();
    bench.server.loop.run_for(Millis(10));
    CHECK(three.closed());
  }
  auto four = bench.connect();
  CHECK_THAT(four.ask("/livez"), StartsWith("HTTP/1.1 200"));
  CHECK_THAT(one.ask("/livez"), StartsWith("HTTP/1.1 200"));
}

TEST_CASE("a thousand connections come and go") {
  Bench bench(Settings{{"connections", "1000"}});
  std::vector<std::unique_ptr<HttpClient>> clients;
  for (int i = 0; i < 1000; ++i)
    clients.push_back(std::make_unique<HttpClient>(bench.server.loop, bench.server.transport));
  for (auto& client : clients) client->send(request("/livez"));
  for (auto& client : clients) CHECK_THAT(client->answer(), StartsWith("HTTP/1.1 200"));
}

TEST_CASE("when the service stops, nothing is answered any more and connections end") {
  Bench bench;
  bench.add_big(2 << 20);
  auto idle = bench.connect(), half = bench.connect(), unread = bench.connect();
  half.send("GET /livez HTTP/1.1\r\n");
  unread.stop_reading();
  unread.send(request("/commands/big"));
  bench.server.loop.run_for(Millis(10));
  bench.service.stop();
  half.send("Host: localhost\r\n\r\n");
  unread.go_on_reading();
  bench.server.loop.run_until([&] { return idle.closed() && half.closed() && unread.closed(); });
  CHECK(idle.closed());
  CHECK(half.closed());
  CHECK(unread.closed());
  CHECK(half.text.empty());
  CHECK(bench.connect().failed);
}

TEST_CASE("a port that is taken is told of with its key") {
  TestServer server;
  AdminHost host(server, {});
  host.settings["admin.serverPort"] = "2181";
  admin::Admin service(host);
  ViewInRole role(server.server);
  const auto run = service.run(role, server.transport);
  REQUIRE_FALSE(run.has_value());
  CHECK_THAT(run.error().what, StartsWith("admin.serverPort: "));
}

// --- JSON and targets -----------------------------------------------------------------------------

TEST_CASE("values are written as ZooKeeper's pages write them") {
  CHECK(to_json(Value()) == "null\n");
  CHECK(to_json(true) == "true\n");
  CHECK(to_json(std::int64_t{-9223372036854775807}) == "-9223372036854775807\n");
  CHECK(to_json(0.0) == "0.0\n");
  CHECK(to_json(0.1234) == "0.1234\n");
  CHECK(to_json(std::numeric_limits<double>::quiet_NaN()) == "null\n");
  CHECK(to_json(Value::List{}) == "[ ]\n");
  CHECK(to_json(Value::List{1, "a"}) == "[ 1, \"a\" ]\n");
  CHECK(to_json(Value::Fields{}) == "{ }\n");
  CHECK(to_json(Value::Fields{{"a", Value::Fields{{"b", 1}, {"c", Value::List{Value::Fields{}}}}}}) ==
        "{\n  \"a\" : {\n    \"b\" : 1,\n    \"c\" : [ { } ]\n  }\n}\n");
}

TEST_CASE("text is valid JSON whatever bytes it has") {
  CHECK(to_json("\"\\\n\t\x01\x7f/") == "\"\\\"\\\\\\n\\t\\u0001\\u007f/\"\n");
  CHECK(to_json("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80") ==
        "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"\n");
  const std::string bad = "\xef\xbf\xbd";
  CHECK(to_json("\xff") == "\"" + bad + "\"\n");
  CHECK(to_json("\xc0\xaf") == "\"" + bad + bad + "\"\n");                   // overlong
  CHECK(to_json("\xed\xa0\x80") == "\"" + bad + bad + bad + "\"\n");         // a surrogate
  CHECK(to_json("\xf4\x90\x80\x80") == "\"" + bad + bad + bad + bad + "\"\n");  // above U+10FFFF
  CHECK(to_json("\xe2\x82") == "\"" + bad + bad + "\"\n");                   // cut short
}

TEST_CASE("a target is decoded, or it is none") {
  HttpRequest request;
  CHECK(admin::parse_target("http://host:80/a%20b?x=1&&y=%41", request));
  CHECK(request.path == "/a b");
  CHECK(request.arguments ==
        std::vector<std::pair<std::string, std::string>>{{"x", "1"}, {"y", "A"}});
  for (const auto* target : {"", "*", "a", "/%", "/%1", "/%g0", "/?a=%", "host:80"}) {
    CAPTURE(target);
    HttpRequest other;
    CHECK_FALSE(admin::parse_target(target, other));
  }
}

TEST_CASE("a request is the same wherever it is split") {
  const std::string request = "GET /livez?a=b HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n";
  for (std::size_t split = 1; split < request.size(); ++split) {
    admin::RequestParser parser(8192);
    REQUIRE(parser.parse(std::string_view(request).substr(0, split)).outcome ==
            admin::RequestParser::Outcome::incomplete);
    const auto parsed = parser.parse(request);
    REQUIRE(parsed.outcome == admin::RequestParser::Outcome::complete);
    CHECK(parsed.taken == request.size());
    CHECK(parsed.request.path == "/livez");
    CHECK(parsed.request.host == "localhost");
  }
}
