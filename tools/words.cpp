#include "tools/words.hpp"

namespace vivarium::tools {

namespace po = boost::program_options;

po::variables_map parse_words(const Words& words, const po::options_description& options,
                              const po::positional_options_description& positional) {
  constexpr auto kStyle =
      po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
  po::variables_map values;
  try {
    po::store(po::command_line_parser(words)
                  .options(options)
                  .positional(positional)
                  .style(kStyle)
                  .run(),
              values);
  } catch (const po::error& error) {
    throw UsageError(error.what());
  }
  return values;
}

}  // namespace vivarium::tools
