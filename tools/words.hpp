#pragma once
// The words behind a subcommand's name, by the options they belong to.

#include "tools/commands.hpp"

#include <boost/program_options.hpp>

namespace vivarium::tools {

/// Throws UsageError, which names the word that makes no sense. Options are never guessed from a part
/// of their name.
boost::program_options::variables_map
parse_words(const Words& words, const boost::program_options::options_description& options,
            const boost::program_options::positional_options_description& positional);

}  // namespace vivarium::tools
