#include "tools/simulate_hours.hpp"

#include "tools/version.hpp"

#include <algorithm>
#include <chrono>
#include <iostream>
#include <string>

#include <fmt/format.h>

namespace vivarium::tools {
namespace {

using simulator::clock_text;
using simulator::ExplainedOutage;
using simulator::HoursResult;
using simulator::HoursSpec;
using simulator::seconds_text;
using simulator::ServiceFigures;
using std::chrono::seconds;

std::string histogram(const std::vector<ExplainedOutage>& outages) {
  std::string text;
  auto least = seconds(1);
  for (const auto most : {seconds(2), seconds(5), seconds(10), seconds(12), seconds(20), seconds(3'600)}) {
    const auto count = std::count_if(outages.begin(), outages.end(), [&](const auto& one) {
      return one.outage.length() > least && one.outage.length() <= most;
    });
    if (count > 0)
      text += fmt::format("{}{} of {} s {}", text.empty() ? "" : ", ", count, least.count(),
                          most < seconds(3'600) ? fmt::format("to {} s", most.count()) : "and more");
    least = most;
  }
  return text;
}

void print_figures(const ServiceFigures& service) {
  std::cout << fmt::format("{}: available {:.4f} % of the time; {} without, {} whole seconds of it without any "
                           "answer, in {} outages, the longest of {}\n",
                           service.name, service.percent(), seconds_text(service.without),
                           service.seconds_without, service.outages.size(), seconds_text(service.longest));
  if (!service.outages.empty()) std::cout << "  " << histogram(service.outages) << "\n";
}

void print_outages(const ServiceFigures& service) {
  for (const auto& one : service.outages)
    std::cout << fmt::format("  {}  {} of {} at most: {}\n", clock_text(one.outage.begins),
                             seconds_text(one.outage.length()), seconds_text(one.allowed),
                             fmt::join(one.why, "; "));
}

std::string again(const HoursSpec& spec) {
  const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(spec.lasts).count();
  auto text = fmt::format("vivarium simulate --hours {}", minutes / 60);
  if (minutes % 60 != 0) text += fmt::format(" --minutes {}", minutes % 60);
  text += fmt::format(" --seed {}", spec.seed);
  if (!spec.left_out.empty()) text += fmt::format(" --without {}", fmt::join(spec.left_out, ","));
  return text + " --trace";
}

void print(const HoursSpec& spec, const HoursResult& result, std::chrono::duration<double> took) {
  for (const auto& line : result.trace) std::cout << line << "\n";
  std::cout << fmt::format("seed {}: {} voters, {} clients, {} of virtual time with {} faults; {} leaders, {} "
                           "transactions, {} answers judged {} times; {} events in {:.0f} s\n",
                           spec.seed, result.topology.voters, result.topology.clients,
                           clock_text(result.lasted), result.plan.actions.size() - spec.left_out.size(),
                           result.leaders, result.transactions, result.operations, result.judged,
                           result.events, took.count());
  for (const auto& service : result.services) {
    print_figures(service);
    print_outages(service);
  }
  for (const auto& service : result.roamers) print_figures(service);
  for (const auto& [name, count] : result.probes.counts()) std::cout << fmt::format("{:>10} {}\n", count, name);
  for (const auto& objection : result.objections) std::cout << "FAILED " << objection << "\n";
  if (!result.passed())
    std::cout << "again (vivarium " << version() << "): " << again(spec) << "\n";
  std::cout << fmt::format("event hash {:016x}\n", result.event_hash);
}

}  // namespace

int simulate_hours(HoursSpec spec, const PluginCatalogue& catalogue) {
  spec.tell = [](const std::string& line) { std::cerr << line << "\n"; };
  const auto began = std::chrono::steady_clock::now();
  const auto result = simulator::run_hours(spec, catalogue);
  print(spec, result, std::chrono::steady_clock::now() - began);
  return result.passed() ? 0 : 1;
}

}  // namespace vivarium::tools
