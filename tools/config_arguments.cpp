#include "tools/commands.hpp"

#include <boost/program_options.hpp>

namespace vivarium::tools {
namespace {

namespace po = boost::program_options;

po::variables_map parse(const Words& words, const po::options_description& options) {
  po::positional_options_description positional;
  positional.add("file", 1);
  po::variables_map values;
  try {
    po::store(po::command_line_parser(words)
                  .options(options)
                  .positional(positional)
                  .style(po::command_line_style::unix_style & ~po::command_line_style::allow_guessing)
                  .run(),
              values);
  } catch (const po::error& error) {
    throw UsageError(error.what());
  }
  return values;
}

}  // namespace

ConfigArguments parse_config_arguments(const Words& words, ReadyFileOption ready_file) {
  po::options_description options;
  options.add_options()("file", po::value<std::string>())(
      "set", po::value<std::vector<std::string>>()->composing());
  if (ready_file == ReadyFileOption::allowed) options.add_options()("ready-file", po::value<std::string>());

  const po::variables_map values = parse(words, options);
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
