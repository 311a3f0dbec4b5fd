#include "admin.hpp"

#include <vivarium/abi.hpp>

namespace {
constexpr vivarium::PluginInterface kInterfaces[] = {
    vivarium::serves<vivarium::Service, vivarium::admin::Admin>("admin", vivarium::admin::kOptions)};
}

VIVARIUM_PLUGIN("admin", "0.1.0", kInterfaces);
