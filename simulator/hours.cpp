#include "simulator/hours.hpp"

#include "simulator/checks/end_checks.hpp"
#include "simulator/ensemble.hpp"
#include "simulator/nemesis.hpp"
#include "simulator/steady_client.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <random>
#include <utility>

#include <fmt/format.h>

namespace vivarium::simulator {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using Kind = ServiceWatcher::Kind;

/// Longer than this an answer may not take.
constexpr MonoTime kInTime = seconds(1);
/// How long a question and its answer travel: what strikes meanwhile strikes them.
constexpr MonoTime kOnTheWay = Millis(10);
constexpr std::int64_t kVoters = 5;
constexpr std::size_t kRoamers = 2;
constexpr std::int32_t kTimeoutsMs[] = {10'000, 30'000};
constexpr Delay kNetworkDelay{Micros(50), Micros(1'000)};
/// How long what a fault did lasts: long enough to be noticed, or not.
constexpr double kShortestMs = 50, kLongestMs = 25'000;
/// When in its minute a fault comes at the latest, so that it is over and got over by the next.
constexpr MonoTime kFaultWithin = seconds(15);
/// When in its minute the ensemble is looked at.
constexpr MonoTime kQuietAt = seconds(55);
constexpr MonoTime kComesToRest = seconds(1);
constexpr minutes kJudgedEvery{60}, kJudgedAtLeastEvery{90};
constexpr MonoTime kRecovers = seconds(90);

Topology steady_topology() {
  Topology topology;
  topology.broadcasting = Broadcasting::zab;
  topology.voters = kVoters;
  topology.tick_ms = 2'000;
  topology.snapshot_entries = 5'000;
  topology.clients = static_cast<std::size_t>(kVoters) + kRoamers;
  return topology;
}

Bounds bounds_for(const Topology& topology) {
  Bounds::Given given;
  given.tick = Millis(topology.tick_ms);
  given.init_limit = topology.init_limit;
  given.sync_limit = topology.sync_limit;
  given.delay = kNetworkDelay.most;
  given.asks = SteadyClient::kPeriod;
  return Bounds::of(given);
}

class Hours final : private ServiceWatcher {
 public:
  Hours(const HoursSpec& spec, const PluginCatalogue& catalogue)
      : spec_(spec),
        generator_(spec.seed),
        topology_(steady_topology()),
        ensemble_(generator_, spec.tracing, spec.trace_lines, catalogue, verdict_, result_.probes),
        explanations_(static_cast<std::size_t>(topology_.voters), bounds_for(topology_)) {
    topology_.more_config = spec.config;
    result_.plan = make_steady_fault_plan(generator_(), spec.lasts);
    ensemble_.network.set_delay(kNetworkDelay);
    ensemble_.build(topology_, generator_);
    for (std::size_t i = 0; i < topology_.clients; ++i) add_client(i);
    nemesis_ = std::make_unique<Nemesis>(
        Nemesis::Targets{loop_, ensemble_.network, ensemble_.machines,
                         static_cast<std::size_t>(topology_.voters), client_hosts(), ensemble_.protocol,
                         ensemble_.trace, result_.probes});
  }

  HoursResult go() {
    ensemble_.start();
    if (begin()) work();
    come_to_rest();
    return finish();
  }

 private:
  client::Settings settings_of(std::size_t client) const {
    client::Settings settings;
    settings.servers = topology_.client_addresses();
    settings.timeout_ms = kTimeoutsMs[client % std::size(kTimeoutsMs)];
    if (roams(client)) return settings;
    // A gauge of this server: nothing may be its own patience.
    settings.servers = {settings.servers[client]};
    settings.connect_deadline = Millis(1'000);
    settings.backoff_first = Millis(50);
    settings.backoff_max = Millis(200);
    return settings;
  }

  void add_client(std::size_t number) {
    ServiceWatcher& watcher = *this;
    const auto phase = SteadyClient::kPeriod * static_cast<int>(number) / static_cast<int>(topology_.clients);
    clients_.push_back(std::make_unique<SteadyClient>(ensemble_.world, number, settings_of(number), phase,
                                                      generator_(), history_, watcher, ensemble_.trace));
  }

  std::vector<HostId> client_hosts() const {
    std::vector<HostId> hosts;
    for (const auto& client : clients_) hosts.push_back(client->host());
    return hosts;
  }

  // --- the course of it -------------------------------------------------------------------------

  bool begin() {
    if (!until(loop_.now() + kRecovers, [this] { return ensemble_.all_serve(); })) {
      verdict_.object("L-1", "no leader is found to begin with (" + ensemble_.roles() + ")");
      return false;
    }
    for (const auto& client : clients_) client->start();
    if (!until(loop_.now() + kRecovers, [this] { return clients_are(&SteadyClient::connected); })) {
      verdict_.object("L-3", "not every client is connected to begin with");
      return false;
    }
    begun_ = loop_.now();
    judged_at_ = begun_;
    nemesis_->begin(result_.plan, spec_.left_out);
    return true;
  }

  void work() {
    const auto end = begun_ + spec_.lasts;
    for (auto minute = begun_; verdict_.good() && minute < end; minute += minutes(1)) {
      until(std::min(minute + kQuietAt, end), [] { return false; });
      const bool due = loop_.now() - judged_at_ > kJudgedEvery - minutes(1);
      if (due && loop_.now() + minutes(1) < end) take_stock();
      until(std::min<MonoTime>(minute + minutes(1), end), [] { return false; });
    }
    ended_ = loop_.now();
  }

  bool until(MonoTime end, const std::function<bool()>& done) {
    while (verdict_.good()) {
      if (done()) return true;
      if (loop_.now() >= end || !loop_.step()) return false;
      nemesis_->settle();
      look();
    }
    return false;
  }

  /// Between two faults everybody has everything: what clients were told is judged, and forgotten.
  void take_stock() {
    if (comes_to_rest(loop_.now() + kComesToRest)) {
      judge();
      judged_at_ = loop_.now();
    } else if (loop_.now() - judged_at_ > kJudgedAtLeastEvery) {
      verdict_.object("L-2", "for half an hour nothing comes to rest between two faults (" +
                                 ensemble_.roles() + ")");
    }
    for (const auto& client : clients_) client->closed() ? client->start() : client->go_on();
  }

  bool comes_to_rest(MonoTime by) {
    for (const auto& client : clients_) client->rest();
    const auto at_rest = [this] {
      return clients_are(&SteadyClient::idle) && clients_are(&SteadyClient::settled);
    };
    if (!until(by, at_rest)) return false;
    for (const auto& client : clients_)
      if (!client->closed()) client->close();
    return until(by, [this] { return clients_are(&SteadyClient::closed); }) &&
           until(by, [this] { return ensemble_.all_serve() && ensemble_.all_agree(); });
  }

  void come_to_rest() {
    if (!verdict_.good()) return;
    nemesis_->end();
    if (comes_to_rest(loop_.now() + kRecovers)) return judge();
    if (verdict_.good())
      verdict_.object("L-2", "after the troubles nothing comes to rest (" + ensemble_.roles() + ")");
  }

  void judge() {
    auto committed = ensemble_.protocol.committed();
    // The last one of those that were judged is kept, for those that follow.
    if (result_.judged > 0 && !committed.empty()) committed.erase(committed.begin());
    result_.transactions += committed.size();
    for (const auto& conversation : history_.conversations)
      for (const auto& operation : conversation.operations) result_.operations += operation.definite();
    model_ = judge_clients(history_, committed, std::move(model_), verdict_, result_.probes);
    if (verdict_.good()) judge_tree(ensemble_.machine(1).server()->view(), model_, verdict_);
    ++result_.judged;
    history_.conversations.clear();
    ensemble_.protocol.forget_history();
    spec_.tell(fmt::format("{} of {}: {} events, {} transactions, {} answers", clock_text(loop_.now() - begun_),
                           clock_text(spec_.lasts), loop_.events_run(), result_.transactions,
                           result_.operations));
  }

  bool clients_are(bool (SteadyClient::*state)() const) const {
    return std::all_of(clients_.begin(), clients_.end(),
                       [&](const auto& client) { return (client.get()->*state)(); });
  }

  // --- what goes on -----------------------------------------------------------------------------

  /// Behind each event, so it must cost next to nothing when nothing has changed.
  void look() {
    if (const auto mark = mark_of_circumstances(); mark != mark_) {
      mark_ = mark;
      explanations_.on_change(loop_.now(), circumstances(), last_fault());
    }
    if (const auto count = ensemble_.protocol.established_leaders(); count != leaders_) {
      leaders_ = count;
      find_leader();
    } else if (leader_ && !leads(*leader_)) {
      find_leader();
    }
    if (loop_.now() < next_look_) return;
    next_look_ = loop_.now() + seconds(1);
    if (begun_ == MonoTime{}) return;
    for (auto& service : services_)
      if (const auto lasting = service.all.lasting(loop_.now())) explain(service, *lasting);
    explanations_.forget_before(loop_.now() - minutes(10));
  }

  bool leads(ServerId id) const {
    return ensemble_.machine(id.value).running() && ensemble_.protocol.role(id) == ServingRole::leader;
  }

  /// Of several that believe it, the one of the last epoch.
  void find_leader() {
    std::optional<ServerId> found;
    for (std::int64_t id = 1; id <= ensemble_.servers(); ++id) {
      if (!leads({id})) continue;
      const auto epoch = ensemble_.protocol.current_epoch({id});
      if (!found || epoch > ensemble_.protocol.current_epoch(*found)) found = ServerId{id};
    }
    if (found == leader_) return;
    leader_ = found;
    ensemble_.trace.add("hours", leader_ ? fmt::format("server {} leads", leader_->value) : "nobody leads");
    explanations_.on_leader(leader_);
  }

  std::uint64_t mark_of_circumstances() const {
    std::uint64_t mark = ensemble_.network.changes();
    for (const auto& machine : ensemble_.machines)
      mark = mark << 4 | (machine->running() ? 8u : 0u) | (machine->paused() ? 4u : 0u) |
             static_cast<std::uint64_t>(disk_of(*machine));
    return mark;
  }

  static Circumstances::Disk disk_of(Machine& machine) {
    if (machine.disk().files().capacity() == 0) return Circumstances::Disk::full;
    return machine.disk().longest_operation() > Millis(1) ? Circumstances::Disk::slow
                                                          : Circumstances::Disk::works;
  }

  Circumstances circumstances() const {
    auto now = Circumstances::all_well(static_cast<std::size_t>(topology_.voters));
    for (const auto id : now.ids()) {
      auto& machine = *ensemble_.machines[static_cast<std::size_t>(id.value) - 1];
      now.of(id) = {ensemble_.network.powered(machine.host()), machine.running(), machine.paused(),
                    disk_of(machine)};
      for (const auto other : now.ids())
        if (ensemble_.network.blocked(machine.host(), ensemble_.machine(other.value).host()))
          now.cut.insert({id, other});
    }
    return now;
  }

  std::string last_fault() const {
    const auto at = loop_.now() - begun_;
    const FaultAction* last = nullptr;
    for (const auto& action : result_.plan.actions)
      if (begun_ != MonoTime{} && action.at <= at) last = &action;
    return last ? std::string(name_of(last->fault)) : "the beginning";
  }

  // --- what clients get -------------------------------------------------------------------------

  struct Service {
    explicit Service(std::string its_name) : name(std::move(its_name)) {}
    std::string name;
    Availability all{kInTime};
    std::vector<Availability> roamers{kRoamers, Availability(kInTime)};
    std::uint64_t answered = 0;
    std::vector<ExplainedOutage> explained, explained_of_roamers;
  };
  bool roams(std::size_t client) const { return client >= static_cast<std::size_t>(topology_.voters); }
  Availability& roamer(Kind kind, std::size_t client) {
    return service(kind).roamers[client - static_cast<std::size_t>(topology_.voters)];
  }
  Service& service(Kind kind) { return services_[static_cast<std::size_t>(kind)]; }

  void on_asked(std::size_t client, Kind kind) override {
    service(kind).all.on_asked(loop_.now());
    if (roams(client)) roamer(kind, client).on_asked(loop_.now());
  }
  void on_failed(std::size_t client, Kind kind) override {
    service(kind).all.on_failed();
    if (roams(client)) roamer(kind, client).on_failed();
  }
  void on_answered(std::size_t client, Kind kind) override {
    auto& asked_for = service(kind);
    ++asked_for.answered;
    const auto outage = asked_for.all.on_answered(loop_.now());
    if (outage && begun_ != MonoTime{}) asked_for.explained.push_back(explain(asked_for, *outage));
    if (!roams(client)) return;
    const auto own = roamer(kind, client).on_answered(loop_.now());
    if (own && begun_ != MonoTime{})
      asked_for.explained_of_roamers.push_back(explain_of_roamer(kind, client, *own));
  }

  /// A client that may use any server waits for its own as long as its settings say, and tries others. Beside
  /// what the ensemble is forced to, a fault of its server or of its connection may cost it that much, once; and a
  /// server without room on its disk refuses its writes, and keeps it.
  ExplainedOutage explain_of_roamer(Kind kind, std::size_t client, const Outage& outage) {
    auto allowed = explanations_.forced_part(outage) + patience_of(settings_of(client));
    if (kind == Kind::write) allowed += explanations_.refused_part(outage);
    const auto since = last_trouble(outage.begins + kOnTheWay);
    const bool forced = outage.begins <= since + patience_of(settings_of(client));
    if (!forced || outage.length() > allowed)
      verdict_.object("A-2", fmt::format("client {}, which may use any server, was not answered from {} to {} "
                                         "({}), {}",
                                         client, clock_text(outage.begins), clock_text(outage.ends),
                                         service(kind).name,
                                         forced ? "for longer than " + seconds_text(allowed)
                                                : "with nothing wrong since " + clock_text(since)));
    return {outage, allowed, {last_fault()}};
  }

  /// A session's silence; one server that does not answer either; a pause after a round of refusals.
  static MonoTime patience_of(const client::Settings& settings) {
    const auto timeout = Millis(settings.timeout_ms);
    const auto share = timeout / static_cast<std::int64_t>(settings.servers.size());
    return timeout * 2 / 3 + share + settings.backoff_max + kInTime;
  }

  /// Until when something was wrong, before that moment or then.
  MonoTime last_trouble(MonoTime moment) const {
    auto last = explanations_.last_change(moment);
    for (const auto& action : result_.plan.actions)
      if (begun_ + action.at <= moment)
        last = std::max(last, std::min(moment, begun_ + action.at + action.lasts));
    return last;
  }

  /// One that lasts may be asked about again and again.
  ExplainedOutage explain(const Service& service, const Outage& outage) {
    const auto explanation = explanations_.explain(outage);
    if (explanation.unexplained) object(service, outage, explanation);
    const auto allowed = std::max(explanation.allowed.value_or(outage.ends), outage.ends) - outage.begins;
    return {outage, allowed, explanation.why};
  }

  void object(const Service& service, const Outage& outage, const Explanations::Explanation& explanation) {
    const auto when = fmt::format("from {} to {} no client was answered ({})", clock_text(outage.begins),
                                  clock_text(outage.ends), service.name);
    verdict_.object("A-1", explanation.why.empty()
                               ? when + ", and nothing forces that; the last fault was " + last_fault()
                               : fmt::format("{}, and after {} nothing forces that any more: {}", when,
                                             clock_text(*explanation.unexplained),
                                             fmt::join(explanation.why, "; ")));
  }

  HoursResult finish() {
    for (auto& service : services_) {
      result_.services.push_back({service.name, ended_ - begun_, service.all.without(), service.all.longest(),
                                  service.all.seconds_without(), service.answered,
                                  std::move(service.explained)});
      ServiceFigures roamers{service.name + " of clients that may use any server",
                             (ended_ - begun_) * static_cast<int>(kRoamers), {}, {}, 0, 0,
                             std::move(service.explained_of_roamers)};
      for (const auto& one : service.roamers) {
        roamers.without += one.without();
        roamers.longest = std::max(roamers.longest, one.longest());
        roamers.seconds_without += one.seconds_without();
      }
      result_.roamers.push_back(std::move(roamers));
    }
    result_.objections = verdict_.objections();
    result_.event_hash = loop_.event_hash();
    result_.events = loop_.events_run();
    result_.leaders = ensemble_.protocol.established_leaders();
    result_.lasted = loop_.now();
    result_.topology = topology_;
    result_.trace.assign(ensemble_.trace.lines().begin(), ensemble_.trace.lines().end());
    return std::move(result_);
  }

  const HoursSpec& spec_;
  std::mt19937_64 generator_;
  Verdict verdict_;
  HoursResult result_;
  Topology topology_;
  SimulatedEnsemble ensemble_;
  SimulatedLoop& loop_ = ensemble_.loop;
  Explanations explanations_;
  History history_;
  Model model_;
  std::vector<Service> services_{Service("writes"), Service("reads")};
  std::vector<std::unique_ptr<SteadyClient>> clients_;
  std::unique_ptr<Nemesis> nemesis_;
  MonoTime begun_{}, ended_{}, judged_at_{}, next_look_{};
  std::uint64_t mark_ = 0, leaders_ = 0;
  std::optional<ServerId> leader_;
};

}  // namespace

FaultPlan make_steady_fault_plan(std::uint64_t seed, MonoTime duration) {
  std::mt19937_64 generator(seed);
  FaultPlan plan;
  for (MonoTime minute = minutes(1); minute + minutes(1) <= duration; minute += minutes(1)) {
    FaultAction action;
    action.at = minute + MonoTime(static_cast<std::int64_t>(
                             generator() % static_cast<std::uint64_t>(kFaultWithin.count())));
    action.fault = static_cast<Fault>(generator() % kFaultCount);
    action.which = generator();
    const auto part = static_cast<double>(generator() % 1'000'000) / 1'000'000;
    action.lasts = Millis(static_cast<std::int64_t>(kShortestMs * std::pow(kLongestMs / kShortestMs, part)));
    plan.actions.push_back(action);
  }
  return plan;
}

HoursResult run_hours(const HoursSpec& spec, const PluginCatalogue& catalogue) {
  return Hours(spec, catalogue).go();
}

}  // namespace vivarium::simulator
