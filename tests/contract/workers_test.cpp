// What Workers promise, on the real and the simulated ones.
#include "tests/contract/doors.hpp"

#include <catch2/catch.hpp>

#include <future>
#include <set>

using namespace vivarium;
using namespace vivarium::test;

#define ON_BOTH_WORKERS(name) TEMPLATE_TEST_CASE(name, "[workers]", RealDoors, SimulatedDoors)

ON_BOTH_WORKERS("a job's output comes back as an event on the core thread") {
  TestType doors;
  const auto workers = doors.workers();
  const auto output = std::make_shared<int>(0);
  int seen = 0;
  workers->submit([output] { *output = 42; },
                  [&, output] {
                    CHECK(doors.loop->on_core_thread());
                    seen = *output;
                  });
  CHECK(seen == 0);
  REQUIRE(doors.run_until([&] { return seen != 0; }));
  CHECK(seen == 42);
}

ON_BOTH_WORKERS("every job runs once") {
  TestType doors;
  const auto workers = doors.workers();
  std::multiset<int> seen;
  for (int i = 0; i < 500; ++i) workers->submit([] {}, [&seen, i] { seen.insert(i); });
  REQUIRE(doors.run_until([&] { return seen.size() == 500; }));
  CHECK(std::set<int>(seen.begin(), seen.end()).size() == 500);
}

ON_BOTH_WORKERS("a completion may submit the next job and may end the workers") {
  TestType doors;
  auto workers = doors.workers();
  bool ended = false;
  workers->submit([] {},
                  [&] {
                    workers->submit([] {},
                                    [&] {
                                      workers.reset();
                                      ended = true;
                                    });
                  });
  REQUIRE(doors.run_until([&] { return ended; }));
}

ON_BOTH_WORKERS("what is pending when the workers end is destroyed unrun") {
  TestType doors;
  auto workers = doors.workers();
  const auto held = std::make_shared<int>();
  int completed = 0;
  for (int i = 0; i < 100; ++i) workers->submit([held] {}, [held, &completed] { ++completed; });
  workers.reset();
  CHECK(held.use_count() == 1);
  bool end = false;
  doors.loop->post([&] { end = true; });
  REQUIRE(doors.run_until([&] { return end; }));
  CHECK(completed == 0);
}

TEST_CASE("real workers run jobs beside each other", "[workers]") {
  RealDoors doors;
  const auto workers = doors.workers();
  const auto meeting = std::make_shared<std::promise<void>>();
  int completed = 0;
  workers->submit([meeting] { meeting->get_future().wait(); }, [&] { ++completed; });
  workers->submit([meeting] { meeting->set_value(); }, [&] { ++completed; });
  REQUIRE(doors.run_until([&] { return completed == 2; }));
}
