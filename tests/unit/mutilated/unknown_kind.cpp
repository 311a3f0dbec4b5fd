#include "sample.hpp"

#include <vivarium/abi.hpp>

namespace {
using namespace vivarium;
Plugin* create(PluginHost& host) { return new test::Sample(host); }

constexpr PluginInterface kInterfaces[] = {
    {static_cast<InterfaceKind>(99), 1, "sample", create, nullptr, 0}};
}  // namespace

VIVARIUM_PLUGIN("unknown_kind", "1.0", kInterfaces);
