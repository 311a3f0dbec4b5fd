#include <vivarium/abi.hpp>

#include "zab.hpp"
#include "zab_election.hpp"

namespace {
constexpr vivarium::PluginInterface kInterfaces[] = {
    vivarium::serves<vivarium::Election, vivarium::zab::ZabElection>("zab"),
    vivarium::serves<vivarium::Broadcast, vivarium::zab::Zab>("zab")};
}

VIVARIUM_PLUGIN("zab", "0.1.0", kInterfaces);
