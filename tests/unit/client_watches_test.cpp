// The client's watches: when they fire, and what becomes of them when a connection is lost.
#include "tests/support/client_bench.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace vivarium;
using namespace vivarium::test;
using namespace std::chrono_literals;
using client::AddWatchMode;
using client::State;
using client::Watch;
using client::WatcherType;
using Texts = std::vector<std::string>;

namespace {

struct Bench {
  TestServer server;
  FlakyTransport network{server.loop, server.transport};
  TestSession session{server.loop, network, TestSession::settings()};
  TestClient other{server};

  Bench() { session.wait_state(State::connected); }
  /// Out of reach while `meanwhile` happens.
  template <class Meanwhile>
  void lose_connection(Meanwhile meanwhile) {
    network.reachable = false;
    network.cut();
    REQUIRE(session.wait_state(State::suspended));
    meanwhile();
    network.reachable = true;
    REQUIRE(session.wait_state(State::connected));
  }
};

Texts sorted(Texts texts) {
  std::sort(texts.begin(), texts.end());
  return texts;
}

}  // namespace

TEST_CASE("the watches of reads fire once") {
  Bench bench;
  bench.other.create("/a");
  REQUIRE(bench.session.exists("/new", Watch::set).err == WireError::no_node);
  REQUIRE(bench.session.get("/a", Watch::set).ok());
  REQUIRE(bench.session.children("/a", Watch::set).ok());
  bench.other.create("/new");
  bench.other.set("/a", "1");
  bench.other.set("/a", "2");
  bench.other.create("/a/b");
  bench.other.create("/a/c");
  bench.other.set("/new", "1");
  CHECK(bench.session.take_events() == Texts{"created /new", "data_changed /a", "children_changed /a"});
}

TEST_CASE("one event tells of a deletion, whatever watches there were") {
  Bench bench;
  bench.other.create("/a");
  bench.session.get("/a", Watch::set);
  bench.session.exists("/a", Watch::set);
  bench.session.children("/a", Watch::set);
  bench.session.add_watch("/a", AddWatchMode::persistent);
  bench.other.remove("/a");
  CHECK(bench.session.take_events() == Texts{"deleted /a"});
}

TEST_CASE("persistent watches stay, and recursive ones see all below") {
  Bench bench;
  REQUIRE(bench.session.add_watch("/p", AddWatchMode::persistent).ok());
  REQUIRE(bench.session.add_watch("/r", AddWatchMode::persistent_recursive).ok());
  for (const auto* path : {"/p", "/p/c", "/r", "/r/c", "/r/c/d", "/rest"}) bench.other.create(path);
  bench.other.set("/p", "1");
  bench.other.set("/r/c/d", "1");
  CHECK(bench.session.take_events() == Texts{"created /p", "children_changed /p", "created /r",
                                             "created /r/c", "created /r/c/d", "data_changed /p",
                                             "data_changed /r/c/d"});
}

TEST_CASE("a recursive watch of the root sees everything") {
  Bench bench;
  bench.session.add_watch("/", AddWatchMode::persistent_recursive);
  bench.other.create("/a");
  CHECK(bench.session.take_events() == Texts{"created /a"});
}

TEST_CASE("an event comes before the replies that show what it tells") {
  Bench bench;
  Texts order;
  bench.session.also_on_watch = [&](const client::WatchEvent&) { order.push_back("event"); };
  bench.session->exists("/a", Watch::set, [&](const client::Reply&) { order.push_back("exists"); });
  bench.session->create("/a", "", {}, [&](const client::Reply&) { order.push_back("create"); });
  bench.session->get("/a", Watch::none, [&](const client::Reply&) { order.push_back("get"); });
  bench.server.loop.run_until([&] { return order.size() == 4; });
  CHECK(order == Texts{"exists", "event", "create", "get"});
}

TEST_CASE("an event carries the zxid of the change") {
  Bench bench;
  Zxid zxid;
  bench.session.also_on_watch = [&](const client::WatchEvent& event) { zxid = event.zxid; };
  bench.session.exists("/a", Watch::set);
  CHECK(bench.session.create("/a").stat.czxid == zxid.value);
}

TEST_CASE("removed watches do not fire, nor are they restored") {
  Bench bench;
  bench.other.create("/a");
  bench.session.get("/a", Watch::set);
  bench.session.children("/a", Watch::set);
  bench.session.add_watch("/a", AddWatchMode::persistent);
  CHECK(bench.session.remove_watches("/a", WatcherType::data).ok());
  CHECK(bench.session.remove_watches("/a", WatcherType::data).err == WireError::no_watcher);
  CHECK(bench.session.remove_watches("/a", WatcherType::persistent).ok());
  bench.lose_connection([] {});
  bench.other.set("/a", "1");
  CHECK(bench.session.take_events() == Texts{});
  CHECK(bench.session.remove_watches("/a", WatcherType::any).ok());
  bench.other.create("/a/b");
  CHECK(bench.session.take_events() == Texts{});
}

TEST_CASE("watches of each kind are there after a loss") {
  Bench bench;
  bench.other.create("/data");
  bench.other.create("/child");
  bench.session.get("/data", Watch::set);
  bench.session.exists("/exist", Watch::set);
  bench.session.children("/child", Watch::set);
  bench.session.add_watch("/persistent", AddWatchMode::persistent);
  bench.session.add_watch("/recursive", AddWatchMode::persistent_recursive);
  const auto id = bench.session->id();
  bench.lose_connection([] {});
  CHECK(bench.session->id() == id);
  CHECK(bench.session.take_events() == Texts{});
  bench.other.set("/data", "1");
  for (const auto* path : {"/exist", "/child/x", "/persistent", "/recursive", "/recursive/x"})
    bench.other.create(path);
  CHECK(bench.session.take_events() ==
        Texts{"data_changed /data", "created /exist", "children_changed /child",
              "created /persistent", "created /recursive", "created /recursive/x"});
}

TEST_CASE("what one-shot watches would have told during a loss is told after it") {
  Bench bench;
  for (const auto* path : {"/data", "/child", "/gone"}) bench.other.create(path);
  bench.session.get("/data", Watch::set);
  bench.session.exists("/exist", Watch::set);
  bench.session.children("/child", Watch::set);
  bench.session.get("/gone", Watch::set);
  bench.session.children("/gone", Watch::set);
  bench.session.add_watch("/persistent", AddWatchMode::persistent);
  bench.lose_connection([&] {
    bench.other.set("/data", "1");
    for (const auto* path : {"/exist", "/child/x", "/persistent"}) bench.other.create(path);
    bench.other.remove("/gone");
  });
  CHECK(sorted(bench.session.take_events()) == Texts{"children_changed /child", "created /exist",
                                                     "data_changed /data", "deleted /gone"});
  // They have fired; the persistent one goes on.
  bench.other.set("/data", "2");
  bench.other.set("/persistent", "1");
  CHECK(bench.session.take_events() == Texts{"data_changed /persistent"});
}

TEST_CASE("the events that were missed come before what is read afterwards") {
  Bench bench;
  bench.other.create("/a");
  bench.session.get("/a", Watch::set);
  Texts order;
  bench.session.also_on_watch = [&](const client::WatchEvent&) { order.push_back("event"); };
  bench.session.also_on_state = [&](State state) {
    order.emplace_back(name_of(state));
    if (state == State::connected)
      bench.session->get("/a", Watch::none, [&](const client::DataReply& reply) {
        order.push_back("get " + reply.data.value_or(""));
      });
  };
  bench.lose_connection([&] { bench.other.set("/a", "new"); });
  bench.session.settle();
  CHECK(order == Texts{"suspended", "connected", "event", "get new"});
}

TEST_CASE("a read whose answer was lost leaves no watch") {
  Bench bench;
  bench.other.create("/a");
  bench.network.mute = true;
  WireError err = WireError::ok;
  bench.session->get("/a", Watch::set, [&](const client::Reply& reply) { err = reply.err; });
  bench.session.settle();
  bench.network.mute = false;
  bench.lose_connection([] {});
  CHECK(err == client::kConnectionLoss);
  bench.other.set("/a", "1");
  CHECK(bench.session.take_events() == Texts{});
}

TEST_CASE("more watches than one request holds are restored") {
  Bench bench;
  const std::string name(1000, 'x');
  constexpr int kWatches = 400;
  int set = 0;
  for (int i = 0; i < kWatches; ++i)
    bench.session->exists("/" + std::to_string(i) + name, Watch::set,
                          [&](const client::Reply&) { ++set; });
  REQUIRE(bench.server.loop.run_until([&] { return set == kWatches; }));
  bench.lose_connection([] {});
  for (int i = 0; i < kWatches; ++i) bench.other.create("/" + std::to_string(i) + name);
  CHECK(bench.session.take_events().size() == kWatches);
}
