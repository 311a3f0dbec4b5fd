#include "file_store.hpp"

#include <vivarium/abi.hpp>
#include <vivarium/plugin.hpp>

namespace {

// Built once more to put back a bug that the simulator has to see.
#ifdef VIVARIUM_BUGGY_NAME
constexpr const char* kName = VIVARIUM_BUGGY_NAME;
#else
constexpr const char* kName = "file";
#endif

constexpr vivarium::PluginInterface kInterfaces[] = {
    vivarium::serves<vivarium::LogStore, vivarium::file::FileStore>(kName,
                                                                    vivarium::file::kFileOptions),
};

}  // namespace

VIVARIUM_PLUGIN(kName, "0.1.0", kInterfaces);
