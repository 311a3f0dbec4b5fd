#include "file_store.hpp"

#include <vivarium/abi.hpp>
#include <vivarium/plugin.hpp>

namespace {

constexpr vivarium::PluginInterface kInterfaces[] = {
    vivarium::serves<vivarium::LogStore, vivarium::file::FileStore>("file",
                                                                    vivarium::file::kFileOptions),
};

}  // namespace

VIVARIUM_PLUGIN("file", "0.1.0", kInterfaces);
