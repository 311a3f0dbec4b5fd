#include <vivarium/abi.hpp>

#include "zab.hpp"
#include "zab_election.hpp"

namespace {
#ifdef VIVARIUM_BUGGY_NAME
constexpr const char* kName = VIVARIUM_BUGGY_NAME;
constexpr vivarium::OptionSpec kOptions[] = {
    {"bug", vivarium::OptionType::text, "", 0, -1, "",
     "a bug of ZooKeeper's to put back, such as zk4643", false, false, false}};
#else
constexpr const char* kName = "zab";
#endif

constexpr vivarium::PluginInterface kInterfaces[] = {
    vivarium::serves<vivarium::Election, vivarium::zab::ZabElection>(kName),
#ifdef VIVARIUM_BUGS
    vivarium::serves<vivarium::Broadcast, vivarium::zab::Zab>(kName, kOptions),
#else
    vivarium::serves<vivarium::Broadcast, vivarium::zab::Zab>(kName),
#endif
};
}

VIVARIUM_PLUGIN(kName, "0.1.0", kInterfaces);
