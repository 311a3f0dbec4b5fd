#include "sample.hpp"

#include <vivarium/abi.hpp>

namespace {
using namespace vivarium;
constexpr OptionSpec kOptions[] = {
    {"budget", OptionType::duration, nullptr, 0, -1, "ms", "How long it may take.", false, false,
     false}};
constexpr PluginInterface kInterfaces[] = {
    serves<Authenticator, test::Sample>("sample", kOptions)};
}  // namespace

VIVARIUM_PLUGIN("null_option_text", "1.0", kInterfaces);
