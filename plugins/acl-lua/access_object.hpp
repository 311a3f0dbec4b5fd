#pragma once
// What a script sees of a decision: the one `access` object, and the functions that ask about it.
//
// The object is a userdata without content. Its fields are made when they are read, from the
// request that is being decided, so that a decision which needs none costs none.

#include "context.hpp"

namespace vivarium::acl_lua {

/// Pushes the access object of a new state, and notes it in the context.
void push_access_object(lua_State* lua);

/// Adds allow, deny, defer, cacheable, has, under, segment, nearest and exists to the table on top.
void add_policy_functions(lua_State* lua);

}  // namespace vivarium::acl_lua
