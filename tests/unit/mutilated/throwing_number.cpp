#include "sample.hpp"

#include <vivarium/abi.hpp>

namespace {
using namespace vivarium;
[[noreturn]] Plugin* create(PluginHost&) { throw 42; }

constexpr PluginInterface kInterfaces[] = {
    {InterfaceKind::authenticator, Authenticator::kRevision, "sample", create, nullptr, 0}};
}  // namespace

VIVARIUM_PLUGIN("throwing_number", "1.0", kInterfaces);
