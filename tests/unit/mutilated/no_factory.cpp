#include "sample.hpp"

#include <vivarium/abi.hpp>

namespace {
using namespace vivarium;
constexpr PluginInterface kInterfaces[] = {
    {InterfaceKind::authenticator, Authenticator::kRevision, "sample", nullptr, nullptr, 0}};
}  // namespace

VIVARIUM_PLUGIN("no_factory", "1.0", kInterfaces);
