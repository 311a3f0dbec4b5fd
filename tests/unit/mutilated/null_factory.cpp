#include "sample.hpp"

#include <vivarium/abi.hpp>

namespace {
using namespace vivarium;
Plugin* create(PluginHost&) { return nullptr; }

constexpr PluginInterface kInterfaces[] = {
    {InterfaceKind::authenticator, Authenticator::kRevision, "sample", create, nullptr, 0}};
}  // namespace

VIVARIUM_PLUGIN("null_factory", "1.0", kInterfaces);
