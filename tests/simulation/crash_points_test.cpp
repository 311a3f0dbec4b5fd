// The file store on a disk that fails at every one of its operations in turn, in every way: what
// was reported is there after the restart, what else is there was asked for, and a Java server that
// is started on the directory finds a beginning of the same history, or refuses.
//
// A new scenario is a row of kScenarios.
#include "tests/simulation/java_eye.hpp"
#include "tests/simulation/machine.hpp"
#include "tests/simulation/script.hpp"

#include <catch2/catch.hpp>

#include <iostream>
#include <map>

using namespace vivarium;
using namespace vivarium::test;

namespace {

// --- scenarios -----------------------------------------------------------------------------------

struct Scenario {
  const char* name;
  void (*before)(Script&);  ///< Undisturbed.
  void (*act)(Script&);     ///< Here each operation is a point.
};

Zxid at(std::int64_t epoch, std::uint32_t counter) {
  return Zxid::of(Epoch{epoch}, counter);
}

void begin(Script& script) {
  script.open();
  script.snapshot();
  script.accept(1);
  script.enter(1);
  script.begin_epoch(1, 4);
}

/// Three log files, two snapshots.
void begin_long(Script& script) {
  begin(script);
  script.snapshot(2);
  script.append(3);
  script.reopen();
  script.append(4);
}

const Scenario kScenarios[] = {
    {"first start", [](Script&) {},
     [](Script& script) {
       script.open();
       script.snapshot();
       script.append(2);
     }},
    {"append", begin,
     [](Script& script) {
       script.append(1);
       script.append(6);
     }},
    {"append and rest", begin,
     [](Script& script) {
       script.append(2);
       script.rest();
       script.append(2);
       script.rest();
     }},
    {"append across sectors and preallocation", begin,
     [](Script& script) {
       script.append(3, 30'000);
       script.append(2, 40'000);
     }},
    {"restart and append", begin_long,
     [](Script& script) {
       script.reopen();
       script.append(3);
     }},
    {"snapshot and roll", begin,
     [](Script& script) {
       script.snapshot(3, 3000);
       script.append(2);
     }},
    {"snapshot given up", begin, [](Script& script) { script.abandon_snapshot(); }},
    {"two snapshots", begin_long,
     [](Script& script) {
       script.snapshot();
       script.append(1);
       script.snapshot(1);
     }},
    {"purge",
     [](Script& script) {
       begin_long(script);
       script.snapshot(2);
       script.snapshot(2);
     },
     [](Script& script) {
       script.purge(2);
       script.append(2);
     }},
    {"truncate within the last log", begin_long,
     [](Script& script) {
       script.truncate(at(1, 11));
       script.append(2);
     }},
    {"truncate across logs and below snapshots", begin_long,
     [](Script& script) {
       script.truncate(at(1, 3));
       script.append(2);
     }},
    {"truncate to nothing", begin_long,
     [](Script& script) {
       script.truncate(Zxid{0});
       script.begin_epoch(1, 2);
     }},
    {"truncate what no log follows", begin_long,
     [](Script& script) {
       script.truncate(at(1, 13));
       script.append(2);
     }},
    {"epochs", begin,
     [](Script& script) {
       script.accept(2);
       script.enter(2);
       script.begin_epoch(2, 2);
     }},
    {"first epochs",
     [](Script& script) {
       script.open();
       script.snapshot();
     },
     [](Script& script) {
       script.accept(1);
       script.enter(1);
     }},
    {"a follower that gets a DIFF", begin_long,
     [](Script& script) {
       script.accept(3);
       script.append(2);
       script.enter(3);
       script.begin_epoch(3, 3);
     }},
    {"a follower that gets a TRUNC", begin_long,
     [](Script& script) {
       script.accept(3);
       script.truncate(at(1, 9));
       script.append(1);
       script.enter(3);
       script.begin_epoch(3, 2);
     }},
    {"a follower that gets a SNAP", begin_long,
     [](Script& script) {
       script.accept(4);
       script.install(at(3, 7));
       script.append(2);
       script.enter(4);
       script.begin_epoch(4, 2);
     }},
    {"a SNAP that goes back", begin_long,
     [](Script& script) {
       script.accept(2);
       script.install(at(1, 6));
       script.enter(2);
       script.begin_epoch(2, 2);
     }},
    {"a SNAP in place of one", begin_long,
     [](Script& script) {
       script.accept(4);
       script.install(at(3, 7));
       script.install(at(3, 9));
       script.append(1);
     }},
    {"a restore in place of what is there",
     [](Script& script) {
       begin_long(script);
       script.back_up();
       script.append(2);
     },
     [](Script& script) {
       script.restore(at(1, 8));
       script.append(2);
     }},
};

// --- modes ---------------------------------------------------------------------------------------

enum class Strike : std::uint8_t { before, after, failure, death };
/// What becomes of the machine then.
enum class Then : std::uint8_t { loses_all, loses_some, loses_nothing, keeps_power };

struct Mode {
  const char* name;
  Strike strike;
  Then then;
  std::uint64_t seeds;  ///< With so many it is tried, in one of the layouts.
};

const Mode kModes[] = {
    {"power fails before it, what was not synced is lost", Strike::before, Then::loses_all, 1},
    {"power fails before it, what was not synced is torn", Strike::before, Then::loses_some, 1},
    {"power fails before it, nothing is lost", Strike::before, Then::loses_nothing, 1},
    {"power fails after it, what was not synced is lost", Strike::after, Then::loses_all, 1},
    {"power fails after it, what was not synced is torn", Strike::after, Then::loses_some, 3},
    {"power fails after it, nothing is lost", Strike::after, Then::loses_nothing, 1},
    {"it fails, then power, what was not synced is lost", Strike::failure, Then::loses_all, 1},
    {"it fails, then power, what was not synced is torn", Strike::failure, Then::loses_some, 1},
    {"it fails, and the process ends", Strike::failure, Then::keeps_power, 1},
    {"the process is killed before it", Strike::death, Then::keeps_power, 1},
};

CrashLoss loss_of(Then then) {
  if (then == Then::loses_all) return CrashLoss::everything;
  return then == Then::loses_some ? CrashLoss::something : CrashLoss::nothing;
}

void arm(SimulatedFileSystem& files, const Mode& mode, std::uint64_t operation) {
  switch (mode.strike) {
    case Strike::before: return files.crash_before(operation, loss_of(mode.then));
    case Strike::after: return files.crash_at(operation, loss_of(mode.then));
    case Strike::failure: return files.fail_at(operation);
    case Strike::death: return files.kill_before(operation);
  }
}

// --- one trial -----------------------------------------------------------------------------------

struct Layout {
  const char* name;
  const char* logs;
  Settings server_settings;
};
const Layout kLayouts[] = {
    {"one directory", "/data/version-2", {}},
    {"dataLogDir", "/logs/version-2", {{"dataLogDir", "/logs"}}},
};

/// How often a Java server would start, and why it would not.
using JavaCount = std::map<std::string, std::uint64_t>;

class Trial {
 public:
  Trial(const Scenario& scenario, const Layout& layout, std::uint64_t seed, JavaCount& java)
      : scenario_(scenario), layout_(layout), java_(java),
        machine_(seed, {{"prealloc", "8K"}}, layout.server_settings), script_(machine_) {
    machine_.files().on_operation([this](const std::string& what) { note(what); });
    scenario_.before(script_);
    first_ = machine_.files().operations() + 1;
  }

  /// The first operation that is a point.
  std::uint64_t first() const { return first_; }
  /// All points, one behind the last.
  std::uint64_t live() {
    scenario_.act(script_);
    return machine_.files().operations() + 1;
  }

  void end_at(std::uint64_t operation, const Mode& mode) {
    strike_at(operation, mode);
    try {
      scenario_.act(script_);
    } catch (const Ended&) {
    }
    script_.note_durable();
    restart(mode);
  }

  /// Begins the start, in which the fault strikes. False when the start was over before.
  bool end_start_at(std::uint64_t operation, const Mode& mode) {
    strike_at(machine_.files().operations() + operation, mode);
    try {
      if (machine_.open().has_value()) return false;
    } catch (const Ended&) {
    }
    restart(mode);
    return true;
  }

  void check() {
    look_as_java();
    script_.check_start();
    // What a start has reported no loss of power takes away.
    machine_.fail_power(CrashLoss::everything);
    look_as_java();
    script_.check_start();
    go_on();
    machine_.fail_power(CrashLoss::everything);
    if (!look_as_java().empty()) throw Violation("Java refuses what was written after the restart");
    script_.check_start();
  }

  const std::string& struck_at() const { return struck_at_; }

 private:
  void strike_at(std::uint64_t operation, const Mode& mode) {
    strikes_at_ = operation;
    fails_ = mode.strike == Strike::failure;
    arm(machine_.files(), mode, operation);
  }

  void note(const std::string& what) {
    if (machine_.files().operations() != strikes_at_) return;
    struck_at_ += (struck_at_.empty() ? "" : "; then ") + what;
    const bool read = what.starts_with("reading") || what.starts_with("opening") ||
                      what.starts_with("asking for the size");
    if (fails_ && read && what.find("/snapshot.") != what.npos) script_.snapshots_unreadable = true;
  }

  void restart(const Mode& mode) {
    strikes_at_ = 0;
    machine_.end_process();
    SimulatedFileSystem& files = machine_.files();
    const bool lives = !files.down();
    if (lives && mode.then == Then::keeps_power) files.kill();
    if (lives && mode.then != Then::keeps_power) files.crash(loss_of(mode.then));
    files.disarm();
    machine_.restart();
  }

  void go_on() {
    script_.append(2);
    script_.accept(9);
    script_.enter(9);
    script_.snapshot(1);
  }

  std::string look_as_java() {
    JavaEye eye(machine_.files(), "/data/version-2", layout_.logs);
    const auto seen = eye.look();
    ++java_[seen.refusal.empty() ? "starts" : "refuses: " + seen.refusal];
    if (seen.refusal.empty()) check_java(seen);
    return seen.refusal;
  }

  void check_java(const JavaEye::Seen& seen) {
    check_java_epoch(seen.accepted, script_.accepted);
    check_java_epoch(seen.current, script_.current);
    const std::string no = java_mismatch(seen, script_.now, Least::all_reported);
    if (no.empty()) return;
    if (!script_.next) throw Violation(no);
    const Held& next = *script_.next;
    if (java_mismatch(seen, next, Least::all_reported).empty()) return;
    // Of a change that is under way Java may find a shorter history: one that reaches to where a
    // truncation ends, or, before a snapshot takes its place, any.
    const bool shorter = java_mismatch(seen, script_.now, Least::anything).empty();
    const bool truncation = next.base == script_.now.base;
    if (!shorter || (truncation && seen.last() < next.last())) throw Violation(no);
    ++java_["starts with less, while the history is being changed"];
  }

  static void check_java_epoch(std::optional<std::int64_t> seen, const Script::KeptEpoch& value) {
    if (seen && value.kept && *seen < value.kept->value)
      throw Violation("Java finds an epoch below the one that was reported");
  }

  const Scenario& scenario_;
  const Layout& layout_;
  JavaCount& java_;
  Machine machine_;
  Script script_;
  std::uint64_t first_ = 0;
  std::uint64_t strikes_at_ = 0;
  bool fails_ = false;
  std::string struck_at_;
};

// --- all trials ----------------------------------------------------------------------------------

constexpr std::size_t kShownMax = 12;

/// Trials of one kind, over all scenarios.
class Campaign {
 public:
  explicit Campaign(std::string name) : name_(std::move(name)) {}

  /// Each operation in each mode; with so many times the usual seeds.
  void try_points(const Scenario& scenario, std::uint64_t times) {
    for (const Layout& layout : kLayouts)
      for (const Mode& mode : kModes)
        for (std::uint64_t seed = 1; seed <= times * (&layout == kLayouts ? mode.seeds : 1); ++seed)
          try_points(scenario, layout, mode, seed);
    report(scenario);
  }

  /// One operation of so many in each mode, and then one of so many of the start that follows.
  /// Modes begin at different operations, so that with few left out each gets its turn.
  struct Strides {
    std::uint64_t first, second;
    std::string_view first_is = "";  ///< Only where this is what it does.
  };
  void try_pairs(const Scenario& scenario, Strides strides) {
    for (const Layout& layout : kLayouts)
      for (std::size_t mode = 0; mode < std::size(kModes); ++mode)
        try_pairs(scenario, layout, mode, strides);
    report(scenario);
  }

 private:
  /// From the first point to one behind the last: they differ a little from seed to seed.
  std::pair<std::uint64_t, std::uint64_t> range(const Scenario& scenario, const Layout& layout,
                                                std::uint64_t seed) {
    Trial trial(scenario, layout, seed, java_);
    const auto first = trial.first();
    return {first, trial.live()};
  }

  void try_points(const Scenario& scenario, const Layout& layout, const Mode& mode,
                  std::uint64_t seed) {
    const auto [first, end] = range(scenario, layout, seed);
    if (&mode == kModes && seed == 1) points_ += end - first;
    for (std::uint64_t operation = first; operation < end; ++operation)
      attempt(scenario, layout, mode, seed, [&, operation = operation](Trial& trial) {
        trial.end_at(operation, mode);
        trial.check();
      });
  }

  void try_pairs(const Scenario& scenario, const Layout& layout, std::size_t mode,
                 Strides strides) {
    const auto [first, end] = range(scenario, layout, 1);
    if (mode == 0) points_ += end - first;
    const auto begin = first + mode % strides.first;
    for (auto operation = begin; operation < end; operation += strides.first) {
      bool struck = true;
      for (auto second = 1 + mode % strides.second; struck; second += strides.second) {
        const Mode& second_mode = kModes[pairs_++ % std::size(kModes)];
        const auto try_pair = [&, operation = operation](Trial& trial) {
          trial.end_at(operation, kModes[mode]);
          struck = trial.struck_at().starts_with(strides.first_is) &&
                   trial.end_start_at(second, second_mode);
          if (struck) trial.check();
        };
        attempt(scenario, layout, second_mode, 1 + pairs_ % 7, try_pair);
      }
    }
  }

  template <class Action>
  void attempt(const Scenario& scenario, const Layout& layout, const Mode& mode,
               std::uint64_t seed, Action action) {
    ++trials_;
    Trial trial(scenario, layout, seed, java_);
    std::string what;
    try {
      return action(trial);
    } catch (const Violation& violation) {
      what = violation.what();
    } catch (const Ended&) {
      what = "the process ends by itself";
    }
    if (violations_++ < kShownMax)
      FAIL_CHECK(layout.name << ", seed " << seed << ", " << mode.name << ": "
                             << trial.struck_at() << ": " << what);
  }

  void report(const Scenario& scenario) {
    CHECK(violations_ == 0);
    std::cout << name_ << ", with \"" << scenario.name << "\": " << points_ << " points x "
              << std::size(kModes) << " modes, " << trials_ << " trials" << std::endl;
    if (&scenario != std::end(kScenarios) - 1) return;
    for (const auto& [sight, count] : java_)
      std::cout << "  a Java server " << sight << ": " << count << std::endl;
  }

  std::string name_;
  std::uint64_t points_ = 0, trials_ = 0, violations_ = 0, pairs_ = 0;
  JavaCount java_;
};

}  // namespace

TEST_CASE("a fault at any operation loses nothing that was reported, and Java never sees another "
          "history") {
  static Campaign campaign("single faults");
  for (const Scenario& scenario : kScenarios)
    DYNAMIC_SECTION(scenario.name) { campaign.try_points(scenario, 1); }
}

TEST_CASE("a fault in the start that follows a fault loses nothing either") {
  static Campaign campaign("pairs, sampled");
  for (const Scenario& scenario : kScenarios)
    DYNAMIC_SECTION(scenario.name) { campaign.try_pairs(scenario, {29, 17}); }
}

// What a process could not make durable the next one does not see, and may forget to.
TEST_CASE("a fault in the start that follows a directory's lost sync loses nothing either") {
  static Campaign campaign("pairs, behind directories' syncs");
  for (const Scenario& scenario : kScenarios)
    DYNAMIC_SECTION(scenario.name) {
      campaign.try_pairs(scenario, {1, 13, "syncing the directory"});
    }
}

TEST_CASE("a fault at any operation with many seeds", "[.long]") {
  static Campaign campaign("single faults, many seeds");
  for (const Scenario& scenario : kScenarios)
    DYNAMIC_SECTION(scenario.name) { campaign.try_points(scenario, 7); }
}

TEST_CASE("a fault at any operation of the start that follows a fault", "[.long]") {
  static Campaign campaign("pairs");
  for (const Scenario& scenario : kScenarios)
    DYNAMIC_SECTION(scenario.name) { campaign.try_pairs(scenario, {1, 4}); }
}
