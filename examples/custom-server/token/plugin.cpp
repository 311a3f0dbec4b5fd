#include "token_authenticator.hpp"

#include <vivarium/abi.hpp>

namespace {
constexpr vivarium::PluginInterface kInterfaces[] = {
    vivarium::serves<vivarium::Authenticator, TokenAuthenticator>("token", kTokenOptions)};
}

VIVARIUM_PLUGIN("token", "1.0", kInterfaces);
