#include <vivarium/abi.hpp>

#include "zab.hpp"
#include "zab_election.hpp"

namespace {
#ifdef VIVARIUM_BUGGY_NAME
constexpr const char* kName = VIVARIUM_BUGGY_NAME;
#else
constexpr const char* kName = "zab";
#endif

constexpr vivarium::PluginInterface kInterfaces[] = {
    vivarium::serves<vivarium::Election, vivarium::zab::ZabElection>(kName),
    vivarium::serves<vivarium::Broadcast, vivarium::zab::Zab>(kName, vivarium::zab::kZabOptions),
};
}

VIVARIUM_PLUGIN(kName, "0.1.0", kInterfaces);
