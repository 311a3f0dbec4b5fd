// The dashboard of the service `admin`, as HTTP has it: who may see what, and what it is sent with. What a browser
// makes of it: tests/conformance/dashboard.
#include "base64.hpp"
#include "dashboard_files.hpp"
#include "target.hpp"
#include "tests/support/admin_bench.hpp"

#include <catch2/catch.hpp>

#include <memory>
#include <string>
#include <vector>

using namespace vivarium;
using namespace vivarium::test;
using Catch::Contains;
using Catch::StartsWith;
using vivarium::admin::from_base64;

namespace {

constexpr auto kTeamCredential = "Authorization: Basic dGVhbTpwdw==\r\n";  // team:pw

/// A server on which `/team` is the team's alone.
struct Scene : AdminBench {
  explicit Scene(Settings options = {}, Settings settings = {})
      : AdminBench(std::move(options), std::move(settings)), client(server) {
    client.authenticate("digest", "team:pw");
    client.create("/team", "theirs", CreateFlag::persistent,
                  {{perms::kAll, "digest", "team:shzD+8mpsnqt5eJ2+pNI6z4v2Jg="}});
    client.create("/team/hidden-child");
    client.create("/open", "all see it");
  }
  std::string node(std::string_view query, std::string_view headers = "") {
    return ask("/dashboard/node?" + std::string(query), "GET", headers);
  }
  std::size_t warnings() const { return host_log().count("failed to authenticate"); }
  const FakeLog& host_log() const { return server.host.fake_log; }

  TestClient client;
};

}  // namespace

// --- the page -------------------------------------------------------------------------------------

TEST_CASE("The page and its parts come with a policy that lets nothing else in") {
  AdminBench bench;
  CHECK_THAT(bench.ask("/"), StartsWith("HTTP/1.1 200 OK\r\n"));
  CHECK_THAT(bench.ask("/"), Contains("Content-Type: text/html; charset=utf-8\r\n"));
  CHECK_THAT(bench.ask("/"), Contains("Content-Security-Policy: default-src 'none'; script-src 'self'; "));
  CHECK_THAT(bench.ask("/"), Contains("frame-ancestors 'none'"));
  CHECK_THAT(bench.ask("/dashboard/dashboard.css"), Contains("Content-Type: text/css; charset=utf-8\r\n"));
  CHECK_THAT(bench.ask("/dashboard/tree.js"), Contains("Content-Type: text/javascript; charset=utf-8\r\n"));
  CHECK_THAT(bench.ask("/dashboard/icon.svg"), Contains("Content-Type: image/svg+xml\r\n"));
  for (const auto* path : {"/dashboard", "/dashboard/", "/dashboard/embed.cmake", "/dashboard/../tree.js",
                           "/dashboard/none", "/index.html"}) {
    CAPTURE(path);
    CHECK_THAT(bench.ask(path), StartsWith("HTTP/1.1 404"));
  }
}

TEST_CASE("Each file is in the plugin as it lies in the folder") {
  const auto files = admin::dashboard_files();
  CHECK(files.size() >= 10);
  for (const auto& file : files) {
    CAPTURE(file.name);
    CHECK(file.bytes.size() > 100);
    CHECK(file.bytes.ends_with('\n'));
  }
}

TEST_CASE("Without the dashboard there is no page and nothing that it asks for") {
  Scene scene(Settings{{"dashboard", "false"}});
  for (const auto* path : {"/", "/dashboard/tree.js", "/dashboard/status", "/dashboard/node?path=/open"}) {
    CAPTURE(path);
    CHECK_THAT(scene.ask(path), StartsWith("HTTP/1.1 403"));
  }
  CHECK_THAT(scene.ask("/commands/ruok"), StartsWith("HTTP/1.1 200"));
}

TEST_CASE("A link elsewhere may lead to the page, and to nothing else") {
  Scene scene;
  const auto* link = "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n";
  const auto* frame = "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe\r\n";
  CHECK_THAT(scene.ask("/", "GET", link), StartsWith("HTTP/1.1 200"));
  CHECK_THAT(scene.ask("/", "GET", frame), StartsWith("HTTP/1.1 403"));
  for (const auto* path : {"/dashboard/node?path=/open", "/dashboard/status", "/commands/srst", "/dashboard/tree.js"}) {
    CAPTURE(path);
    CHECK_THAT(scene.ask(path, "GET", link), StartsWith("HTTP/1.1 403"));
  }
}

// --- what it asks for -----------------------------------------------------------------------------

TEST_CASE("The status has the role, the viewer, and what commands tell") {
  Scene scene;
  const auto status = scene.ask("/dashboard/status");
  CHECK_THAT(status, StartsWith("HTTP/1.1 200 OK\r\n"));
  CHECK_THAT(status, Contains("\"role\" : \"standalone\""));
  CHECK_THAT(status, Contains("\"scheme\" : \"ip\",\n    \"name\" : \"127.0.0.1\""));
  CHECK_THAT(status, Contains("\"znode_count\" : 8"));
  CHECK_THAT(status, Contains("\"members\" : [ ]"));
  CHECK_THAT(scene.ask("/dashboard/status", "GET", kTeamCredential),
             Contains("\"scheme\" : \"digest\",\n    \"name\" : \"team\""));
  CHECK_THAT(scene.ask("/dashboard/status", "GET", kTeamCredential), !Contains("shzD"));
  CHECK_THAT(scene.ask("/dashboard/about"), Contains("\"client_port\" : 2181"));
}

TEST_CASE("What the config does not let commands tell, the dashboard does not tell") {
  Scene scene(Settings{{"commands", "srvr"}});
  const auto status = scene.ask("/dashboard/status");
  CHECK_THAT(status, Contains("\"node_count\" : 8"));
  CHECK_THAT(status, !Contains("znode_count"));
  CHECK_THAT(scene.ask("/dashboard/connections"), StartsWith("HTTP/1.1 403"));
  CHECK_THAT(scene.ask("/dashboard/connections"), !Contains("0x"));
}

TEST_CASE("Connections are told with their sessions, a hundred of them at most") {
  Scene scene;
  const auto answer = scene.ask("/dashboard/connections");
  CHECK_THAT(answer, Contains("\"total\" : 1"));
  CHECK_THAT(answer, Contains("\"session_id\" : \"0x"));
  std::vector<std::unique_ptr<TestClient>> clients;
  for (int i = 0; i < 120; ++i)
    clients.push_back(std::make_unique<TestClient>(scene.server, TestClient::Greeting::none));
  const auto many = scene.ask("/dashboard/connections");
  CHECK_THAT(many, Contains("\"total\" : 121"));
  std::size_t told = 0;
  for (auto at = many.find("session_id"); at != many.npos; at = many.find("session_id", at + 1)) ++told;
  CHECK(told == 100);
}

TEST_CASE("A znode is told with its Stat, its ACL, and as much of it as is asked for") {
  Scene scene;
  const auto node = scene.node("path=/open&data=3");
  CHECK_THAT(node, Contains("\"path\" : \"/open\""));
  CHECK_THAT(node, Contains("\"data_hex\" : \"616c6c\""));
  CHECK_THAT(node, Contains("\"data_length\" : 10"));
  CHECK_THAT(node, Contains("\"scheme\" : \"world\",\n    \"id\" : \"anyone\""));
  const auto root = scene.node("path=/&children=1");
  CHECK_THAT(root, Contains("\"name\" : \"open\",\n    \"num_children\" : 0"));
  CHECK_THAT(root, Contains("\"more_children\" : true"));
  CHECK_THAT(scene.node("path=/&after=open"), !Contains("\"name\" : \"open\""));
  CHECK_THAT(scene.node("path=/&after=open"), Contains("\"name\" : \"team\",\n    \"num_children\" : null"));
}

TEST_CASE("Names are percent-encoded, and understood again, whatever their bytes") {
  Scene scene;
  const std::string name = "a b%2F\"<\xe2\x80\xae+&=#?";
  scene.client.create("/" + name, "found");
  const auto encoded = admin::percent_encoded(name);
  CHECK(encoded == "a%20b%252F%22%3C%E2%80%AE%2B%26%3D%23%3F");
  CHECK(admin::percent_encoded("\xff/\n~") == "%FF/%0A~");
  CHECK_THAT(scene.node("path=/"), Contains("\"name\" : \"" + encoded + "\""));
  CHECK_THAT(scene.node("path=/" + encoded), Contains("\"data_hex\" : \"666f756e64\""));
  CHECK_THAT(scene.node("path=/&children=1&after=" + encoded), Contains("\"name\" : \"open\""));
}

TEST_CASE("What makes no sense is refused with the cure") {
  Scene scene;
  CHECK_THAT(scene.node(""), StartsWith("HTTP/1.1 400"));
  CHECK_THAT(scene.node("path=open"), Contains("The argument path names no znode"));
  for (const auto* wrong : {"data=65537", "data=-1", "data=x", "data=", "data=1x", "children=1001",
                            "children=99999999999999999999"}) {
    CAPTURE(wrong);
    CHECK_THAT(scene.node("path=/open&" + std::string(wrong)), StartsWith("HTTP/1.1 400"));
  }
  CHECK_THAT(scene.node("path=/open&data=65536&children=1000"), StartsWith("HTTP/1.1 200"));
}

TEST_CASE("While the server does not serve, no znode is shown and the rest is") {
  Scene scene;
  scene.role.now = ServingRole::none;
  CHECK_THAT(scene.node("path=/open"), StartsWith("HTTP/1.1 503"));
  CHECK_THAT(scene.ask("/dashboard/status"), Contains("\"role\" : \"looking\""));
  CHECK_THAT(scene.ask("/dashboard/status"), Contains("is not currently serving requests"));
}

// --- who may see what -----------------------------------------------------------------------------

TEST_CASE("What a viewer may not see looks like what is not there") {
  Scene scene;
  const auto hidden = scene.node("path=/team");
  CHECK_THAT(hidden, StartsWith("HTTP/1.1 403"));
  for (const auto* path : {"/team/none", "/none"})
    CHECK(scene.node("path=" + std::string(path)) == hidden);
  CHECK_THAT(hidden, !Contains("hidden-child"));
}

TEST_CASE("A viewer proves who he is as to ZooKeeper's admin server, or as browsers do") {
  Scene scene;
  for (const auto* header : {"Authorization: digest team:pw\r\n", "Authorization: Digest team:pw\r\n",
                             "authorization: DIGEST team:pw\r\n", kTeamCredential,
                             "Authorization: basic dGVhbTpwdw\r\n"}) {
    CAPTURE(header);
    const auto node = scene.node("path=/team", header);
    CHECK_THAT(node, StartsWith("HTTP/1.1 200"));
    CHECK_THAT(node, Contains("hidden-child"));
  }
  CHECK_THAT(scene.node("path=/team", "Authorization: digest team:wrong\r\n"), StartsWith("HTTP/1.1 403"));
  CHECK(scene.warnings() == 0);
}

TEST_CASE("What proves nothing is answered 401 and logged, also where all may see the znode") {
  Scene scene;
  std::size_t logged = 0;
  for (const auto* header : {"Authorization: Basic !!!\r\n", "Authorization: Basic dGVhb\r\n",
                             "Authorization: nonsense\r\n", "Authorization: sasl x\r\n",
                             "Via: 1.1 proxy\r\nAuthorization: ip 127.0.0.1\r\n"}) {
    CAPTURE(header);
    const auto answer = scene.node("path=/open", header);
    CHECK_THAT(answer, StartsWith("HTTP/1.1 401 Unauthorized\r\n"));
    CHECK_THAT(answer, Contains("WWW-Authenticate: Basic realm=\"znodes\", charset=\"UTF-8\"\r\n"));
    CHECK_THAT(answer, !Contains("stat"));
    CHECK(scene.warnings() == ++logged);
  }
  CHECK_FALSE(scene.host_log().contains("dGVhb"));
  CHECK_THAT(scene.ask("/dashboard/status", "GET", "Authorization: sasl x\r\n"), StartsWith("HTTP/1.1 401"));
}

TEST_CASE("The address of a connection proves itself, unless it came through a proxy") {
  Scene scene;
  scene.client.create("/by-address", "", CreateFlag::persistent, {{perms::kAll, "ip", "127.0.0.1"}});
  scene.client.create("/by-other", "", CreateFlag::persistent, {{perms::kAll, "ip", "10.0.0.9"}});
  CHECK_THAT(scene.node("path=/by-address"), StartsWith("HTTP/1.1 200"));
  for (const auto* header : {"X-Forwarded-For: 10.0.0.9\r\n", "Forwarded: for=10.0.0.9\r\n", "Via: 1.1 proxy\r\n"}) {
    CAPTURE(header);
    CHECK_THAT(scene.node("path=/by-address", header), StartsWith("HTTP/1.1 403"));
    CHECK_THAT(scene.node("path=/by-other", header), StartsWith("HTTP/1.1 403"));
  }
}

TEST_CASE("Znodes are shown on a loopback address, and elsewhere only where the config says so") {
  const auto ask = [](Settings options, const std::string& host) {
    AdminBench bench(std::move(options), {{"admin.serverAddress", host}});
    HttpClient client(bench.server.loop, bench.server.transport, kPort, host);
    return client.ask("/dashboard/node?path=/");
  };
  CHECK_THAT(ask({}, "127.0.0.1"), StartsWith("HTTP/1.1 200"));
  CHECK_THAT(ask({}, "10.0.0.1"), StartsWith("HTTP/1.1 403"));
  CHECK_THAT(ask({}, "10.0.0.1"), Contains("vivarium.service.admin.browse=true"));
  CHECK_THAT(ask({{"browse", "true"}}, "10.0.0.1"), StartsWith("HTTP/1.1 200"));
  CHECK_THAT(ask({{"browse", "false"}}, "127.0.0.1"), StartsWith("HTTP/1.1 403"));
}

TEST_CASE("Base64 is decoded, or it is none") {
  CHECK(from_base64("") == "");
  CHECK(from_base64("dGVhbTpwdw==") == "team:pw");
  CHECK(from_base64("dGVhbTpwdw") == "team:pw");
  CHECK(from_base64("/+8A") == std::string("\xff\xef\0", 3));
  for (const auto* wrong : {"a", "dGVhbTpwd", "dG Vh", "dG=h", "====", "dGVhbTpwdw=", "-_8A", "dGVh\n"}) {
    CAPTURE(wrong);
    CHECK_FALSE(from_base64(wrong));
  }
}
