// The values that go into a client: lists of servers, names of outcomes.
#include "client/servers.hpp"
#include "client/session.hpp"
#include "client/watches.hpp"
#include "kernel/simulation/simulated_loop.hpp"

#include <catch2/catch.hpp>

#include <set>

using namespace vivarium;
using namespace vivarium::client;
using namespace std::chrono_literals;
using Addresses = std::vector<ServerAddress>;

TEST_CASE("a list of servers is read") {
  CHECK(*parse_servers("a") == Addresses{{"a", 2181}});
  CHECK(*parse_servers("a:1,10.0.0.1:65535") == Addresses{{"a", 1}, {"10.0.0.1", 65535}});
  CHECK(*parse_servers("[::1]:5,[fe80::1]") == Addresses{{"::1", 5}, {"fe80::1", 2181}});
}

TEST_CASE("what names no server is refused with the reason") {
  for (const auto* text : {"", "a,", ",a", ":1", "a:", "a:0", "a:65536", "a:b", "a:1x", "[::1", "[]:1",
                           "[::1]x", "::1", "a:1/chroot"}) {
    CAPTURE(text);
    const auto servers = parse_servers(text);
    REQUIRE(!servers);
    CHECK(servers.error().is(Errc::invalid_argument));
  }
}

TEST_CASE("a server's text is read as the same server") {
  for (const auto& server : Addresses{{"a", 1}, {"::1", 2}})
    CHECK(*parse_servers(to_text(server)) == Addresses{server});
}

TEST_CASE("outcomes have ZooKeeper's names") {
  CHECK(client::name_of(WireError::no_node) == "NoNode");
  CHECK(client::name_of(kConnectionLoss) == "ConnectionLoss");
  CHECK(client::name_of(static_cast<WireError>(-99)) == "Unknown");
}

TEST_CASE("servers are tried in turn, with a growing pause after each round") {
  SimulatedLoop loop(1);
  Settings settings;
  settings.servers = {{"a", 1}, {"b", 1}, {"c", 1}};
  settings.order = ServerOrder::as_given;
  settings.backoff_first = 100ms;
  settings.backoff_max = 300ms;
  Servers servers(loop, settings);
  std::string tried = servers.current().host;
  std::vector<Micros> pauses;
  for (int i = 0; i < 12; ++i) {
    pauses.push_back(servers.next());
    tried += servers.current().host;
  }
  CHECK(tried == "abcabcabcabca");
  for (const auto i : {0u, 1u, 3u, 4u, 6u, 7u}) CHECK(pauses[i] == 0us);
  const auto within = [](Micros pause, Micros most) { return pause >= most / 2 && pause <= most; };
  CHECK(within(pauses[2], 100ms));
  CHECK(within(pauses[5], 200ms));
  CHECK(within(pauses[8], 300ms));
  CHECK(within(pauses[11], 300ms));
  servers.note_success();
  CHECK(servers.next() == 0us);
}

TEST_CASE("each client has an order of servers of its own") {
  Settings settings;
  settings.servers = {{"a", 1}, {"b", 1}, {"c", 1}};
  std::set<std::string> orders;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SimulatedLoop loop(seed);
    Servers servers(loop, settings);
    std::string order;
    for (int i = 0; i < 3; ++i) {
      order += servers.current().host;
      servers.next();
    }
    orders.insert(order);
  }
  CHECK(orders.size() == 6);
}

TEST_CASE("watches are restored in requests of less than 128 KiB, none left out") {
  Watches watches;
  const std::string name(1000, 'x');
  for (int i = 0; i < 500; ++i)
    watches.add(static_cast<Watches::Kind>(i % 5), "/" + std::to_string(i) + name);
  watches.add(Watches::Kind::data, "/" + std::string(200'000, 'y'));
  std::set<std::string> told;
  for (const auto& [op, body] : watches.restore({9})) {
    JuteIn in(body);
    records::SetWatches2Request request;
    in(request.relative_zxid, request.data, request.exist, request.child);
    if (op == Op::set_watches2) in(request.persistent, request.persistent_recursive);
    REQUIRE(in.ok());
    CHECK(in.rest().empty());
    CHECK(request.relative_zxid == 9);
    std::size_t paths = 0;
    for (const auto* list : {&request.data, &request.exist, &request.child, &request.persistent,
                             &request.persistent_recursive}) {
      told.insert(list->begin(), list->end());
      paths += list->size();
    }
    CHECK((body.size() + 8 < 128 * 1024 || paths == 1));
    CHECK((op == Op::set_watches2) ==
          !(request.persistent.empty() && request.persistent_recursive.empty()));
  }
  CHECK(told.size() == 501);
  CHECK(Watches().restore({9}).empty());
}
