#include "sample.hpp"

#include <vivarium/abi.hpp>

namespace {
using namespace vivarium;
constexpr PluginInterface kInterfaces[] = {
    serves<Authenticator, test::Sample>("sample", test::kSampleOptions)};
}  // namespace

VIVARIUM_PLUGIN("whole", "1.0", kInterfaces);
