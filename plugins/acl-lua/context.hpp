#pragma once
// What the C functions that a script calls find through its lua_State, and the few words they
// share.
//
// An error of Lua is a jump: it runs no destructor. Nothing that needs one may live in a function
// between a call of Lua's API (or of one of these) and its end.

#include "meter.hpp"

#include <vivarium/acl_policy.hpp>

#include <array>
#include <string_view>

namespace vivarium::acl_lua {

struct Context {
  Meter& meter;
  /// The decision in progress; nullptr while the script is loaded.
  const AccessRequest* access = nullptr;
  const AclView* view = nullptr;
  /// The address of the one userdata that stands for `access`.
  const void* access_object = nullptr;
  /// Fields of `access` that were already made into Lua values, a bit each.
  unsigned made_fields = 0;
  /// The script has looked at nothing but what identifies a cached decision.
  bool cacheable = true;

  void begin(const AccessRequest& request, const AclView& tree) {
    access = &request;
    view = &tree;
    made_fields = 0;
    cacheable = true;
  }
  void end() {
    access = nullptr;
    view = nullptr;
  }
};

inline Context& context_of(lua_State* lua) {
  return **static_cast<Context**>(lua_getextraspace(lua));
}

/// Ends a run whose meter has refused something.
[[noreturn]] void cut_off(lua_State* lua);

/// Counts work as instructions, and ends the run when there are none left.
inline void charge(lua_State* lua, std::size_t instructions) {
  if (!context_of(lua).meter.spend(instructions)) cut_off(lua);
}
/// The same for work that goes over `bytes` bytes.
inline void charge_bytes(lua_State* lua, std::size_t bytes) { charge(lua, 1 + bytes / 16); }

/// luaL_error, known not to return.
template <class... Values>
[[noreturn]] void fail(lua_State* lua, const char* format, Values... values) {
  luaL_error(lua, format, values...);
  __builtin_unreachable();
}

/// The string argument `index`; an error of the script when it is none.
std::string_view text_at(lua_State* lua, int index);
/// A path argument, for which the access itself may stand.
std::string_view path_at(lua_State* lua, int index);

inline void push(lua_State* lua, std::string_view text) {
  lua_pushlstring(lua, text.data(), text.size());
}

/// A string in the making. It lives on the C stack and needs no destructor.
class TextBuffer {
 public:
  void append(lua_State* lua, std::string_view text);
  void append(lua_State* lua, char byte) { append(lua, {&byte, 1}); }
  void push_result(lua_State* lua) { push(lua, {bytes_.data(), size_}); }

 private:
  std::size_t size_ = 0;
  std::array<char, kStringBytesMax> bytes_;
};

}  // namespace vivarium::acl_lua
