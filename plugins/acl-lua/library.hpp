#pragma once
// The environment of a script: built by hand from an allow-list, so that what is not named here is
// not there. Lua's own libraries are never opened: their functions work uncounted, some read files,
// clocks or addresses, and one loads bytecode.

#include "context.hpp"

namespace vivarium::acl_lua {

/// Pushes the table of globals for a new script, and gives strings their methods.
void push_globals(lua_State* lua);

// The parts, each adding its functions to the table on top.
void add_basic_functions(lua_State* lua);
void add_string_functions(lua_State* lua);
void add_table_functions(lua_State* lua);
void add_math_functions(lua_State* lua);

/// Pushes the text that tostring() gives the value at `index`: of a table or function its kind,
/// since an address would differ from run to run.
std::string_view push_text_of(lua_State* lua, int index);

}  // namespace vivarium::acl_lua
