// What counts as an outage, and what is taken for a reason of it, on timelines made by hand.

#include "simulator/checks/availability.hpp"
#include "simulator/checks/explanations.hpp"
#include "simulator/hours.hpp"

#include <catch2/catch.hpp>

namespace vivarium::test {
namespace {

using namespace simulator;
using namespace std::chrono_literals;

// --- outages -------------------------------------------------------------------------------------

TEST_CASE("answers in time are no outage, however many are asked for") {
  Availability writes(1s);
  for (auto now = MonoTime(0); now < 10s; now += 500ms) {
    writes.on_asked(now);
    CHECK_FALSE(writes.on_answered(now + 400ms));
  }
  CHECK(writes.outages().empty());
}

TEST_CASE("an outage begins with the wait for the first answer that does not come, and ends with the next one") {
  Availability writes(1s);
  writes.on_asked(10s);
  CHECK_FALSE(writes.lasting(11s));
  writes.on_asked(12s);
  CHECK(writes.lasting(12s) == Outage{10s, 12s});
  SECTION("whoever is answered") { CHECK(writes.on_answered(13s) == Outage{10s, 13s}); }
  SECTION("also when those who waited have failed meanwhile") {
    writes.on_failed();
    writes.on_failed();
    writes.on_asked(14s);
    CHECK(writes.on_answered(14s + 1ms) == Outage{10s, 14s + 1ms});
  }
}

TEST_CASE("who still waits when another is answered waits from then on") {
  Availability writes(1s);
  writes.on_asked(0s);
  writes.on_asked(500ms);
  CHECK_FALSE(writes.on_answered(600ms));
  CHECK(writes.on_answered(3s) == Outage{600ms, 3s});
  CHECK(writes.without() == MonoTime(2400ms));
}

TEST_CASE("when nobody asks there is no outage") {
  Availability writes(1s);
  writes.on_asked(0s);
  CHECK_FALSE(writes.on_answered(1ms));
  CHECK_FALSE(writes.lasting(1h));
  writes.on_asked(1h);
  CHECK_FALSE(writes.on_answered(1h + 1ms));
}

TEST_CASE("seconds without an answer are whole ones of the clock") {
  CHECK(Outage{1s, 4s}.whole_seconds() == 3);
  CHECK(Outage{1500ms, 4s}.whole_seconds() == 2);
  CHECK(Outage{1500ms, 2900ms}.whole_seconds() == 0);
}

// --- circumstances -------------------------------------------------------------------------------

ServerId id(std::int64_t number) { return {number}; }

void cut(Circumstances& all, std::int64_t from, std::int64_t to) { all.cut.insert({id(from), id(to)}); }
void split(Circumstances& all, const std::vector<std::int64_t>& here, const std::vector<std::int64_t>& there) {
  for (const auto a : here)
    for (const auto b : there) cut(all, a, b), cut(all, b, a);
}

TEST_CASE("a leader can lead with a majority that takes part and that it reaches in both directions") {
  auto all = Circumstances::all_well(5);
  CHECK(all.can_lead(id(5)));
  SECTION("two others are enough") {
    split(all, {5}, {1, 2});
    CHECK(all.can_lead(id(5)));
    cut(all, 3, 5);
    CHECK_FALSE(all.can_lead(id(5)));
  }
  SECTION("one that is paused, or has no room, does not take part") {
    all.of(id(1)).paused = true;
    all.of(id(2)).disk = Circumstances::Disk::full;
    CHECK(all.can_lead(id(5)));
    all.of(id(3)).runs = false;
    CHECK_FALSE(all.can_lead(id(5)));
  }
  SECTION("its own disk must keep pace, that of others need not") {
    all.of(id(1)).disk = Circumstances::Disk::slow;
    CHECK(all.can_lead(id(5)));
    CHECK_FALSE(all.can_lead(id(1)));
  }
}

TEST_CASE("a majority is one whose members all reach each other") {
  auto all = Circumstances::all_well(5);
  split(all, {1, 2}, {3, 4, 5});
  CHECK(all.have_majority());
  cut(all, 3, 4);
  CHECK_FALSE(all.have_majority());  // 5 reaches two others, who do not reach each other.
}

// --- explanations --------------------------------------------------------------------------------

/// Five servers, of which 5 leads.
struct Timeline {
  Timeline() { explanations.on_leader(id(5)); }

  /// From now on.
  template <class Change>
  void at(MonoTime now, Change change) {
    change(all);
    explanations.on_change(now, all, "by hand");
  }
  void end(MonoTime now, std::int64_t server) {
    at(now, [&](auto& circumstances) { circumstances.of(id(server)).runs = false; });
    if (server == 5) explanations.on_leader({});
  }
  void begin(MonoTime now, std::int64_t server) {
    at(now, [&](auto& circumstances) { circumstances.of(id(server)).runs = true; });
  }
  void lose_power(MonoTime now, std::int64_t server) {
    at(now, [&](auto& circumstances) {
      circumstances.of(id(server)).powered = circumstances.of(id(server)).runs = false;
    });
    if (server == 5) explanations.on_leader({});
  }
  bool explained(MonoTime begins, MonoTime ends) const {
    return !explanations.explain({begins, ends}).unexplained;
  }

  Bounds bounds = Bounds::of({});
  Circumstances all = Circumstances::all_well(5);
  Explanations explanations{5, bounds};
};

TEST_CASE("with nothing wrong nothing is explained") {
  Timeline timeline;
  const auto explanation = timeline.explanations.explain({60s, 62s});
  CHECK(explanation.why.empty());
  CHECK(explanation.unexplained == MonoTime(60s));
}

TEST_CASE("the bounds follow from the config") {
  Bounds::Given given;
  CHECK(Bounds::of(given).silence == MonoTime(10'500ms));
  CHECK(Bounds::of(given).first_silence == MonoTime(20'500ms));
  given.tick = 500ms;
  CHECK(Bounds::of(given).silence == MonoTime(2'625ms));
  CHECK(Bounds::of(given).recovery < MonoTime(1s));
}

TEST_CASE("the end of a leader forces an election, and not one second more") {
  Timeline timeline;
  timeline.end(60s, 5);
  const auto most = timeline.bounds.told + timeline.bounds.recovery;
  CHECK(most < MonoTime(1s));
  CHECK(timeline.explained(60s, 60s + most));
  CHECK_FALSE(timeline.explained(60s, 60s + most + 1ms));
  const auto explanation = timeline.explanations.explain({60s, 63s});
  CHECK(explanation.unexplained == 60s + most);
  CHECK(explanation.why.front().starts_with("server 5 has ended"));
  SECTION("before it nothing is forced, but for an answer that was under way") {
    CHECK(timeline.explained(60s - timeline.bounds.answer, 60s + most));
    CHECK_FALSE(timeline.explained(60s - timeline.bounds.answer - 1ms, 60s + most));
  }
  SECTION("that it comes back excuses nothing") {
    timeline.begin(62s, 5);
    CHECK_FALSE(timeline.explained(60s, 63s));
  }
}

TEST_CASE("what happens to a follower forces nothing") {
  Timeline timeline;
  SECTION("it ends") { timeline.end(60s, 1); }
  SECTION("it loses power") { timeline.lose_power(60s, 1); }
  SECTION("it stands still") {
    timeline.at(60s, [](auto& all) { all.of(id(1)).paused = true; });
  }
  SECTION("two of them are cut off") {
    timeline.at(60s, [](auto& all) { split(all, {1, 2}, {3, 4, 5}); });
  }
  SECTION("its disk is full") {
    timeline.at(60s, [](auto& all) { all.of(id(1)).disk = Circumstances::Disk::full; });
  }
  SECTION("one link of the leader's is cut") {
    timeline.at(60s, [](auto& all) { cut(all, 5, 1); });
  }
  CHECK_FALSE(timeline.explained(60s, 62s));
}

TEST_CASE("a silent leader is waited for as long as syncLimit, or until it is heard again") {
  Timeline timeline;
  const auto& bounds = timeline.bounds;
  timeline.at(60s, [](auto& all) { all.of(id(5)).paused = true; });
  SECTION("for long") {
    CHECK(timeline.explained(60s, 60s + bounds.silence + bounds.recovery));
    CHECK_FALSE(timeline.explained(60s, 60s + bounds.silence + bounds.recovery + 1ms));
  }
  SECTION("for a while") {
    timeline.at(63s, [](auto& all) { all.of(id(5)).paused = false; });
    CHECK(timeline.explained(60s, 63s + bounds.resent + bounds.recovery));
    CHECK_FALSE(timeline.explained(60s, 63s + bounds.resent + bounds.recovery + 1ms));
  }
}

TEST_CASE("a leader without power is silent until its machine answers again") {
  Timeline timeline;
  const auto& bounds = timeline.bounds;
  timeline.lose_power(60s, 5);
  CHECK(timeline.explained(60s, 60s + bounds.silence + bounds.recovery));
  timeline.at(62s, [](auto& all) { all.of(id(5)) = {}; });
  CHECK(timeline.explained(60s, 62s + bounds.reset + bounds.recovery));
  CHECK_FALSE(timeline.explained(60s, 62s + bounds.reset + bounds.recovery + 1ms));
}

TEST_CASE("a leader that a majority does not hear is lost") {
  Timeline timeline;
  timeline.at(60s, [](auto& all) {
    for (const auto other : {1, 2, 3}) cut(all, 5, other);
  });
  CHECK_FALSE(timeline.all.deaf());
  CHECK(timeline.explained(60s, 70s));
  CHECK_FALSE(timeline.explained(60s, 80s));
}

TEST_CASE("one that is heard and hears nothing may be elected once, and is given up then") {
  Timeline timeline;
  const auto& bounds = timeline.bounds;
  timeline.at(60s, [](auto& all) {
    for (const auto other : {1, 2, 3, 4}) cut(all, other, 5);
  });
  CHECK(timeline.all.deaf() == id(5));
  auto most = 60s + bounds.silence + bounds.recovery + bounds.unreachable + bounds.recovery;
  SECTION("while that lasts") {}
  SECTION("unless it hears again before anybody has noticed") {
    timeline.at(65s, [](auto& all) { all.cut.clear(); });
    most = 65s + bounds.resent + bounds.recovery;
  }
  CHECK(timeline.explained(60s, most));
  CHECK_FALSE(timeline.explained(60s, most + 1ms));
}

TEST_CASE("a leader with a slow or a full disk holds everybody up while that lasts") {
  const auto disk = GENERATE(Circumstances::Disk::slow, Circumstances::Disk::full);
  Timeline timeline;
  timeline.at(60s, [&](auto& all) { all.of(id(5)).disk = disk; });
  CHECK(timeline.explained(61s, 90s));
  timeline.at(80s, [](auto& all) { all.of(id(5)).disk = Circumstances::Disk::works; });
  const auto most = 80s + timeline.bounds.drained + timeline.bounds.recovery;
  CHECK(timeline.explained(61s, most));
  CHECK_FALSE(timeline.explained(61s, most + 1ms));
}

TEST_CASE("without a majority nobody can lead, for as long as that is so") {
  Timeline timeline;
  for (const auto server : {5, 4, 3}) timeline.end(60s, server);
  CHECK(timeline.explained(60s, 1h));
  timeline.begin(90s, 3);
  const auto most = 90s + timeline.bounds.recovery + timeline.bounds.start;
  CHECK(timeline.explained(60s, most));
  CHECK_FALSE(timeline.explained(60s, most + 1ms));
}

TEST_CASE("of two faults each excuses its own time") {
  Timeline timeline;
  const auto& bounds = timeline.bounds;
  timeline.end(60s, 5);
  SECTION("that of the second begins where nobody leads yet") {
    timeline.lose_power(60s + 100ms, 4);  // It may have been about to lead.
    const auto most = 60s + 100ms + bounds.first_silence + bounds.recovery;
    CHECK(timeline.explained(60s, most));
    CHECK_FALSE(timeline.explained(60s, most + 1ms));
  }
  SECTION("once somebody leads again, what happens to a follower excuses nothing") {
    timeline.explanations.on_leader(id(4));
    timeline.lose_power(60s + 500ms, 1);
    CHECK_FALSE(timeline.explained(60s, 62s));
  }
  SECTION("the second one's leader is another") {
    timeline.explanations.on_leader(id(4));
    timeline.at(60s + 500ms, [](auto& all) { all.of(id(4)).paused = true; });
    CHECK(timeline.explained(60s, 60s + 500ms + bounds.silence + bounds.recovery));
    const auto explanation = timeline.explanations.explain({60s, 70s});
    CHECK(explanation.why.size() == 2);
  }
  SECTION("between the two nothing is excused") {
    timeline.explanations.on_leader(id(4));
    timeline.at(65s, [](auto& all) { all.of(id(4)).paused = true; });
    CHECK(timeline.explained(65s, 70s));
    CHECK(timeline.explanations.explain({60s, 70s}).unexplained == 60s + bounds.told + bounds.recovery);
  }
}

TEST_CASE("of a time it is known how much is forced") {
  Timeline timeline;
  const auto& bounds = timeline.bounds;
  CHECK(timeline.explanations.forced_part({50s, 60s}) == MonoTime(0));
  timeline.end(60s, 5);
  timeline.explanations.on_leader(id(4));
  timeline.at(65s, [](auto& all) { all.of(id(4)).paused = true; });
  const auto one = bounds.answer + bounds.told + bounds.recovery;
  CHECK(timeline.explanations.forced_part({50s, 62s}) == one);
  CHECK(timeline.explanations.forced_part({50s, 70s}) == one + bounds.answer + MonoTime(5s));
  CHECK(timeline.explanations.last_change(64s) == MonoTime(60s));
  CHECK(timeline.explanations.last_change(70s) == MonoTime(65s));
}

TEST_CASE("a disk without room has its server refuse writes, until that looks again") {
  Timeline timeline;
  const auto part = [&](MonoTime begins, MonoTime ends) { return timeline.explanations.refused_part({begins, ends}); };
  timeline.at(60s, [](auto& all) { all.of(id(2)).disk = Circumstances::Disk::full; });
  CHECK(part(50s, 62s) == MonoTime(2s));
  SECTION("also when others have more troubles meanwhile") {
    timeline.at(61s, [](auto& all) { all.of(id(3)).paused = true; });
    CHECK(part(50s, 62s) == MonoTime(2s));
  }
  timeline.at(63s, [](auto& all) { all.of(id(2)).disk = Circumstances::Disk::works; });
  CHECK(part(50s, 70s) == MonoTime(3s) + timeline.bounds.drained);
  CHECK(part(65s, 70s) == MonoTime(0));
}

TEST_CASE("what was long ago is forgotten, and what is so now is not") {
  Timeline timeline;
  timeline.at(60s, [](auto& all) { split(all, {1, 2}, {3, 4, 5}); });
  timeline.explanations.forget_before(1h);
  timeline.at(2h, [](auto& all) { all.of(id(4)).runs = false; });
  CHECK(timeline.explained(2h, 3h));  // 5 and 3 are no majority.
}

// --- the plan ------------------------------------------------------------------------------------

TEST_CASE("a fault a minute, each over within its minute, and all of it a function of the seed") {
  const auto plan = make_steady_fault_plan(7, 24h);
  CHECK(plan.actions.size() == 24 * 60 - 1);
  for (std::size_t i = 0; i < plan.actions.size(); ++i) {
    const auto& action = plan.actions[i];
    CHECK(action.at >= (i + 1) * 1min);
    CHECK(action.at + action.lasts < (i + 1) * 1min + 45s);
  }
  const auto again = make_steady_fault_plan(7, 24h);
  CHECK(std::equal(plan.actions.begin(), plan.actions.end(), again.actions.begin(), again.actions.end(),
                   [](const auto& a, const auto& b) { return to_text(a) == to_text(b); }));
}

}  // namespace
}  // namespace vivarium::test
