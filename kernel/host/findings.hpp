#pragma once
// What is wrong with a config, or ignored in it: one sentence each, which names file and line, what was
// found, what was wanted, the cure. `vivarium check` shows them all; a server starts without errors only.

#include <string>
#include <vector>

namespace vivarium {

struct Findings {
  std::vector<std::string> errors;
  std::vector<std::string> warnings;
};

}  // namespace vivarium
