// What a Loop promises, on the real and the simulated one.
#include "tests/contract/doors.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace vivarium;
using namespace vivarium::test;
using namespace std::chrono_literals;

#define ON_BOTH_LOOPS(name) TEMPLATE_TEST_CASE(name, "[loop]", RealDoors, SimulatedDoors)

ON_BOTH_LOOPS("tasks run in the order in which they were posted, inside tasks too") {
  TestType doors;
  std::vector<int> ran;
  doors.loop->post([&] {
    ran.push_back(1);
    doors.loop->post([&] { ran.push_back(3); });
  });
  doors.loop->post([&] { ran.push_back(2); });
  REQUIRE(doors.run_until([&] { return ran.size() == 3; }));
  CHECK(ran == std::vector{1, 2, 3});
}

ON_BOTH_LOOPS("no task runs inside post") {
  TestType doors;
  bool ran = false;
  doors.loop->post([&] { ran = true; });
  CHECK_FALSE(ran);
  REQUIRE(doors.run_until([&] { return ran; }));
}

ON_BOTH_LOOPS("a task that is queued when the loop ends is destroyed without being run") {
  TestType doors;
  const auto held = std::make_shared<int>();
  bool ran = false;
  doors.loop->post([held, &ran] { ran = true; });
  doors.loop.reset();
  CHECK(held.use_count() == 1);
  CHECK_FALSE(ran);
}

ON_BOTH_LOOPS("a task may post from its destructor while the loop ends") {
  TestType doors;
  struct Poster {
    Loop* loop;
    ~Poster() {
      loop->post([] {});
    }
  };
  doors.loop->post([poster = std::make_shared<Poster>(Poster{doors.loop.get()})] {});
  doors.loop.reset();
}

ON_BOTH_LOOPS("timers fire in the order of their times and not before") {
  TestType doors;
  std::vector<int> fired;
  const MonoTime begin = doors.loop->now();
  MonoTime at_second{};
  const auto second = doors.loop->timer([&] {
    fired.push_back(2);
    at_second = doors.loop->now();
  });
  const auto first = doors.loop->timer([&] { fired.push_back(1); });
  second->arm(3ms);
  first->arm(1ms);
  REQUIRE(doors.run_until([&] { return fired.size() == 2; }));
  CHECK(fired == std::vector{1, 2});
  CHECK(at_second - begin >= 3ms);
}

ON_BOTH_LOOPS("arming a timer again replaces the earlier time") {
  TestType doors;
  int fired = 0;
  bool later = false;
  const auto timer = doors.loop->timer([&] { ++fired; });
  const auto end = doors.loop->timer([&] { later = true; });
  timer->arm(1ms);
  timer->arm(2ms);
  end->arm(5ms);
  REQUIRE(doors.run_until([&] { return later; }));
  CHECK(fired == 1);
}

ON_BOTH_LOOPS("a timer fires once each time it is armed, also when armed by its own task") {
  TestType doors;
  int fired = 0;
  std::unique_ptr<Timer> timer;
  timer = doors.loop->timer([&] {
    if (++fired < 3) timer->arm(0us);
  });
  timer->arm(0us);
  REQUIRE(doors.run_until([&] { return fired == 3; }));
}

ON_BOTH_LOOPS("a cancelled timer does not fire, even when its time has already come") {
  TestType doors;
  bool fired = false, end = false;
  const auto victim = doors.loop->timer([&] { fired = true; });
  const auto killer = doors.loop->timer([&] { victim->cancel(); });
  const auto last = doors.loop->timer([&] { end = true; });
  killer->arm(0us);
  victim->arm(0us);
  last->arm(1ms);
  REQUIRE(doors.run_until([&] { return end; }));
  CHECK_FALSE(fired);
}

ON_BOTH_LOOPS("destroying a timer cancels it and frees its task") {
  TestType doors;
  const auto held = std::make_shared<int>();
  bool fired = false, end = false;
  auto timer = doors.loop->timer([held, &fired] { fired = true; });
  timer->arm(0us);
  timer.reset();
  CHECK(held.use_count() == 1);
  const auto last = doors.loop->timer([&] { end = true; });
  last->arm(1ms);
  REQUIRE(doors.run_until([&] { return end; }));
  CHECK_FALSE(fired);
}

ON_BOTH_LOOPS("a timer may be destroyed by its own task") {
  TestType doors;
  const auto held = std::make_shared<int>();
  std::unique_ptr<Timer> timer;
  int seen = 0;
  timer = doors.loop->timer([held, &timer, &seen] {
    timer.reset();
    seen = static_cast<int>(held.use_count());  // The task itself is still whole.
  });
  timer->arm(0us);
  REQUIRE(doors.run_until([&] { return seen > 0; }));
  CHECK(held.use_count() == 1);
}

ON_BOTH_LOOPS("chance gives different values and fills every byte") {
  TestType doors;
  CHECK(doors.loop->random() != doors.loop->random());
  std::array<unsigned char, 64> all{};
  for (int round = 0; round < 64; ++round) {
    std::array<unsigned char, 64> some{};
    doors.loop->random_bytes(some.data(), some.size());
    for (std::size_t i = 0; i < all.size(); ++i) all[i] |= some[i];
  }
  for (const unsigned char byte : all) CHECK(byte != 0);
}

ON_BOTH_LOOPS("the core thread knows itself, and other threads are not it") {
  TestType doors;
  bool inside = false, elsewhere = true;
  doors.loop->post([&] {
    inside = doors.loop->on_core_thread();
    std::thread([&] { elsewhere = doors.loop->on_core_thread(); }).join();
  });
  REQUIRE(doors.run_until([&] { return inside; }));
  CHECK_FALSE(elsewhere);
}

// --- the real loop alone -------------------------------------------------------------------------

TEST_CASE("any thread may post, and each thread's tasks keep their order", "[loop]") {
  AsioLoop loop;
  constexpr int kEach = 5000;
  std::array<std::vector<int>, 3> seen;
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < seen.size(); ++t)
    threads.emplace_back([&loop, &mine = seen[t]] {
      for (int i = 0; i < kEach; ++i) loop.post([&mine, i] { mine.push_back(i); });
    });
  const auto all = [&] { return seen[0].size() + seen[1].size() + seen[2].size() == 3 * kEach; };
  CHECK(loop.run_until(all, 60s));
  for (std::thread& thread : threads) thread.join();
  for (const auto& mine : seen)
    for (int i = 0; i < kEach; ++i) REQUIRE(mine.at(static_cast<std::size_t>(i)) == i);
}

TEST_CASE("run ends at stop, whichever thread calls it and whenever", "[loop]") {
  AsioLoop loop;
  loop.stop();
  loop.run();
  std::thread other([&] { loop.stop(); });
  loop.run();
  other.join();
  int ran = 0;
  loop.post([&] {
    ++ran;
    loop.stop();
  });
  loop.post([&] { ++ran; });
  loop.run();
  CHECK(ran == 1);  // What is queued behind waits for the next run.
  CHECK(loop.run_until([&] { return ran == 2; }, 60s));
}

TEST_CASE("run_until gives up when its time has passed", "[loop]") {
  AsioLoop loop;
  CHECK_FALSE(loop.run_until([] { return false; }, 1ms));
}

namespace {

struct SocketPair {
  SocketPair() { REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()) == 0); }
  ~SocketPair() {
    for (const int end : ends)
      if (end >= 0) ::close(end);
  }
  void write_far(const char* text, std::size_t size) {
    REQUIRE(::write(ends[1], text, size) == static_cast<ssize_t>(size));
  }
  void close_far() { ::close(std::exchange(ends[1], -1)); }
  std::array<int, 2> ends{};
};

}  // namespace

TEST_CASE("a watch calls back again and again while the condition holds", "[loop][watch]") {
  AsioLoop loop;
  SocketPair pair;
  int calls = 0;
  char byte = 0;
  const auto watch = loop.watch(pair.ends[0], [&](Readiness ready) {
    CHECK(ready.readable);
    CHECK_FALSE(ready.writable);
    if (++calls == 3) CHECK(::read(pair.ends[0], &byte, 1) == 1);
  });
  watch->want(true, false);
  CHECK_FALSE(loop.run_until([&] { return calls > 0; }, 2ms));
  pair.write_far("x", 1);
  CHECK(loop.run_until([&] { return calls == 3; }, 60s));
  CHECK_FALSE(loop.run_until([&] { return calls > 3; }, 2ms));
  CHECK(byte == 'x');
}

TEST_CASE("a watch reports only what is wanted", "[loop][watch]") {
  AsioLoop loop;
  SocketPair pair;
  int calls = 0;
  Readiness last;
  const auto watch = loop.watch(pair.ends[0], [&](Readiness ready) {
    ++calls;
    last = ready;
  });
  CHECK_FALSE(loop.run_until([&] { return calls > 0; }, 2ms));
  watch->want(false, true);
  CHECK(loop.run_until([&] { return calls > 0; }, 60s));
  CHECK(last.writable);
  CHECK_FALSE(last.readable);
  pair.write_far("x", 1);
  watch->want(true, true);
  CHECK(loop.run_until([&] { return last.readable && last.writable; }, 60s));
  watch->want(false, false);
  loop.run_until([] { return false; }, 1ms);
  calls = 0;
  CHECK_FALSE(loop.run_until([&] { return calls > 0; }, 2ms));
}

TEST_CASE("a hang-up reports readable and writable both", "[loop][watch]") {
  AsioLoop loop;
  SocketPair pair;
  Readiness last;
  const auto watch = loop.watch(pair.ends[0], [&](Readiness ready) { last = ready; });
  watch->want(true, false);
  pair.close_far();
  CHECK(loop.run_until([&] { return last.readable && last.writable; }, 60s));
}

TEST_CASE("a watch may be destroyed inside its own callback and leaves the descriptor open",
          "[loop][watch]") {
  AsioLoop loop;
  SocketPair pair;
  const auto held = std::make_shared<int>();
  std::unique_ptr<DescriptorWatch> watch;
  int calls = 0;
  watch = loop.watch(pair.ends[0], [&, held](Readiness) {
    watch.reset();
    calls += static_cast<int>(held.use_count());  // The callback itself is still whole.
  });
  watch->want(true, false);
  pair.write_far("x", 1);
  CHECK(loop.run_until([&] { return calls > 0; }, 60s));
  CHECK(held.use_count() == 1);
  char byte = 0;
  CHECK(::read(pair.ends[0], &byte, 1) == 1);
}

TEST_CASE("a watch that another callback destroyed is not called any more", "[loop][watch]") {
  AsioLoop loop;
  SocketPair left, right;
  std::array<std::unique_ptr<DescriptorWatch>, 2> watches;
  int calls = 0;
  const auto destroy_both = [&](Readiness) {
    ++calls;
    for (auto& watch : watches) watch.reset();
  };
  watches[0] = loop.watch(left.ends[0], destroy_both);
  watches[1] = loop.watch(right.ends[0], destroy_both);
  for (auto& watch : watches) watch->want(true, false);
  left.write_far("x", 1);
  right.write_far("x", 1);
  CHECK_FALSE(loop.run_until([&] { return calls > 1; }, 5ms));
  CHECK(calls == 1);
}

TEST_CASE("a busy descriptor does not keep posted tasks and timers from running", "[loop][watch]") {
  AsioLoop loop;
  SocketPair pair;
  const auto watch = loop.watch(pair.ends[0], [](Readiness) {});
  watch->want(false, true);
  bool posted = false, fired = false;
  const auto timer = loop.timer([&] { fired = true; });
  timer->arm(1ms);
  loop.post([&] { posted = true; });
  CHECK(loop.run_until([&] { return posted && fired; }, 60s));
}

// --- the simulated loop alone --------------------------------------------------------------------

TEST_CASE("virtual time jumps to the next event and stands still inside it", "[loop][simulated]") {
  SimulatedLoop loop(1);
  MonoTime seen{};
  const auto timer = loop.timer([&] { seen = loop.now(); });
  timer->arm(30min);
  CHECK(loop.step());
  CHECK(seen == 30min);
  CHECK_FALSE(loop.step());
  loop.run_for(1h);
  CHECK(loop.now() == 90min);
}

TEST_CASE("moving the wall clock moves no timer", "[loop][simulated]") {
  SimulatedLoop loop(1);
  bool fired = false;
  const auto timer = loop.timer([&] { fired = true; });
  timer->arm(10s);
  loop.set_wall_ms(4'000'000'000'000);
  loop.run_for(9s);
  CHECK_FALSE(fired);
  CHECK(loop.wall_ms() == 4'000'000'009'000);
  loop.set_wall_ms(5);
  loop.run_for(1s);
  CHECK(fired);
  CHECK(loop.wall_ms() == 1005);
}

TEST_CASE("run_until ends at its limit of virtual time", "[loop][simulated]") {
  SimulatedLoop loop(1);
  std::unique_ptr<Timer> timer;
  timer = loop.timer([&] { timer->arm(1s); });
  timer->arm(1s);
  CHECK_FALSE(loop.run_until([] { return false; }, 10s));
  CHECK(loop.now() == 10s);
}

namespace {

/// Some work on all simulated doors. Gives the hash of what happened.
std::uint64_t hash_of_a_run(std::uint64_t seed) {
  SimulatedLoop loop(seed);
  SimulatedDisk disk(loop);
  SimulatedWorkers workers(loop);
  int left = 200;
  std::function<void()> next = [&] {
    if (--left <= 0) return;
    loop.note(std::to_string(loop.random() % 10));
    if (left % 2 == 0) return workers.submit([] {}, next);
    disk.submit(
        left % 3 == 0 ? Lane::log : Lane::bulk,
        [left](FileSystem& files) {
          auto file = files.open("/file" + std::to_string(left % 7), OpenMode::create_empty);
          (void)(*file)->write_at(0, "content");
        },
        next);
  };
  for (int i = 0; i < 3; ++i) next();
  loop.run_until([&] { return left <= -2; });
  return loop.event_hash();
}

std::string this_program() {
  std::array<char, 4096> path{};
  REQUIRE(::readlink("/proc/self/exe", path.data(), path.size() - 1) > 0);
  return path.data();
}

std::string output_of(const std::string& command) {
  FILE* pipe = ::popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string text;
  std::array<char, 256> part{};
  while (std::fgets(part.data(), part.size(), pipe)) text += part.data();
  ::pclose(pipe);
  return text;
}

}  // namespace

TEST_CASE("another process asks for the event hash", "[.][event-hash]") {
  std::printf("event hash %llu\n", static_cast<unsigned long long>(hash_of_a_run(42)));
}

TEST_CASE("one seed gives one event hash, in two processes too", "[loop][simulated]") {
  const auto hash = hash_of_a_run(42);
  CHECK(hash_of_a_run(42) == hash);
  CHECK(hash_of_a_run(43) != hash);
  const auto output = output_of("'" + this_program() + "' '[event-hash]'");
  CHECK_THAT(output, Catch::Contains("event hash " + std::to_string(hash) + "\n"));
}

TEST_CASE("the event hash tells a different order of the same events", "[loop][simulated]") {
  SimulatedLoop one(1), other(1);
  one.schedule(1ms, "a", [] {});
  one.schedule(2ms, "b", [] {});
  other.schedule(2ms, "a", [] {});
  other.schedule(1ms, "b", [] {});
  one.run_for(1s);
  other.run_for(1s);
  CHECK(one.event_hash() != other.event_hash());
}
