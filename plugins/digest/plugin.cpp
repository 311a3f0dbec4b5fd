#include "digest_authenticator.hpp"

#include <vivarium/abi.hpp>

namespace {
constexpr vivarium::PluginInterface kInterfaces[] = {
    vivarium::serves<vivarium::Authenticator, vivarium::DigestAuthenticator>(
        "digest", vivarium::kDigestOptions)};
}

VIVARIUM_PLUGIN("digest", "0.1.0", kInterfaces);
