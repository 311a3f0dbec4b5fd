#include "sorted_keys.hpp"

#include "context.hpp"
#include "frozen.hpp"

#include <algorithm>
#include <type_traits>

namespace vivarium::acl_lua {
namespace {

/// A key, in memory of a userdata. `text` views a string that the table of keys holds.
struct Key {
  lua_Integer place;   ///< In the table of keys.
  lua_Integer number;  ///< Of an integer; strings come after all of them.
  std::string_view text;
  bool is_text;

  bool operator<(const Key& other) const {
    if (is_text != other.is_text) return other.is_text;
    return is_text ? text < other.text : number < other.number;
  }
};
static_assert(std::is_trivially_destructible_v<Key>);

Key key_at(lua_State* lua, int index, lua_Integer place) {
  if (lua_isinteger(lua, index)) return {place, lua_tointeger(lua, index), {}, false};
  if (lua_type(lua, index) != LUA_TSTRING)
    fail(lua, "pairs() has no order for a key that is a %s: keys must be integers or strings",
         luaL_typename(lua, index));
  return {place, 0, text_at(lua, index), true};
}

lua_Integer count_fields(lua_State* lua, int table) {
  lua_Integer count = 0;
  lua_pushnil(lua);
  while (lua_next(lua, table)) {
    charge(lua, 1);
    ++count;
    lua_pop(lua, 1);
  }
  return count;
}

/// Fills the list on top and `keys` with the keys of `table`.
void collect_keys(lua_State* lua, int table, Key* keys) {
  const int list = lua_gettop(lua);
  lua_Integer place = 0;
  lua_pushnil(lua);
  while (lua_next(lua, table)) {
    lua_pop(lua, 1);
    keys[place] = key_at(lua, -1, place + 1);
    // Sorting goes over the text several times.
    charge_bytes(lua, 8 * keys[place].text.size());
    lua_pushvalue(lua, -1);
    lua_rawseti(lua, list, ++place);
  }
}

enum Upvalue : int { kTable = 1, kKeys, kList, kCount, kNext };

int next_pair(lua_State* lua) {
  const auto count = lua_tointeger(lua, lua_upvalueindex(kCount));
  auto next = lua_tointeger(lua, lua_upvalueindex(kNext));
  const auto* keys = static_cast<const Key*>(lua_touserdata(lua, lua_upvalueindex(kKeys)));
  while (next < count) {
    charge(lua, 1);
    lua_rawgeti(lua, lua_upvalueindex(kList), keys[next++].place);
    lua_pushinteger(lua, next);
    lua_replace(lua, lua_upvalueindex(kNext));
    lua_pushvalue(lua, -1);
    // The loop may have removed it.
    if (lua_gettable(lua, lua_upvalueindex(kTable)) != LUA_TNIL) return 2;
    lua_pop(lua, 2);
  }
  lua_pushnil(lua);
  return 1;
}

}  // namespace

int sorted_pairs(lua_State* lua) {
  luaL_checktype(lua, 1, LUA_TTABLE);
  lua_settop(lua, 1);
  push_content(lua, 1);
  const auto count = count_fields(lua, 2);
  const auto size = static_cast<std::size_t>(count);
  auto* keys = static_cast<Key*>(lua_newuserdatauv(lua, size * sizeof(Key), 0));
  lua_createtable(lua, static_cast<int>(count), 0);
  collect_keys(lua, 2, keys);
  std::sort(keys, keys + size);
  lua_remove(lua, 2);
  lua_pushinteger(lua, count);
  lua_pushinteger(lua, 0);
  lua_pushcclosure(lua, next_pair, kNext);
  return 1;
}

}  // namespace vivarium::acl_lua
