#include "context.hpp"

#include <algorithm>

namespace vivarium::acl_lua {

void cut_off(lua_State* lua) {
  // No message: making one would need memory. The meter knows why.
  lua_pushnil(lua);
  lua_error(lua);
  __builtin_unreachable();
}

std::string_view text_at(lua_State* lua, int index) {
  std::size_t size = 0;
  const char* text = luaL_checklstring(lua, index, &size);
  return {text, size};
}

std::string_view path_at(lua_State* lua, int index) {
  const auto& context = context_of(lua);
  if (context.access && lua_touserdata(lua, index) == context.access_object)
    return context.access->path;
  return text_at(lua, index);
}

void TextBuffer::append(lua_State* lua, std::string_view text) {
  charge_bytes(lua, text.size());
  if (text.size() > bytes_.size() - size_)
    fail(lua, "a string of more than %d bytes", static_cast<int>(bytes_.size()));
  std::copy(text.begin(), text.end(), bytes_.data() + size_);
  size_ += text.size();
}

}  // namespace vivarium::acl_lua
