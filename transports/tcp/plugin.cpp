#include <vivarium/abi.hpp>
#include <vivarium/plugin.hpp>

#include "tcp_transport.hpp"

namespace {

constexpr vivarium::PluginInterface kInterfaces[] = {
    vivarium::serves<vivarium::Transport, vivarium::TcpTransport>("tcp"),
};

}  // namespace

VIVARIUM_PLUGIN("tcp", "0.1.0", kInterfaces);
