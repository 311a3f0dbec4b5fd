#include "tools/version.hpp"

namespace vivarium::tools {

std::string version() { return VIVARIUM_VERSION; }

std::string zookeeper_version_line() {
  return "3.9.5-vivarium-" VIVARIUM_VERSION ", built on " VIVARIUM_BUILT;
}

}  // namespace vivarium::tools
