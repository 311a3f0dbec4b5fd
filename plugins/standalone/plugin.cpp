#include "standalone.hpp"

#include <vivarium/abi.hpp>

namespace {
constexpr vivarium::PluginInterface kInterfaces[] = {
    vivarium::serves<vivarium::Broadcast, vivarium::Standalone>("standalone")};
}

VIVARIUM_PLUGIN("standalone", "0.1.0", kInterfaces);
