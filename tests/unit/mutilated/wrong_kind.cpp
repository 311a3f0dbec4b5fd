#include "sample.hpp"

#include <vivarium/abi.hpp>

namespace {
using namespace vivarium;
// An authenticator that says it is a transport.
Plugin* create(PluginHost& host) { return new test::Sample(host); }

constexpr PluginInterface kInterfaces[] = {{InterfaceKind::transport, 1, "sample", create, nullptr, 0}};
}  // namespace

VIVARIUM_PLUGIN("wrong_kind", "1.0", kInterfaces);
