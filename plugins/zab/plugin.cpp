#include <vivarium/abi.hpp>

#include "zab.hpp"
#include "zab_election.hpp"

namespace {
#ifdef VIVARIUM_BUGS
constexpr vivarium::OptionSpec kOptions[] = {
    {"bug", vivarium::OptionType::text, "", 0, -1, "",
     "a bug of ZooKeeper's to put back, such as zk4643", false, false, false}};
#endif

constexpr vivarium::PluginInterface kInterfaces[] = {
    vivarium::serves<vivarium::Election, vivarium::zab::ZabElection>("zab"),
#ifdef VIVARIUM_BUGS
    vivarium::serves<vivarium::Broadcast, vivarium::zab::Zab>("zab", kOptions),
#else
    vivarium::serves<vivarium::Broadcast, vivarium::zab::Zab>("zab"),
#endif
};
}

VIVARIUM_PLUGIN("zab", "0.1.0", kInterfaces);
