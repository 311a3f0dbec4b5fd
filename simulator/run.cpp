#include "simulator/run.hpp"

#include "simulator/checks/disk_checks.hpp"
#include "simulator/checks/end_checks.hpp"
#include "simulator/clients.hpp"
#include "simulator/ensemble.hpp"
#include "simulator/nemesis.hpp"
#include "simulator/outsider.hpp"

#include <algorithm>
#include <memory>
#include <optional>

#include <fmt/format.h>

namespace vivarium::simulator {
namespace {

using std::chrono::seconds;

constexpr MonoTime kChaosMost = seconds(120);
/// Liveness: what an ensemble may need to find a leader and bring everybody up to date, once nothing
/// stands in its way. A session's last attempt to connect may have to run out first.
constexpr MonoTime kRecovers = seconds(90);
/// How long the others must serve while one server is a nuisance, in one of so many runs.
constexpr MonoTime kWithNuisance = seconds(10);
constexpr std::uint64_t kRunsForNuisance = 3;
/// By then everybody has noticed which connections are no more.
constexpr MonoTime kOldTroublesEnd = seconds(6);
constexpr unsigned kSnapshotsKept = 3;  ///< As the config says.
constexpr std::uint64_t kEventsLeast = 10'000;
constexpr std::uint64_t kEventsMost = 3'000'000;

class Run {
 public:
  Run(const RunSpec& spec, const PluginCatalogue& catalogue)
      : spec_(spec),
        generator_(spec.seed),
        ensemble_(generator_, spec.tracing, spec.trace_lines, catalogue, verdict_, result_.probes) {
    const bool zab = catalogue.find(InterfaceKind::broadcast, "zab").has_value();
    topology_ = make_topology(generator_(), zab ? Broadcasting::zab : Broadcasting::standalone);
    topology_.more_config = spec.config;
    if (topology_.counter_max) ensemble_.protocol.end_counters_at(*topology_.counter_max);
    draw_access(topology_.workload, spec.seed);
    if (topology_.workload.quotas) topology_.more_config += "enforceQuota=true\n";
    plan_ = make_fault_plan(generator_(), chaos());
    history_.conversations.reserve(256);
    ensemble_.network.set_delay(
        {Micros(50), Micros(static_cast<std::int64_t>(200 + generator_() % 8'000))});
    ensemble_.build(topology_, generator_);
    for (std::size_t i = 0; i < topology_.clients; ++i)
      clients_.push_back(std::make_unique<SimulatedClient>(
          ensemble_.world, i, topology_.client_addresses(), topology_.workload, generator_(), history_,
          result_.probes, ensemble_.trace));
    std::vector<HostId> client_hosts;
    for (const auto& client : clients_) client_hosts.push_back(client->host());
    disks_ = std::make_unique<DiskChecks>(ensemble_.machines, ensemble_.protocol, kSnapshotsKept, verdict_,
                                          result_.probes);
    nemesis_ = std::make_unique<Nemesis>(
        Nemesis::Targets{loop_, ensemble_.network, ensemble_.machines,
                         static_cast<std::size_t>(topology_.voters), client_hosts, ensemble_.protocol,
                         ensemble_.trace, result_.probes});
  }

  ~Run() {
    disks_.reset();
    clients_.clear();
    ensemble_.end();
  }

  RunResult go() {
    ensemble_.trace.add("run", fmt::format("seed {}: {}", spec_.seed, topology_.text()));
    ensemble_.start();
    for (const auto& client : clients_) client->start();
    nemesis_->begin(plan_, spec_.left_out);
    until(chaos(), [this] { return worked_off(); });
    come_to_rest();
    return finish();
  }

 private:
  /// Long enough for the work, with some time to spare for what troubles do to it.
  MonoTime chaos() const {
    const auto work = topology_.workload.pause_most * topology_.workload.operations / 2;
    return std::min<MonoTime>(kChaosMost, std::max<MonoTime>(MonoTime(work) * 3 / 2, seconds(20)));
  }

  /// Runs until `done`, or that much time has passed. False for the latter.
  bool until(MonoTime limit, const std::function<bool()>& done) {
    const auto end = loop_.now() + limit;
    for (std::uint64_t count = 0; verdict_.good(); ++count) {
      if (count % 64 == 0 && done()) return true;
      if (loop_.now() > end) return false;
      if (!loop_.step()) break;
      nemesis_->settle();
      disks_->settle();
      if (loop_.events_run() > kEventsMost) {
        verdict_.object("L-0", "there is no end to the events");
        break;
      }
    }
    return false;
  }

  bool worked_off() const {
    return std::all_of(clients_.begin(), clients_.end(),
                       [](const auto& client) { return client->left() == 0; });
  }
  bool clients_idle() const {
    return std::all_of(clients_.begin(), clients_.end(),
                       [](const auto& client) { return client->idle() && client->connected(); });
  }

  void come_to_rest() {
    if (!verdict_.good()) return;
    nemesis_->end();
    for (const auto& client : clients_) client->rest();
    demand("L-1", "there is a leader, and everybody serves", [this] { return ensemble_.all_serve(); });
    demand("L-3", "every client is connected, and has its answers", [this] { return clients_idle(); });
    while (verdict_.good() && loop_.events_run() < kEventsLeast) work_more();
    serve_without_one();
    if (!verdict_.good()) return;
    for (const auto& client : clients_) client->take_stock();
    demand("L-3", "a write and reads are answered", [this] { return clients_idle(); });
    demand("L-2", "all servers have the same state",
           [this] { return ensemble_.all_serve() && ensemble_.all_agree(); });
  }

  /// L-4: what is outside of a majority that works does not stop it.
  void serve_without_one() {
    const auto drawn = (spec_.seed + 1) * 0xd1342543de82ef95 >> 32;
    // Where zxids are used up, leaders leave for that.
    const bool leaders_stay = topology_.voters >= 3 && !topology_.counter_max;
    if (!verdict_.good() || !leaders_stay || drawn % kRunsForNuisance != 0) return;
    Outsider outsider(loop_, ensemble_.network, ensemble_.machines, drawn, ensemble_.trace,
                      result_.probes);
    const auto others_serve = [&] { return ensemble_.all_serve(outsider.machine()); };
    demand("L-4", "the others have a leader, and serve", others_serve);
    until(kOldTroublesEnd, [] { return false; });
    demand("L-4", "the others have a leader, and serve", others_serve);
    outsider.be_a_nuisance();
    for (const auto& client : clients_) client->go_on(20);
    if (until(kWithNuisance, [&] { return !others_serve(); }))
      verdict_.object("L-4", "the others lose their leader while a server " +
                                 std::string(name_of(outsider.way())));
    for (const auto& client : clients_) client->rest();
    demand("L-4", "clients have their answers from the others", [this] { return clients_idle(); });
  }

  /// Troubles may have left little time for work.
  void work_more() {
    for (const auto& client : clients_) client->go_on(50);
    demand("L-3", "the work is done", [this] { return worked_off(); });
    for (const auto& client : clients_) client->rest();
    demand("L-3", "every client has its answers", [this] { return clients_idle(); });
  }

  void demand(const char* rule, const std::string& what, const std::function<bool()>& done) {
    if (!verdict_.good() || until(kRecovers, done) || !verdict_.good()) return;
    auto roles = ensemble_.roles();
    for (const auto& client : clients_)
      roles += client->connected() ? client->idle() ? " idle" : " busy" : " apart";
    verdict_.object(rule, "after the troubles it does not come to be that " + what + " (" + roles + ")");
  }

  RunResult finish() {
    check_end();
    result_.objections = verdict_.objections();
    result_.event_hash = loop_.event_hash();
    result_.events = loop_.events_run();
    result_.transactions = ensemble_.protocol.committed().size();
    for (const auto& conversation : history_.conversations)
      for (const auto& operation : conversation.operations) result_.operations += operation.definite();
    result_.lasted = loop_.now();
    result_.topology = topology_;
    result_.plan = plan_;
    result_.trace.assign(ensemble_.trace.lines().begin(), ensemble_.trace.lines().end());
    return std::move(result_);
  }

  void check_end() {
    if (!verdict_.good()) return;
    const auto& committed = ensemble_.protocol.committed();
    const auto model = judge_clients(history_, committed, Model(), verdict_, result_.probes, lag_most());
    if (verdict_.good()) judge_tree(ensemble_.machine(1).server()->view(), model, verdict_);
    if (verdict_.good() && !committed.empty()) disks_->check_end(model, committed.back().zxid);
  }

  /// C-13: a server that hears nothing of its leader within syncLimit serves no more, nor one of which its
  /// leader hears nothing; by its own clock, and what it has sent may be on its way.
  MonoTime lag_most() const {
    const auto sync_limit = Millis(topology_.tick_ms) * topology_.sync_limit;
    return topology_.broadcasting == Broadcasting::zab ? sync_limit * 5 / 4 + Millis(1'500) : Millis(0);
  }

  const RunSpec& spec_;
  std::mt19937_64 generator_;
  Verdict verdict_;
  RunResult result_;
  Topology topology_;
  FaultPlan plan_;
  SimulatedEnsemble ensemble_;
  SimulatedLoop& loop_ = ensemble_.loop;
  History history_;
  std::vector<std::unique_ptr<SimulatedClient>> clients_;
  std::unique_ptr<Nemesis> nemesis_;
  std::unique_ptr<DiskChecks> disks_;
};

/// What was violated, without the particulars.
std::string rule_of(const RunResult& result) {
  return result.passed() ? "" : result.objections.front().substr(0, result.objections.front().find(':'));
}

}  // namespace

RunResult run(const RunSpec& spec, const PluginCatalogue& catalogue) {
  return Run(spec, catalogue).go();
}

std::set<std::size_t> shorten(const RunSpec& failing, const RunResult& failed,
                              const std::function<RunResult(const RunSpec&)>& run) {
  auto spec = failing;
  spec.tracing = Tracing::off;
  const auto rule = rule_of(failed);
  const auto count = failed.plan.actions.size();
  for (auto part = count; part > 0; part /= 2) {
    for (std::size_t first = 0; first < count; first += part) {
      auto fewer = spec;
      for (std::size_t i = first; i < std::min(first + part, count); ++i) fewer.left_out.insert(i);
      if (fewer.left_out.size() > spec.left_out.size() && rule_of(run(fewer)) == rule)
        spec.left_out = std::move(fewer.left_out);
    }
  }
  return spec.left_out;
}

}  // namespace vivarium::simulator
