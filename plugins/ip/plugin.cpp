#include "ip_authenticator.hpp"

#include <vivarium/abi.hpp>

namespace {
constexpr vivarium::PluginInterface kInterfaces[] = {
    vivarium::serves<vivarium::Authenticator, vivarium::IpAuthenticator>("ip")};
}

VIVARIUM_PLUGIN("ip", "0.1.0", kInterfaces);
