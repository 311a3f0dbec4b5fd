#include "sample.hpp"

#include <vivarium/abi.hpp>

namespace {
using namespace vivarium;
Plugin* create(PluginHost& host) { return new test::Sample(host); }

constexpr PluginInterface kInterfaces[] = {
    {InterfaceKind::authenticator, Authenticator::kRevision, "", create, nullptr, 0}};
}  // namespace

VIVARIUM_PLUGIN("no_name", "1.0", kInterfaces);
