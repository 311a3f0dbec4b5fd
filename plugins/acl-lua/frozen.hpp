#pragma once
// Constants: what a script holds when its loading ends. From then on no decision can change it, so
// that none can leave a trace for the next.
//
// A frozen table is an empty table that reads through to its content and refuses writes. Scripts
// cannot tell it from another by reading, since nothing that they are given looks at metatables.

#include "context.hpp"

#include <vector>

namespace vivarium::acl_lua {

/// Replaces the table on top of the stack, which is no list, by a frozen one with the same fields.
/// Tables among them stay as they are.
void freeze_fields(lua_State* lua);

/// Pushes the table that holds the fields of the table at `index`: the content of a frozen one, or
/// the table itself.
void push_content(lua_State* lua, int index);

/// The variables that functions have captured. They are the one kind of state that cannot be made
/// read-only, so they are put back after each run.
class CapturedVariables {
 public:
  /// Freezes all that the function at `index` can reach, and notes its variables. Runs protected.
  void freeze_reachable(lua_State* lua, int index);

  /// Puts every variable back. Returns the name of one that had changed; nullptr when none had.
  const char* restore(lua_State* lua) const;

 private:
  friend class Freezer;
  int table_ = 0;              ///< Reference of a table: function and value, in turn.
  std::vector<int> upvalues_;  ///< Which variable of each function.
};

}  // namespace vivarium::acl_lua
