#pragma once
// pairs() in the order of the keys: integers, then strings by their bytes. Lua's own order depends
// on a random seed, and a policy must give the same answer on every server and in every run.

#include <lua.hpp>

namespace vivarium::acl_lua {

/// pairs(table). Keys other than integers and strings are an error of the script.
int sorted_pairs(lua_State* lua);

}  // namespace vivarium::acl_lua
