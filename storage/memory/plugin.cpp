#include "memory_store.hpp"

#include <vivarium/abi.hpp>
#include <vivarium/plugin.hpp>

namespace {

constexpr vivarium::PluginInterface kInterfaces[] = {
    vivarium::serves<vivarium::LogStore, vivarium::MemoryStore>("memory"),
};

}  // namespace

VIVARIUM_PLUGIN("memory-storage", "0.1.0", kInterfaces);
