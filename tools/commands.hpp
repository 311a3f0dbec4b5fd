#pragma once
// The subcommands of `vivarium`. Each takes the words after its name and gives the exit status; what
// keeps it from its work is thrown, and said by main in one sentence.

#include "kernel/host/findings.hpp"

#include <stdexcept>
#include <string>
#include <vector>

namespace vivarium::tools {

using Words = std::vector<std::string>;

/// The words make no sense: exit status 2.
class UsageError : public std::runtime_error {
 public:
  using runtime_error::runtime_error;
};

int serve(const Words& words);
int check(const Words& words);
int plugins(const Words& words);
int log(const Words& words);
int snapshot(const Words& words);
int backup(const Words& words);
int restore(const Words& words);
int simulate(const Words& words);

/// What `serve` and `check` have in common: FILE [--set KEY=VALUE ...] [--ready-file PATH].
struct ConfigArguments {
  std::string file;
  std::vector<std::string> overrides;
  std::string ready_file;  ///< serve only; empty for none.
};
enum class ReadyFileOption : bool { refused, allowed };
ConfigArguments parse_config_arguments(const Words& words, ReadyFileOption ready_file);

/// Throws the first error, if there is one, with the way to see the others.
void throw_first_error(const Findings& findings, const std::string& file);

}  // namespace vivarium::tools
