#include "tools/words.hpp"

namespace vivarium::tools {
namespace po = boost::program_options;

ConfigArguments parse_config_arguments(const Words& words, ReadyFileOption ready_file) {
  po::options_description options;
  options.add_options()("file", po::value<std::string>())(
      "set", po::value<std::vector<std::string>>()->composing());
  if (ready_file == ReadyFileOption::allowed) options.add_options()("ready-file", po::value<std::string>());

  po::positional_options_description positional;
  positional.add("file", 1);
  const po::variables_map values = parse_words(words, options, positional);
  if (!values.count("file")) throw UsageError("no configuration file was named");
  ConfigArguments arguments;
  arguments.file = values["file"].as<std::string>();
  if (values.count("set")) arguments.overrides = values["set"].as<std::vector<std::string>>();
  if (values.count("ready-file")) arguments.ready_file = values["ready-file"].as<std::string>();
  return arguments;
}

void throw_first_error(const Findings& findings, const std::string& file) {
  const auto& errors = findings.errors;
  if (errors.empty()) return;
  const std::string more = errors.size() == 1 ? ""
                                              : " (and " + std::to_string(errors.size() - 1) +
                                                    " more: vivarium check " + file + ")";
  throw std::runtime_error(errors.front() + more);
}

}  // namespace vivarium::tools
