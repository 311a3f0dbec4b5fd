#include "library.hpp"

#include "access_object.hpp"
#include "frozen.hpp"
#include "sorted_keys.hpp"

#include <algorithm>

namespace vivarium::acl_lua {
namespace {

// --- basic --------------------------------------------------------------------------------------

/// assert(value [, message])
int assert_value(lua_State* lua) {
  luaL_checkany(lua, 1);
  if (lua_toboolean(lua, 1)) return lua_gettop(lua);
  if (lua_isnoneornil(lua, 2)) fail(lua, "assertion failed");
  fail(lua, "%s", push_text_of(lua, 2).data());
}

/// error(message)
int raise_error(lua_State* lua) {
  luaL_checkany(lua, 1);
  fail(lua, "%s", push_text_of(lua, 1).data());
}

int next_of_list(lua_State* lua) {
  const auto i = luaL_checkinteger(lua, 2) + 1;
  lua_pushinteger(lua, i);
  return lua_geti(lua, 1, i) == LUA_TNIL ? 1 : 2;
}

/// ipairs(list)
int ipairs(lua_State* lua) {
  luaL_checktype(lua, 1, LUA_TTABLE);
  lua_pushcfunction(lua, next_of_list);
  lua_pushvalue(lua, 1);
  lua_pushinteger(lua, 0);
  return 3;
}

/// select(n, ...), select("#", ...)
int select(lua_State* lua) {
  const int count = lua_gettop(lua) - 1;
  charge_bytes(lua, static_cast<std::size_t>(count) * sizeof(void*));
  if (lua_type(lua, 1) == LUA_TSTRING && text_at(lua, 1) == "#")
    return lua_pushinteger(lua, count), 1;
  const auto n = luaL_checkinteger(lua, 1);
  const auto skipped = n < 0 ? count + n : n - 1;
  luaL_argcheck(lua, n != 0 && skipped >= 0, 1, "no such argument");
  return static_cast<int>(std::max<lua_Integer>(count - skipped, 0));
}

/// tonumber(value): no base.
int tonumber(lua_State* lua) {
  luaL_checkany(lua, 1);
  if (lua_type(lua, 1) == LUA_TNUMBER) return lua_settop(lua, 1), 1;
  if (lua_type(lua, 1) == LUA_TSTRING) {
    const auto text = text_at(lua, 1);
    charge_bytes(lua, text.size());
    if (lua_stringtonumber(lua, text.data()) == text.size() + 1) return 1;
  }
  return lua_pushnil(lua), 1;
}

int tostring(lua_State* lua) {
  luaL_checkany(lua, 1);
  push_text_of(lua, 1);
  return 1;
}

int type(lua_State* lua) {
  luaL_checkany(lua, 1);
  lua_pushstring(lua, luaL_typename(lua, 1));
  return 1;
}

constexpr luaL_Reg kBasic[] = {
    {"assert", assert_value}, {"error", raise_error}, {"ipairs", ipairs},
    {"pairs", sorted_pairs},  {"select", select},     {"tonumber", tonumber},
    {"tostring", tostring},   {"type", type},         {nullptr, nullptr}};

// --- table --------------------------------------------------------------------------------------

lua_Integer length_at(lua_State* lua, int index) {
  luaL_checktype(lua, index, LUA_TTABLE);
  return luaL_len(lua, index);
}

/// table.concat(list [, separator [, first [, last]]])
int concat(lua_State* lua) {
  const auto length = length_at(lua, 1);
  const auto separator = lua_isnoneornil(lua, 2) ? std::string_view() : text_at(lua, 2);
  const auto first = luaL_optinteger(lua, 3, 1), last = luaL_optinteger(lua, 4, length);
  TextBuffer text;
  for (auto i = first; i <= last; ++i) {
    lua_geti(lua, 1, i);
    if (!lua_isstring(lua, -1))
      fail(lua, "table.concat: element %I is a %s", static_cast<LUAI_UACINT>(i),
           luaL_typename(lua, -1));
    text.append(lua, push_text_of(lua, -1));
    lua_pop(lua, 2);
    if (i == last) break;  // Before ++i overflows.
    text.append(lua, separator);
  }
  text.push_result(lua);
  return 1;
}

/// table.insert(list, [position,] value)
int insert(lua_State* lua) {
  const auto end = length_at(lua, 1) + 1;
  const bool at_end = lua_gettop(lua) == 2;
  const auto position = at_end ? end : luaL_checkinteger(lua, 2);
  luaL_checkany(lua, at_end ? 2 : 3);
  luaL_argcheck(lua, position >= 1 && position <= end, 2, "position out of bounds");
  for (auto i = end; i > position; --i) {
    charge(lua, 1);
    lua_geti(lua, 1, i - 1);
    lua_seti(lua, 1, i);
  }
  lua_settop(lua, at_end ? 2 : 3);
  lua_seti(lua, 1, position);
  return 0;
}

/// table.remove(list [, position])
int remove(lua_State* lua) {
  const auto length = length_at(lua, 1);
  const auto position = luaL_optinteger(lua, 2, length);
  if (length == 0) return lua_pushnil(lua), 1;
  luaL_argcheck(lua, position >= 1 && position <= length, 2, "position out of bounds");
  lua_geti(lua, 1, position);
  for (auto i = position; i < length; ++i) {
    charge(lua, 1);
    lua_geti(lua, 1, i + 1);
    lua_seti(lua, 1, i);
  }
  lua_pushnil(lua);
  lua_seti(lua, 1, length);
  return 1;
}

/// table.unpack(list [, first [, last]])
int unpack(lua_State* lua) {
  constexpr lua_Integer kValuesMax = 200;
  const auto length = length_at(lua, 1);
  const auto first = luaL_optinteger(lua, 2, 1), last = luaL_optinteger(lua, 3, length);
  if (first > last) return 0;
  const auto more = static_cast<lua_Unsigned>(last) - static_cast<lua_Unsigned>(first);
  if (more >= kValuesMax)
    fail(lua, "table.unpack: more than %d values", static_cast<int>(kValuesMax));
  const int count = static_cast<int>(more) + 1;
  charge(lua, static_cast<std::size_t>(count));
  luaL_checkstack(lua, count, nullptr);
  for (int n = 0; n < count; ++n) lua_geti(lua, 1, first + n);
  return count;
}

constexpr luaL_Reg kTable[] = {{"concat", concat}, {"insert", insert}, {"remove", remove},
                               {"unpack", unpack}, {nullptr, nullptr}};

// --- math ---------------------------------------------------------------------------------------

/// math.abs(number)
int absolute(lua_State* lua) {
  const bool negative = luaL_checknumber(lua, 1) < 0;
  lua_settop(lua, 1);
  if (negative) lua_arith(lua, LUA_OPUNM);
  return 1;
}

/// math.floor(number): an integer where one can hold it.
int floor(lua_State* lua) {
  luaL_checknumber(lua, 1);
  lua_settop(lua, 1);
  lua_pushinteger(lua, 1);
  lua_arith(lua, LUA_OPIDIV);
  int exact = 0;
  const auto whole = lua_tointegerx(lua, -1, &exact);
  if (exact) lua_pushinteger(lua, whole);
  return 1;
}

/// The greatest, or least, of the arguments, as an operator of lua_compare has it.
int choose(lua_State* lua, bool greatest) {
  const int count = lua_gettop(lua);
  luaL_checknumber(lua, 1);
  int chosen = 1;
  for (int i = 2; i <= count; ++i) {
    charge(lua, 1);
    luaL_checknumber(lua, i);
    if (greatest ? lua_compare(lua, chosen, i, LUA_OPLT) : lua_compare(lua, i, chosen, LUA_OPLT))
      chosen = i;
  }
  lua_pushvalue(lua, chosen);
  return 1;
}
int maximum(lua_State* lua) { return choose(lua, true); }
int minimum(lua_State* lua) { return choose(lua, false); }

/// math.tointeger(value)
int tointeger(lua_State* lua) {
  int is_integer = 0;
  const auto value = lua_type(lua, 1) == LUA_TNUMBER ? lua_tointegerx(lua, 1, &is_integer) : 0;
  is_integer ? lua_pushinteger(lua, value) : lua_pushnil(lua);
  return 1;
}

constexpr luaL_Reg kMath[] = {{"abs", absolute}, {"floor", floor},         {"max", maximum},
                              {"min", minimum},  {"tointeger", tointeger}, {nullptr, nullptr}};

// --- the whole ----------------------------------------------------------------------------------

/// Sets the field `name` of the globals on top to a frozen table of functions.
void add_module(lua_State* lua, const char* name, void (*add_functions)(lua_State*)) {
  lua_newtable(lua);
  add_functions(lua);
  freeze_fields(lua);
  lua_setfield(lua, -2, name);
}

int refuse_unknown_name(lua_State* lua) {
  fail(lua, "the name '%s' is not defined",
       lua_type(lua, 2) == LUA_TSTRING ? lua_tostring(lua, 2) : "?");
}

/// A name that nobody defined is more likely a mistake than a question. Pops nothing.
void refuse_unknown_names(lua_State* lua) {
  lua_createtable(lua, 0, 1);
  lua_pushcfunction(lua, refuse_unknown_name);
  lua_setfield(lua, -2, "__index");
  lua_setmetatable(lua, -2);
}

/// ("text"):upper()
void add_string_methods(lua_State* lua) {
  lua_pushliteral(lua, "");
  lua_createtable(lua, 0, 1);
  lua_newtable(lua);
  add_string_functions(lua);
  lua_setfield(lua, -2, "__index");
  lua_setmetatable(lua, -2);
  lua_pop(lua, 1);
}

}  // namespace

std::string_view push_text_of(lua_State* lua, int index) {
  switch (lua_type(lua, index)) {
    case LUA_TSTRING:
    case LUA_TNUMBER: lua_pushvalue(lua, index); break;
    case LUA_TBOOLEAN: lua_pushstring(lua, lua_toboolean(lua, index) ? "true" : "false"); break;
    default: lua_pushstring(lua, luaL_typename(lua, index));
  }
  std::size_t size = 0;
  const char* text = lua_tolstring(lua, -1, &size);
  return {text, size};
}

void add_basic_functions(lua_State* lua) { luaL_setfuncs(lua, kBasic, 0); }
void add_table_functions(lua_State* lua) { luaL_setfuncs(lua, kTable, 0); }
void add_math_functions(lua_State* lua) {
  luaL_setfuncs(lua, kMath, 0);
  lua_pushinteger(lua, LUA_MAXINTEGER);
  lua_setfield(lua, -2, "maxinteger");
  lua_pushinteger(lua, LUA_MININTEGER);
  lua_setfield(lua, -2, "mininteger");
}

void push_globals(lua_State* lua) {
  add_string_methods(lua);
  lua_newtable(lua);
  add_basic_functions(lua);
  add_policy_functions(lua);
  add_module(lua, "string", add_string_functions);
  add_module(lua, "table", add_table_functions);
  add_module(lua, "math", add_math_functions);
  refuse_unknown_names(lua);
}

}  // namespace vivarium::acl_lua
