#include "access_object.hpp"

#include "frozen.hpp"

#include <algorithm>
#include <utility>

namespace vivarium::acl_lua {
namespace {

constexpr std::size_t kExistsCost = 50;

/// The access at `index`, whose fields are those of the decision in progress.
const AccessRequest& access_at(lua_State* lua, int index) {
  const auto& context = context_of(lua);
  if (!context.access || lua_touserdata(lua, index) != context.access_object)
    fail(lua, "argument #%d must be the access", index);
  return *context.access;
}

// --- fields -------------------------------------------------------------------------------------

/// Fields that are worth keeping once made: the user values of the object.
enum MadeField : int { kPath = 1, kIdentities, kAcl, kMadeFields = kAcl };

bool is_write(Operation operation) {
  switch (operation) {
    case Operation::create:
    case Operation::remove:
    case Operation::set_data:
    case Operation::set_acl:
    case Operation::reconfig: return true;
    default: return false;
  }
}

/// Where any of several permissions would do, it is named by the weakest.
std::string_view name_of_permission(std::int32_t permission) {
  constexpr std::pair<std::int32_t, std::string_view> kNames[] = {{perms::kRead, "read"},
                                                                  {perms::kWrite, "write"},
                                                                  {perms::kCreate, "create"},
                                                                  {perms::kDelete, "delete"},
                                                                  {perms::kAdmin, "admin"}};
  for (const auto& [bit, name] : kNames)
    if (permission & bit) return name;
  return "none";
}

/// The letters of zkCli.
void push_permission_letters(lua_State* lua, std::int32_t permissions) {
  constexpr std::pair<std::int32_t, char> kLetters[] = {{perms::kCreate, 'c'},
                                                        {perms::kDelete, 'd'},
                                                        {perms::kRead, 'r'},
                                                        {perms::kWrite, 'w'},
                                                        {perms::kAdmin, 'a'}};
  std::array<char, std::size(kLetters)> letters;
  std::size_t count = 0;
  for (const auto& [bit, letter] : kLetters)
    if (permissions & bit) letters[count++] = letter;
  push(lua, {letters.data(), count});
}

void set_field(lua_State* lua, const char* name, std::string_view text) {
  push(lua, text);
  lua_setfield(lua, -2, name);
}

void push_path(lua_State* lua, const AccessRequest& access) { push(lua, access.path); }

void push_identities(lua_State* lua, const AccessRequest& access) {
  lua_createtable(lua, static_cast<int>(access.identities.size()), 0);
  lua_Integer n = 0;
  for (const auto& identity : access.identities) {
    charge(lua, 1);
    lua_createtable(lua, 0, 2);
    set_field(lua, "scheme", identity.scheme);
    set_field(lua, "id", identity.id);
    lua_rawseti(lua, -2, ++n);
  }
}

void push_acl(lua_State* lua, const AccessRequest& access) {
  context_of(lua).cacheable = false;
  lua_createtable(lua, static_cast<int>(access.acl.size()), 0);
  lua_Integer n = 0;
  for (const auto& entry : access.acl) {
    charge(lua, 1);
    lua_createtable(lua, 0, 3);
    set_field(lua, "scheme", entry.scheme);
    set_field(lua, "id", entry.id);
    push_permission_letters(lua, entry.perms);
    lua_setfield(lua, -2, "permissions");
    lua_rawseti(lua, -2, ++n);
  }
}

using PushField = void (*)(lua_State*, const AccessRequest&);

/// Makes a field at most once in a decision.
template <MadeField kField, PushField kPush>
void push_made(lua_State* lua, const AccessRequest& access) {
  auto& context = context_of(lua);
  if (context.made_fields & 1u << kField) {
    lua_getiuservalue(lua, 1, kField);
    return;
  }
  kPush(lua, access);
  lua_pushvalue(lua, -1);
  lua_setiuservalue(lua, 1, kField);
  context.made_fields |= 1u << kField;
}

constexpr std::pair<std::string_view, PushField> kFields[] = {
    {"path", push_made<kPath, push_path>},
    {"operation", [](lua_State* l, const AccessRequest& a) { push(l, name_of(a.operation)); }},
    {"writes",
     [](lua_State* l, const AccessRequest& a) { lua_pushboolean(l, is_write(a.operation)); }},
    {"permission",
     [](lua_State* l, const AccessRequest& a) { push(l, name_of_permission(a.permission)); }},
    {"identities", push_made<kIdentities, push_identities>},
    {"address", [](lua_State* l, const AccessRequest& a) { push(l, a.client_address); }},
    {"encrypted",
     [](lua_State* l, const AccessRequest& a) {
       context_of(l).cacheable = false;
       lua_pushboolean(l, a.encrypted);
     }},
    {"in_multi",
     [](lua_State* l, const AccessRequest& a) {
       context_of(l).cacheable = false;
       lua_pushboolean(l, a.in_multi);
     }},
    {"acl", push_made<kAcl, push_acl>},
};

int get_field(lua_State* lua) {
  const auto name = text_at(lua, 2);
  for (const auto& [field, push_field] : kFields) {
    if (field != name) continue;
    push_field(lua, access_at(lua, 1));
    return 1;
  }
  fail(lua, "access has no field '%s'", name.data());
}

int refuse_field(lua_State* lua) { fail(lua, "access cannot be changed"); }

// --- answers ------------------------------------------------------------------------------------

int answer(lua_State* lua, const char* verdict) {
  lua_settop(lua, 1);
  lua_pushstring(lua, verdict);
  lua_insert(lua, 1);
  return 2;
}
int allow(lua_State* lua) { return answer(lua, "allow"); }
int deny(lua_State* lua) { return answer(lua, "deny"); }
int defer(lua_State* lua) { return answer(lua, "defer"); }

int cacheable(lua_State* lua) {
  lua_settop(lua, 2);
  lua_pushboolean(lua, 1);
  return 3;
}

// --- questions ----------------------------------------------------------------------------------

/// has(access, scheme [, id])
int has(lua_State* lua) {
  const auto& access = access_at(lua, 1);
  const auto scheme = text_at(lua, 2);
  const bool any_id = lua_isnoneornil(lua, 3);
  const auto id = any_id ? std::string_view() : text_at(lua, 3);
  charge(lua, access.identities.size());
  const bool found = std::any_of(
      access.identities.begin(), access.identities.end(), [&](const Identity& identity) {
        return identity.scheme == scheme && (any_id || identity.id == id);
      });
  lua_pushboolean(lua, found);
  return 1;
}

/// Is `path` the node `top` or below it?
bool is_under(std::string_view path, std::string_view top) {
  if (top.ends_with('/')) top.remove_suffix(1);
  return path.starts_with(top) && (path.size() == top.size() || path[top.size()] == '/');
}

/// under(path, top)
int under(lua_State* lua) {
  const auto path = path_at(lua, 1), top = text_at(lua, 2);
  charge_bytes(lua, top.size());
  lua_pushboolean(lua, is_under(path, top));
  return 1;
}

/// segment(path, n): "b" is number 2 of "/a/b/c", and number -2.
int segment(lua_State* lua) {
  auto path = path_at(lua, 1);
  auto wanted = luaL_checkinteger(lua, 2);
  charge_bytes(lua, path.size());
  const auto count = path.size() > 1 ? std::count(path.begin(), path.end(), '/') : 0;
  if (wanted < 0) wanted += count + 1;
  if (wanted < 1 || wanted > count) return lua_pushnil(lua), 1;
  while (wanted-- > 0) path.remove_prefix(path.find('/') + 1);
  push(lua, path.substr(0, path.find('/')));
  return 1;
}

/// The path of the parent: "/" for "/a", "" for "/".
std::string_view parent_of(std::string_view path) {
  const auto slash = path.rfind('/');
  if (slash == std::string_view::npos || path.size() == 1) return {};
  return path.substr(0, std::max<std::size_t>(slash, 1));
}

/// nearest(rules, path): the field of `rules` named by the path, or else by the closest node above
/// it; and that name.
int nearest(lua_State* lua) {
  luaL_checktype(lua, 1, LUA_TTABLE);
  auto path = path_at(lua, 2);
  push_content(lua, 1);
  const int rules = lua_gettop(lua);
  for (; !path.empty(); path = parent_of(path)) {
    charge_bytes(lua, path.size());
    push(lua, path);
    lua_pushvalue(lua, -1);
    if (lua_rawget(lua, rules) != LUA_TNIL) {
      lua_insert(lua, -2);
      return 2;
    }
    lua_settop(lua, rules);
  }
  return 0;
}

/// exists(path)
int exists(lua_State* lua) {
  auto& context = context_of(lua);
  const auto path = path_at(lua, 1);
  if (!context.view) fail(lua, "exists() answers in a decision, not while the script is loaded");
  charge(lua, kExistsCost);
  context.cacheable = false;
  lua_pushboolean(lua, context.view->exists(path));
  return 1;
}

constexpr luaL_Reg kFunctions[] = {
    {"allow", allow},     {"deny", deny},       {"defer", defer},
    {"cacheable", cacheable}, {"has", has},     {"under", under},
    {"segment", segment}, {"nearest", nearest}, {"exists", exists},
    {nullptr, nullptr}};

}  // namespace

void push_access_object(lua_State* lua) {
  context_of(lua).access_object = lua_newuserdatauv(lua, 0, kMadeFields);
  lua_createtable(lua, 0, 3);
  lua_pushcfunction(lua, get_field);
  lua_setfield(lua, -2, "__index");
  lua_pushcfunction(lua, refuse_field);
  lua_setfield(lua, -2, "__newindex");
  set_field(lua, "__name", "access");
  lua_setmetatable(lua, -2);
}

void add_policy_functions(lua_State* lua) { luaL_setfuncs(lua, kFunctions, 0); }

}  // namespace vivarium::acl_lua
