#include "tools/commands.hpp"

#include "kernel/host/config.hpp"
#include "kernel/host/logging.hpp"
#include "kernel/host/plan.hpp"

#include <iostream>

namespace vivarium::tools {
namespace {

void print(const char* kind, const std::vector<std::string>& sentences) {
  for (const std::string& sentence : sentences)
    std::cout << kind << ": " << escaped(sentence) << "\n";
}

void print(const PlannedPlugin& planned) {
  std::cout << planned.component() << ": plugin " << planned.offer.descriptor->name << " "
            << planned.offer.descriptor->version << " of " << planned.offer.file << "\n";
  if (planned.inner) print(*planned.inner);
}

}  // namespace

int check(const Words& words) {
  const ConfigArguments arguments = parse_config_arguments(words, ReadyFileOption::refused);
  Findings findings;
  const ServerConfig config = ServerConfig::read(arguments.file, arguments.overrides, findings);
  const PluginCatalogue catalogue = find_plugins(config, findings);
  const Plan plan = make_plan(config, catalogue, findings);

  print("error", findings.errors);
  print("warning", findings.warnings);
  for (const PlannedPlugin& planned : plan.plugins) print(planned);
  std::cout << arguments.file << ": " << findings.errors.size() << " errors, "
            << findings.warnings.size() << " warnings\n";
  return findings.errors.empty() ? 0 : 1;
}

}  // namespace vivarium::tools
