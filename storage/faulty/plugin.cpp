#include "faulty_store.hpp"

#include <vivarium/abi.hpp>
#include <vivarium/plugin.hpp>

namespace {

constexpr vivarium::PluginInterface kInterfaces[] = {
    vivarium::serves<vivarium::LogStore, vivarium::FaultyStore>("faulty",
                                                                vivarium::kFaultyOptions),
};

}  // namespace

VIVARIUM_PLUGIN("faulty", "0.1.0", kInterfaces);
