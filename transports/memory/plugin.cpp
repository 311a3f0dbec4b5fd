#include <vivarium/abi.hpp>
#include <vivarium/plugin.hpp>

#include "memory_transport.hpp"

namespace {

constexpr vivarium::PluginInterface kInterfaces[] = {
    vivarium::serves<vivarium::Transport, vivarium::MemoryTransport>("memory"),
};

}  // namespace

VIVARIUM_PLUGIN("memory-transport", "0.1.0", kInterfaces);
