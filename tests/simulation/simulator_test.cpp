// Whole runs: what a run is a function of, and that a failure is made shorter.

#include "simulator/machine.hpp"
#include "simulator/run.hpp"

#include <catch2/catch.hpp>

namespace vivarium::test {
namespace {

using namespace simulator;

const PluginCatalogue& catalogue() {
  static const PluginCatalogue kCatalogue = [] {
    PluginCatalogue plugins(PermissionRule::warn);
    plugins.add_directory(VIVARIUM_PLUGIN_DIRECTORY).value();
    add_simulator_offers(plugins);
    return plugins;
  }();
  return kCatalogue;
}

TEST_CASE("one seed gives the same run twice, whether somebody looks on or not") {
  const auto seed = GENERATE(range(1001, 1009));
  RunSpec spec;
  spec.seed = static_cast<std::uint64_t>(seed);
  const auto first = run(spec, catalogue());
  spec.tracing = Tracing::on;
  const auto second = run(spec, catalogue());
  CHECK(first.event_hash == second.event_hash);
  CHECK(first.objections == second.objections);
  CHECK(first.trace.empty());
  CHECK_FALSE(second.trace.empty());
}

TEST_CASE("two seeds give different runs") {
  RunSpec one, other;
  other.seed = 2;
  CHECK(run(one, catalogue()).event_hash != run(other, catalogue()).event_hash);
}

TEST_CASE("leaving out one fault leaves the others what they were") {
  RunSpec spec;
  spec.seed = 1;
  const auto whole = run(spec, catalogue());
  REQUIRE(whole.plan.actions.size() > 1);
  spec.left_out = {0};
  const auto part = run(spec, catalogue());
  REQUIRE(part.plan.actions.size() == whole.plan.actions.size());
  for (std::size_t i = 0; i < part.plan.actions.size(); ++i)
    CHECK(to_text(part.plan.actions[i]) == to_text(whole.plan.actions[i]));
  CHECK(part.event_hash != whole.event_hash);
}

/// A failure that needs the faults 3 and 11, and nothing else.
RunResult fails_with_two(const RunSpec& spec) {
  RunResult result;
  result.plan.actions.resize(16);
  if (!spec.left_out.contains(3) && !spec.left_out.contains(11))
    result.objections = {"I-3: as expected"};
  return result;
}

TEST_CASE("a failure is shortened to the faults that it needs") {
  const RunSpec spec;
  const auto left_out = shorten(spec, fails_with_two(spec), fails_with_two);
  CHECK(left_out == std::set<std::size_t>{0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 15});
}

TEST_CASE("a failure of another kind is no shorter form of it") {
  const auto run = [](const RunSpec& spec) {
    RunResult result;
    result.plan.actions.resize(2);
    result.objections = {spec.left_out.empty() ? "I-3: first" : "L-1: another"};
    return result;
  };
  CHECK(shorten({}, run({}), run).empty());
}

}  // namespace
}  // namespace vivarium::test
