// The simulated network, where things go wrong. What it does when nothing goes wrong is in the contract
// suite of transports.

#include "simulator/machine_loop.hpp"
#include "simulator/network.hpp"
#include "simulator/network_transport.hpp"
#include "tests/contract/transport_ends.hpp"

#include <catch2/catch.hpp>

namespace vivarium::test {
namespace {

using namespace simulator;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// Two hosts with a connection between them.
struct Pair {
  Pair() {
    network.set_delay({milliseconds(1), milliseconds(1)});
    network.set_patience({seconds(5), seconds(5)});
    auto spec = listen_spec();
    spec.host = "b";
    spec.port = 7;
    listener = std::move(there.listen(spec, acceptor)).value();
    dial();
    REQUIRE(loop.run_until([&] { return connector().connected == 1; }));
  }
  ~Pair() {
    here.stop();
    there.stop();
  }

  void dial(milliseconds deadline = milliseconds(30'000)) {
    ConnectSpec spec;
    spec.host = "b";
    spec.port = 7;
    spec.deadline = deadline;
    connectors.push_back(std::make_unique<TestConnector>());
    attempts.push_back(here.connect(spec, *connectors.back()));
  }
  TestConnector& connector() { return *connectors.back(); }
  Recorder& client() { return connectors.front()->recorder; }
  Recorder& server() { return *acceptor.accepted.front(); }
  bool passes(Recorder& from, Recorder& to, MonoTime within) {
    const auto before = to.frames.size();
    send(from, prefixed("x"));
    return loop.run_until([&] { return to.frames.size() > before; }, within);
  }

  SimulatedLoop loop{1};
  Network network{loop, 1};
  HostId a = network.add_host("a"), b = network.add_host("b");
  NetworkTransport here{loop, network, a}, there{loop, network, b};
  TestAcceptor acceptor;
  std::unique_ptr<Listener> listener;
  std::vector<std::unique_ptr<TestConnector>> connectors;
  std::vector<std::unique_ptr<Connecting>> attempts;
};

TEST_CASE("a segment is under way for as long as the link takes") {
  Pair pair;
  const auto begin = pair.loop.now();
  CHECK(pair.passes(pair.client(), pair.server(), seconds(1)));
  CHECK(pair.loop.now() - begin == milliseconds(1));
  pair.network.set_delay(pair.a, pair.b, {milliseconds(300), milliseconds(300)});
  CHECK_FALSE(pair.passes(pair.client(), pair.server(), milliseconds(299)));
}

TEST_CASE("what is sent over a blocked link arrives when it heals") {
  Pair pair;
  pair.network.block(pair.a, pair.b);
  CHECK_FALSE(pair.passes(pair.client(), pair.server(), seconds(2)));
  CHECK(pair.passes(pair.server(), pair.client(), seconds(1)));  // The other direction.
  pair.network.heal();
  CHECK(pair.loop.run_until([&] { return pair.server().frames.size() == 1; }, seconds(1)));
}

TEST_CASE("what has waited for a link arrives at once when it heals") {
  Pair pair;
  pair.network.block(pair.a, pair.b);
  for (int i = 0; i < 100; ++i) {
    send(pair.client(), prefixed("x"));
    pair.loop.run_for(milliseconds(1));
  }
  pair.network.heal();
  CHECK(pair.loop.run_until([&] { return pair.server().frames.size() == 100; }, milliseconds(201)));
}

TEST_CASE("an end that sends in vain breaks in time, and the other stays half open") {
  Pair pair;
  pair.network.block(pair.a, pair.b);
  CHECK_FALSE(pair.passes(pair.client(), pair.server(), seconds(10)));
  CHECK(pair.client().closed == 1);
  CHECK(pair.server().closed == 0);
  pair.network.heal();
  send(pair.server(), prefixed("is anybody there?"));
  CHECK(pair.loop.run_until([&] { return pair.server().closed == 1; }, seconds(1)));
}

TEST_CASE("a severed connection lets nothing pass, and tells nobody") {
  Pair pair;
  pair.network.sever_one(0);
  pair.loop.run_for(seconds(60));
  CHECK(pair.client().closed + pair.server().closed == 0);
  CHECK_FALSE(pair.passes(pair.client(), pair.server(), seconds(4)));
  CHECK(pair.loop.run_until([&] { return pair.client().closed == 1; }, seconds(10)));
  CHECK(pair.server().closed == 0);
}

TEST_CASE("a reset connection ends at both ends") {
  Pair pair;
  pair.network.reset_one(0);
  CHECK(pair.loop.run_until([&] { return pair.client().closed + pair.server().closed == 2; }, seconds(1)));
}

TEST_CASE("a host without power answers nothing, and when it is back it knows of nothing") {
  Pair pair;
  pair.network.power_lost(pair.b);
  pair.loop.run_for(seconds(2));
  CHECK(pair.client().closed == 0);
  pair.dial(milliseconds(500));
  CHECK(pair.loop.run_until([&] { return pair.connector().failed == 1; }, seconds(1)));
  CHECK(pair.connector().error->is(Errc::timed_out));
  pair.network.power_back(pair.b);
  send(pair.client(), prefixed("hello?"));
  CHECK(pair.loop.run_until([&] { return pair.client().closed == 1; }, seconds(1)));
}

TEST_CASE("the system closes what a process had open") {
  Pair pair;
  send(pair.server(), prefixed("last words"));
  pair.loop.run_for(milliseconds(0));
  pair.network.process_ended(pair.b);
  CHECK(pair.loop.run_until([&] { return pair.client().closed == 1; }, seconds(1)));
  CHECK(pair.client().frames.size() == 1);
  pair.dial();
  CHECK(pair.loop.run_until([&] { return pair.connector().failed == 1; }, seconds(1)));
  CHECK(pair.connector().error->is(Errc::refused));
}

// --- the machine's loop --------------------------------------------------------------------------

struct OnMachine {
  SimulatedLoop world{1};
  Network network{world, 1};
  MachineClock clock{world};
  MachineLoop loop{world, clock, network, network.add_host("a"), 1};
};

TEST_CASE("a paused machine does later what was due meanwhile") {
  OnMachine on;
  int done = 0;
  auto timer = on.loop.timer([&] { ++done; });
  timer->arm(milliseconds(10));
  on.loop.pause();
  on.loop.post([&] { ++done; });
  on.world.run_for(seconds(1));
  CHECK(done == 0);
  on.loop.resume();
  on.world.run_for(milliseconds(0));
  CHECK(done == 2);
}

TEST_CASE("nothing runs after the end of a process, and what it captured is gone") {
  OnMachine on;
  const auto captured = std::make_shared<int>(0);
  on.loop.post([captured] { ++*captured; });
  on.loop.halt();
  on.loop.post([captured] { ++*captured; });
  CHECK(captured.use_count() == 1);
  on.world.run_for(seconds(1));
  CHECK(*captured == 0);
}

TEST_CASE("a timer never fires before its time, however the clock drifts") {
  OnMachine on;
  const auto ppm = GENERATE(-100'000, -1, 0, 1, 100'000);
  on.clock.set_drift(ppm);
  bool fired = false;
  auto timer = on.loop.timer([&] { fired = true; });
  const auto begin = on.loop.now();
  timer->arm(milliseconds(777));
  REQUIRE(on.world.run_until([&] { return fired; }, seconds(2)));
  CHECK(on.loop.now() - begin >= milliseconds(777));
  CHECK(on.loop.now() - begin < milliseconds(778));
}

TEST_CASE("a wall clock that jumps leaves the other one alone") {
  OnMachine on;
  const auto now = on.loop.now();
  const auto wall = on.loop.wall_ms();
  on.clock.jump_wall(milliseconds(-3'600'000));
  CHECK(on.loop.wall_ms() == wall - 3'600'000);
  CHECK(on.loop.now() == now);
}

}  // namespace
}  // namespace vivarium::test
