#include "lua_policy.hpp"

#include <vivarium/abi.hpp>

namespace {
constexpr vivarium::PluginInterface kInterfaces[] = {
    vivarium::serves<vivarium::AclPolicy, vivarium::acl_lua::LuaPolicy>(
        "lua", vivarium::acl_lua::kOptions)};
}

VIVARIUM_PLUGIN("acl-lua", "0.1.0", kInterfaces);
