// The client over the doors that programs have: the real loop and sockets. A session of it and a server
// share one loop. What depends on time or on faults is tested on simulated doors.
#include "client/session.hpp"
#include "kernel/core/server.hpp"
#include "memory_store.hpp"
#include "standalone.hpp"
#include "tests/contract/transport_ends.hpp"

#include <catch2/catch.hpp>

#include <optional>

namespace vivarium::test {
namespace {

struct TcpServer {
  TcpSetup tcp;
  MemoryStore store{tcp.host};
  Standalone broadcast{tcp.host};
  std::unique_ptr<Commands> commands = make_commands();
  std::unique_ptr<Metrics> metrics = make_metrics();
  Server server{{},
                {*tcp.doors.loop, tcp.host.fake_log, *metrics, *commands, store, broadcast, nullptr,
                 nullptr, nullptr, nullptr, {}, {}, {{"client", &tcp.transport, "127.0.0.1", 0}}}};

  TcpServer() {
    std::optional<bool> serving;
    server.start([&](Result<void> outcome) { serving = outcome.has_value(); });
    REQUIRE(tcp.doors.run_until([&] { return serving.has_value(); }));
    REQUIRE(*serving);
  }
  ~TcpServer() {
    tcp.transport.stop();
    broadcast.stop();
    store.stop();
  }
  std::vector<client::ServerAddress> addresses() const {
    return client::parse_servers(server.addresses().at(0).second).value();
  }
};

struct QuietHandler final : client::SessionHandler {
  void on_state(client::State state, std::string_view) override { states.push_back(state); }
  void on_watch(const client::WatchEvent& event) override { events.push_back(event); }
  std::vector<client::State> states;
  std::vector<client::WatchEvent> events;
};

}  // namespace

TEST_CASE("a session works over tcp, and passes over an address where nobody listens") {
  TcpServer server;
  client::Settings settings;
  settings.servers = server.addresses();
  settings.servers.push_back({"127.0.0.1", 1});
  QuietHandler handler;
  client::Session session(*server.tcp.doors.loop, server.tcp.transport, settings, handler);

  std::optional<client::ChildrenReply> listed;
  session.get_children("/", client::Watch::set, [&](const auto& reply) { listed = reply; });
  REQUIRE(server.tcp.doors.run_until([&] { return listed.has_value(); }));
  if (!listed->ok())  // The dead address came first.
    REQUIRE(server.tcp.doors.run_until([&] { return client::is_connected(session.state()); }));
  session.get_children("/", client::Watch::set, [&](const auto& reply) { listed = reply; });

  int completed = 0;
  for (int i = 0; i < 1000; ++i)
    session.create("/n-", "x", {CreateFlag::ephemeral_sequential}, [&, i](const auto& reply) {
      CHECK(completed++ == i);
      CHECK(reply.ok());
    });
  REQUIRE(server.tcp.doors.run_until([&] { return completed == 1000; }));
  REQUIRE(handler.events.size() == 1);
  CHECK(handler.events[0].type == EventType::children_changed);

  std::optional<WireError> closed;
  session.close([&](const client::Reply& reply) { closed = reply.err; });
  REQUIRE(server.tcp.doors.run_until([&] { return handler.states.back() == client::State::closed; }));
  CHECK(closed == WireError::ok);
}

}  // namespace vivarium::test
