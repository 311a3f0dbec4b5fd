#include <vivarium/abi.hpp>
#include <vivarium/plugin.hpp>

extern "C" __attribute__((visibility("default"))) const vivarium::PluginDescriptor vivarium_plugin = {
    vivarium::kPluginMagic, sizeof(vivarium::PluginDescriptor), 0, VIVARIUM_ABI_TAG, "no_interfaces",
    "1.0", nullptr, 0};
