#include "tools/commands.hpp"
#include "tools/seed_process.hpp"
#include "tools/simulate_hours.hpp"
#include "tools/version.hpp"
#include "tools/words.hpp"

#include "kernel/host/plugin_loader.hpp"
#include "simulator/machine.hpp"
#include "simulator/run.hpp"

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <list>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <poll.h>

namespace vivarium::tools {
namespace {

namespace po = boost::program_options;
using simulator::Probes;
using simulator::RunResult;
using simulator::RunSpec;
using simulator::Tracing;

/// What a night of seeds is expected to meet, beside the faults themselves.
constexpr std::string_view kKnownProbes[] = {
    "a client learns that its session has expired",
    "a leader is established",
    "a leader's counter comes to its end",
    "a learner gets a DIFF",
    "a learner gets a SNAP",
    "a learner gets a TRUNC",
    "a log is purged",
    "a log is truncated",
    "a persistent watch is held to its promise",
    "a process ends from inside",
    "a quota refuses a write",
    "a request is refused for its ACL",
    "a server looks without a vote",
    "a server's state is replaced",
    "a session moves",
    "a snapshot is read back with its log",
    "a snapshot replaces a history",
    "a watch ends without a word, for want of READ",
    "a watch is held to its promise",
    "an empty server looks",
    "one server flaps, and the others serve",
    "one server is deaf, and the others serve",
    "one server is mute, and the others serve",
    "one server restarts, and the others serve",
    "one server stays away, and the others serve",
};

struct Arguments {
  std::uint64_t seeds = 100;
  std::uint64_t first = 1;
  std::optional<std::uint64_t> one;
  std::set<std::size_t> left_out;
  std::string plugins, more_plugins;
  std::string seed_file;
  std::string config;
  unsigned jobs = 1;
  std::chrono::minutes lasts{0};  ///< Of a run of hours; zero for none.
  bool trace = false, keep_going = false, no_shortening = false;
};

std::set<std::size_t> numbers_of(const std::string& list) {
  std::set<std::size_t> numbers;
  std::istringstream words(list);
  for (std::string word; std::getline(words, word, ',');) numbers.insert(std::stoul(word));
  return numbers;
}

Arguments parse(const Words& words) {
  po::options_description options;
  // clang-format off
  options.add_options()
      ("seeds", po::value<std::uint64_t>()->default_value(100), "")
      ("first-seed", po::value<std::uint64_t>()->default_value(1), "")
      ("seed", po::value<std::uint64_t>(), "")
      ("seed-file", po::value<std::string>()->default_value(""), "")
      ("without", po::value<std::string>()->default_value(""), "")
      ("plugins", po::value<std::string>()->default_value(""), "")
      ("more-plugins", po::value<std::string>()->default_value(""), "")
      ("set", po::value<std::vector<std::string>>()->default_value({}, ""), "")
      ("jobs", po::value<unsigned>()->default_value(1), "")
      ("hours", po::value<unsigned>()->default_value(0), "")
      ("minutes", po::value<unsigned>()->default_value(0), "")
      ("trace", "")("keep-going", "")("no-shortening", "");
  // clang-format on
  const auto values = parse_words(words, options, {});
  Arguments arguments;
  arguments.seeds = values["seeds"].as<std::uint64_t>();
  arguments.first = values["first-seed"].as<std::uint64_t>();
  if (values.count("seed")) arguments.one = values["seed"].as<std::uint64_t>();
  arguments.left_out = numbers_of(values["without"].as<std::string>());
  arguments.plugins = values["plugins"].as<std::string>();
  arguments.more_plugins = values["more-plugins"].as<std::string>();
  arguments.seed_file = values["seed-file"].as<std::string>();
  for (const auto& line : values["set"].as<std::vector<std::string>>()) arguments.config += line + "\n";
  arguments.jobs = std::max(1u, values["jobs"].as<unsigned>());
  arguments.lasts = std::chrono::hours(values["hours"].as<unsigned>()) +
                    std::chrono::minutes(values["minutes"].as<unsigned>());
  arguments.trace = values.count("trace") > 0;
  arguments.keep_going = values.count("keep-going") > 0;
  arguments.no_shortening = values.count("no-shortening") > 0;
  return arguments;
}

PluginCatalogue plugins_of(const Arguments& arguments) {
  PluginCatalogue catalogue(PermissionRule::warn);
  const auto directory =
      arguments.plugins.empty() ? PluginCatalogue::default_directory() : arguments.plugins;
  catalogue.add_directory(directory).value();
  if (!arguments.more_plugins.empty()) catalogue.add_directory(arguments.more_plugins).value();
  simulator::add_simulator_offers(catalogue);
  return catalogue;
}

std::string list_of(const std::set<std::size_t>& numbers) {
  return fmt::format("{}", fmt::join(numbers, ","));
}

std::string in_short(const RunResult& result) {
  return fmt::format("{} events, {} transactions, {} answers, {} s of virtual time, {} faults",
                     result.events, result.transactions, result.operations,
                     std::chrono::duration_cast<std::chrono::seconds>(result.lasted).count(),
                     result.plan.actions.size());
}

volatile std::sig_atomic_t interrupted = 0;

/// The first SIGINT or SIGTERM lets the runs under way come to their end, the next one ends all.
/// Processes that are forked later inherit this, and so are not torn from their runs.
void end_softly_at_signals() {
  struct sigaction action{};
  action.sa_handler = [](int) { interrupted = 1; };
  action.sa_flags = SA_RESETHAND | SA_RESTART;
  for (const int signal : {SIGINT, SIGTERM}) ::sigaction(signal, &action, nullptr);
}

class Simulation {
 public:
  explicit Simulation(const Words& words)
      : arguments_(parse(words)), catalogue_(plugins_of(arguments_)) {}

  int go() {
    if (arguments_.lasts.count() > 0) return hours();
    return arguments_.one ? one(*arguments_.one) : many(seeds());
  }

 private:
  int hours() const {
    simulator::HoursSpec spec;
    spec.seed = arguments_.one.value_or(1);
    spec.lasts = arguments_.lasts;
    spec.left_out = arguments_.left_out;
    spec.config = arguments_.config;
    if (arguments_.trace) spec.tracing = Tracing::on, spec.trace_lines = 1'000'000;
    return simulate_hours(spec, catalogue_);
  }

  RunSpec spec_of(std::uint64_t seed) const {
    RunSpec spec;
    spec.seed = seed;
    spec.left_out = arguments_.left_out;
    spec.config = arguments_.config;
    return spec;
  }

  /// In this process, for whoever looks at it with a debugger.
  int one(std::uint64_t seed) {
    auto spec = spec_of(seed);
    if (arguments_.trace) spec.tracing = Tracing::on, spec.trace_lines = 1'000'000;
    const auto result = simulator::run(spec, catalogue_);
    for (const auto& line : result.trace) std::cout << line << "\n";
    std::cout << "seed " << seed << ": " << result.topology.text() << "; " << in_short(result) << "\n";
    for (const auto& objection : result.objections) std::cout << "FAILED " << objection << "\n";
    std::cout << fmt::format("event hash {:016x}\n", result.event_hash);
    return result.passed() ? 0 : 1;
  }

  std::vector<std::uint64_t> seeds() const {
    std::vector<std::uint64_t> seeds;
    if (!arguments_.seed_file.empty()) return seeds_in(arguments_.seed_file);
    for (std::uint64_t i = 0; i < arguments_.seeds; ++i) seeds.push_back(arguments_.first + i);
    return seeds;
  }

  static std::vector<std::uint64_t> seeds_in(const std::string& path) {
    std::ifstream file(path);
    if (!file) throw std::runtime_error("cannot read " + path);
    std::vector<std::uint64_t> seeds;
    for (std::string line; std::getline(file, line);)
      if (!line.empty() && line.front() != '#') seeds.push_back(std::stoull(line));
    return seeds;
  }

  struct Running {
    std::uint64_t seed;
    std::unique_ptr<SeedProcess> process;
  };

  int many(const std::vector<std::uint64_t>& seeds) {
    end_softly_at_signals();
    std::list<Running> running;
    for (auto next = seeds.begin(); next != seeds.end() || !running.empty();) {
      const bool stops = interrupted || (failures_ > 0 && !arguments_.keep_going);
      if (stops && running.empty()) break;
      if (!stops && next != seeds.end() && running.size() < arguments_.jobs) {
        running.push_back({*next, in_process(spec_of(*next))});
        ++next;
        continue;
      }
      await_some(running);
    }
    report();
    if (interrupted) std::cout << "interrupted: " << seeds.size() - runs_ << " seeds were not run\n";
    return failures_ == 0 && !interrupted ? 0 : 1;
  }

  void await_some(std::list<Running>& running) {
    std::vector<pollfd> descriptors;
    for (const auto& run : running) descriptors.push_back({run.process->descriptor(), POLLIN, 0});
    ::poll(descriptors.data(), descriptors.size(), -1);
    auto at = running.begin();
    for (const auto& descriptor : descriptors) {
      const auto run = at++;
      if (descriptor.revents == 0 || !run->process->take()) continue;
      on_result(run->seed, run->process->wait());
      running.erase(run);
    }
  }

  std::unique_ptr<SeedProcess> in_process(const RunSpec& spec) {
    return std::make_unique<SeedProcess>([this, spec] { return simulator::run(spec, catalogue_); });
  }

  void on_result(std::uint64_t seed, const RunResult& result) {
    ++runs_;
    events_ += result.events;
    fewest_events_ = std::min(fewest_events_, result.events);
    transactions_ += result.transactions;
    lasted_ += result.lasted;
    probes_.add(result.probes);
    if (!result.passed()) on_failure(seed, result);
    else if (runs_ % 100 == 0) std::cout << runs_ << " runs passed\n" << std::flush;
  }

  void on_failure(std::uint64_t seed, const RunResult& result) {
    ++failures_;
    std::cout << "FAILED seed " << seed << " (vivarium " << version() << ", "
              << zookeeper_version_line() << ")\n";
    for (const auto& objection : result.objections) std::cout << "  " << objection << "\n";
    if (arguments_.keep_going) return void(std::cout << std::flush);
    show(seed, result);
  }

  /// The shortest trace that can be found, and how to see it again.
  void show(std::uint64_t seed, const RunResult& failed) {
    auto spec = spec_of(seed);
    const auto run = [this](const RunSpec& fewer) { return in_process(fewer)->wait(); };
    if (!arguments_.no_shortening) spec.left_out = simulator::shorten(spec, failed, run);
    spec.tracing = Tracing::on;
    const auto shortest = run(spec);
    for (const auto& line : shortest.trace) std::cout << line << "\n";
    for (const auto& objection : shortest.objections) std::cout << "  " << objection << "\n";
    std::cout << "again: vivarium simulate --seed " << seed;
    if (!spec.left_out.empty()) std::cout << " --without " << list_of(spec.left_out);
    std::cout << " --trace\n" << std::flush;
  }

  void report() const {
    const auto hours = std::chrono::duration<double, std::ratio<3600>>(lasted_).count();
    std::cout << fmt::format("{} runs, {} failed; {} events ({} at least), {} transactions, {:.1f} h of "
                             "virtual time\n",
                             runs_, failures_, events_, runs_ ? fewest_events_ : 0, transactions_, hours);
    for (const auto& [name, count] : probes_.counts()) std::cout << fmt::format("{:>10} {}\n", count, name);
    for (const auto name : kKnownProbes) tell_if_never(std::string(name));
    for (std::size_t i = 0; i < simulator::kFaultCount; ++i)
      tell_if_never("fault: " + std::string(name_of(static_cast<simulator::Fault>(i))));
  }

  void tell_if_never(const std::string& probe) const {
    if (probes_.count(probe) == 0) std::cout << "     never " << probe << "\n";
  }

  const Arguments arguments_;
  const PluginCatalogue catalogue_;
  Probes probes_;
  std::uint64_t runs_ = 0, failures_ = 0, events_ = 0, transactions_ = 0;
  std::uint64_t fewest_events_ = ~std::uint64_t{0};
  MonoTime lasted_{};
};

}  // namespace

int simulate(const Words& words) { return Simulation(words).go(); }

}  // namespace vivarium::tools
