#include "sample.hpp"

#include <vivarium/abi.hpp>

namespace {
using namespace vivarium;
constexpr PluginInterface kInterfaces[] = {serves<Authenticator, test::Sample>("sample"),
                                           serves<Authenticator, test::Sample>("sample")};
}  // namespace

VIVARIUM_PLUGIN("same_name_twice", "1.0", kInterfaces);
