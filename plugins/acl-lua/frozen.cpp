#include "frozen.hpp"

namespace vivarium::acl_lua {
namespace {

int refuse_change(lua_State* lua) {
  const char* name = lua_type(lua, 2) == LUA_TSTRING ? lua_tostring(lua, 2) : luaL_typename(lua, 2);
  fail(lua, "cannot set '%s': tables that outlive a decision are constant", name);
}

int content_length(lua_State* lua) {
  push_content(lua, 1);
  lua_pushinteger(lua, static_cast<lua_Integer>(lua_rawlen(lua, -1)));
  return 1;
}

/// Where the metatable of a frozen table, and no other, keeps the content beside "__index": to be
/// found without hashing a name.
constexpr lua_Integer kContent = 1;

/// Pushes the content of the table at `index` if it is a frozen one.
bool push_frozen_content(lua_State* lua, int index) {
  if (!lua_getmetatable(lua, index)) return false;
  const bool frozen = lua_rawgeti(lua, -1, kContent) == LUA_TTABLE;
  lua_remove(lua, -2);
  if (!frozen) lua_pop(lua, 1);
  return frozen;
}

/// Pops a content and pushes the frozen table in front of it.
void push_front(lua_State* lua) {
  lua_createtable(lua, 0, 0);
  lua_createtable(lua, 1, 2);
  lua_rotate(lua, -3, -1);
  lua_pushvalue(lua, -1);
  lua_rawseti(lua, -3, kContent);
  lua_setfield(lua, -2, "__index");
  lua_pushcfunction(lua, refuse_change);
  lua_setfield(lua, -2, "__newindex");
  lua_setmetatable(lua, -2);
}

}  // namespace

void freeze_fields(lua_State* lua) { push_front(lua); }

void push_content(lua_State* lua, int index) {
  if (!push_frozen_content(lua, index)) lua_pushvalue(lua, index);
}

/// Walks, breadth first and without recursion, over everything that a function can reach.
/// Everything it keeps is on Lua's stack.
class Freezer {
 public:
  Freezer(lua_State* lua, CapturedVariables& variables) : lua_(lua), variables_(variables) {
    luaL_checkstack(lua, 20, nullptr);
    lua_newtable(lua);
    seen_ = lua_gettop(lua);
    lua_newtable(lua);
    pending_ = lua_gettop(lua);
    lua_newtable(lua);
    captured_ = lua_gettop(lua);
  }

  void run(int function) {
    lua_pushvalue(lua_, function);
    replace_top();
    for (lua_Integer next = 1; next <= last_pending_; ++next) {
      lua_rawgeti(lua_, pending_, next);
      lua_istable(lua_, -1) ? fill_content() : visit_variables();
      lua_pop(lua_, 1);
    }
    lua_pushvalue(lua_, captured_);
    variables_.table_ = luaL_ref(lua_, LUA_REGISTRYINDEX);
    lua_settop(lua_, seen_ - 1);
  }

 private:
  /// Replaces the value on top by what stands for it from now on.
  void replace_top() {
    charge(lua_, 1);
    if (lua_istable(lua_, -1)) {
      if (push_frozen_content(lua_, -1))
        lua_pop(lua_, 1);
      else
        replace_table();
    } else if (lua_isfunction(lua_, -1)) {
      if (first_sight(lua_topointer(lua_, -1))) append_pending();
    }
  }

  void replace_table() {
    lua_pushvalue(lua_, -1);
    if (lua_rawget(lua_, seen_) == LUA_TNIL) {
      lua_pop(lua_, 1);
      append_pending();
      push_empty_front();
      lua_pushvalue(lua_, -2);
      lua_pushvalue(lua_, -2);
      lua_rawset(lua_, seen_);
    }
    lua_remove(lua_, -2);
  }

  /// The content gets the metatable of the table on top: that of the globals, which have one.
  void push_empty_front() {
    lua_createtable(lua_, static_cast<int>(lua_rawlen(lua_, -1)), 0);
    if (lua_getmetatable(lua_, -2)) lua_setmetatable(lua_, -2);
    push_front(lua_);
  }

  /// Copies the table on top into the content of its frozen front.
  void fill_content() {
    const int original = lua_gettop(lua_);
    lua_pushvalue(lua_, original);
    lua_rawget(lua_, seen_);
    const int front = lua_gettop(lua_);
    push_content(lua_, front);
    const int content = lua_gettop(lua_);
    lua_pushnil(lua_);
    while (lua_next(lua_, original)) {
      lua_pushvalue(lua_, -2);
      replace_top();
      lua_insert(lua_, -2);
      replace_top();
      lua_rawset(lua_, content);
    }
    if (lua_rawlen(lua_, content) > 0) add_length(front);
    lua_settop(lua_, original);
  }

  void add_length(int front) {
    lua_getmetatable(lua_, front);
    lua_pushcfunction(lua_, content_length);
    lua_setfield(lua_, -2, "__len");
    lua_pop(lua_, 1);
  }

  /// Replaces and notes what the function on top has captured.
  void visit_variables() {
    const int function = lua_gettop(lua_);
    for (int i = 1; lua_getupvalue(lua_, function, i) != nullptr; ++i) {
      if (lua_iscfunction(lua_, function))
        fail(lua_,
             "an iterator of pairs() is kept beyond its loop: it would carry its place from one "
             "decision to the next");
      replace_top();
      lua_pushvalue(lua_, -1);
      lua_setupvalue(lua_, function, i);
      if (first_sight(lua_upvalueid(lua_, function, i))) note_variable(function, i);
      lua_settop(lua_, function);
    }
  }

  /// The value of the variable is on top.
  void note_variable(int function, int i) {
    auto& upvalues = variables_.upvalues_;
    upvalues.push_back(i);
    const auto number = static_cast<lua_Integer>(upvalues.size());
    lua_rawseti(lua_, captured_, 2 * number);
    lua_pushvalue(lua_, function);
    lua_rawseti(lua_, captured_, 2 * number - 1);
  }

  bool first_sight(const void* identity) {
    if (lua_rawgetp(lua_, seen_, identity) != LUA_TNIL) return lua_pop(lua_, 1), false;
    lua_pop(lua_, 1);
    lua_pushboolean(lua_, 1);
    lua_rawsetp(lua_, seen_, identity);
    return true;
  }

  void append_pending() {
    lua_pushvalue(lua_, -1);
    lua_rawseti(lua_, pending_, ++last_pending_);
  }

  lua_State* lua_;
  CapturedVariables& variables_;
  int seen_, pending_, captured_;
  lua_Integer last_pending_ = 0;
};

void CapturedVariables::freeze_reachable(lua_State* lua, int index) {
  Freezer(lua, *this).run(lua_absindex(lua, index));
}

const char* CapturedVariables::restore(lua_State* lua) const {
  const char* changed = nullptr;
  lua_rawgeti(lua, LUA_REGISTRYINDEX, table_);
  const int table = lua_gettop(lua);
  for (std::size_t n = 0; n < upvalues_.size(); ++n) {
    lua_rawgeti(lua, table, static_cast<lua_Integer>(2 * n + 1));
    const char* name = lua_getupvalue(lua, -1, upvalues_[n]);
    lua_rawgeti(lua, table, static_cast<lua_Integer>(2 * n + 2));
    // A NaN does not even equal itself.
    if (!lua_rawequal(lua, -1, -2) && lua_rawequal(lua, -1, -1)) changed = name;
    // Also when they are equal: 1 and 1.0 are, and not the same.
    lua_setupvalue(lua, -3, upvalues_[n]);
    lua_settop(lua, table);
  }
  lua_pop(lua, 1);
  return changed;
}

}  // namespace vivarium::acl_lua
