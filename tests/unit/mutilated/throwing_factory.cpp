#include "sample.hpp"

#include <vivarium/abi.hpp>

#include <stdexcept>

namespace {
using namespace vivarium;
[[noreturn]] Plugin* create(PluginHost&) { throw std::runtime_error("the stars are wrong"); }

constexpr PluginInterface kInterfaces[] = {
    {InterfaceKind::authenticator, Authenticator::kRevision, "sample", create, nullptr, 0}};
}  // namespace

VIVARIUM_PLUGIN("throwing_factory", "1.0", kInterfaces);
