#include <vivarium/abi.hpp>
#include <vivarium/plugin.hpp>

#include "tls_transport.hpp"

namespace {

constexpr vivarium::PluginInterface kInterfaces[] = {
    vivarium::serves<vivarium::Transport, vivarium::TlsTransport>("tls", vivarium::kTlsOptions),
};

}  // namespace

VIVARIUM_PLUGIN("tls", "0.1.0", kInterfaces);
