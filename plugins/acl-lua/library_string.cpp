// The string functions of a script. Those that Lua has and these lack: dump, gmatch, gsub, pack.
#include "library.hpp"
#include "pattern.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <cstring>

namespace vivarium::acl_lua {
namespace {

// --- positions: from 1, or from the end when negative -------------------------------------------

std::size_t first_position(lua_Integer position, std::size_t size) {
  if (position > 0) return static_cast<std::size_t>(position);
  if (position == 0 || position < -static_cast<lua_Integer>(size)) return 1;
  return size + static_cast<std::size_t>(position + 1);
}

std::size_t last_position(lua_Integer position, std::size_t size) {
  if (position > static_cast<lua_Integer>(size)) return size;
  if (position >= 0) return static_cast<std::size_t>(position);
  if (position < -static_cast<lua_Integer>(size)) return 0;
  return size + static_cast<std::size_t>(position + 1);
}

/// The part of `text` between the positions in two arguments.
std::string_view part_of(lua_State* lua, std::string_view text, lua_Integer from, lua_Integer to) {
  const auto first = first_position(from, text.size()), last = last_position(to, text.size());
  charge_bytes(lua, text.size());
  return first > last ? std::string_view() : text.substr(first - 1, last - first + 1);
}

// --- functions ----------------------------------------------------------------------------------

/// string.byte(text [, first [, last]])
int byte(lua_State* lua) {
  const auto text = text_at(lua, 1);
  const auto first = luaL_optinteger(lua, 2, 1);
  const auto part = part_of(lua, text, first, luaL_optinteger(lua, 3, first));
  constexpr std::size_t kValuesMax = 200;
  if (part.size() > kValuesMax)
    fail(lua, "string.byte: more than %d values", static_cast<int>(kValuesMax));
  luaL_checkstack(lua, static_cast<int>(part.size()), nullptr);
  for (const char c : part) lua_pushinteger(lua, static_cast<unsigned char>(c));
  return static_cast<int>(part.size());
}

/// string.char(...)
int character(lua_State* lua) {
  const int count = lua_gettop(lua);
  TextBuffer text;
  for (int i = 1; i <= count; ++i) {
    const auto code = luaL_checkinteger(lua, i);
    luaL_argcheck(lua, code >= 0 && code <= 255, i, "value out of range");
    text.append(lua, static_cast<char>(code));
  }
  text.push_result(lua);
  return 1;
}

int length(lua_State* lua) {
  lua_pushinteger(lua, static_cast<lua_Integer>(text_at(lua, 1).size()));
  return 1;
}

/// Pushes `text` with each byte changed. ASCII only, whatever the locale.
template <class Change>
int push_changed(lua_State* lua, std::string_view text, Change change) {
  TextBuffer changed;
  for (const char c : text) changed.append(lua, change(c));
  changed.push_result(lua);
  return 1;
}
int lower(lua_State* lua) {
  return push_changed(lua, text_at(lua, 1), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
}
int upper(lua_State* lua) {
  return push_changed(lua, text_at(lua, 1), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  });
}

int reverse(lua_State* lua) {
  TextBuffer reversed;
  const auto text = text_at(lua, 1);
  for (auto c = text.rbegin(); c != text.rend(); ++c) reversed.append(lua, *c);
  reversed.push_result(lua);
  return 1;
}

/// string.rep(text, count [, separator])
int repeat(lua_State* lua) {
  const auto text = text_at(lua, 1);
  const auto count = luaL_checkinteger(lua, 2);
  const auto separator = lua_isnoneornil(lua, 3) ? std::string_view() : text_at(lua, 3);
  TextBuffer repeated;
  for (lua_Integer i = 0; i < count; ++i) {
    if (i > 0) repeated.append(lua, separator);
    repeated.append(lua, text);
  }
  repeated.push_result(lua);
  return 1;
}

/// string.sub(text, first [, last])
int part(lua_State* lua) {
  const auto text = text_at(lua, 1);
  push(lua, part_of(lua, text, luaL_checkinteger(lua, 2), luaL_optinteger(lua, 3, -1)));
  return 1;
}

// --- finding ------------------------------------------------------------------------------------

bool has_specials(std::string_view pattern) {
  return pattern.find_first_of("^$*+?.([%-") != std::string_view::npos;
}

int find_plain(lua_State* lua, std::string_view text, std::string_view wanted, std::size_t from) {
  charge_bytes(lua, text.size() + text.size() * wanted.size() / 16);
  const auto at = text.find(wanted, from);
  if (at == std::string_view::npos) return lua_pushnil(lua), 1;
  lua_pushinteger(lua, static_cast<lua_Integer>(at + 1));
  lua_pushinteger(lua, static_cast<lua_Integer>(at + wanted.size()));
  return 2;
}

/// string.find(text, pattern [, first [, plain]])
int find(lua_State* lua) {
  const auto text = text_at(lua, 1), pattern = text_at(lua, 2);
  const auto from = first_position(luaL_optinteger(lua, 3, 1), text.size()) - 1;
  charge_bytes(lua, pattern.size());
  if (from > text.size()) return lua_pushnil(lua), 1;
  if (lua_toboolean(lua, 4) || !has_specials(pattern)) return find_plain(lua, text, pattern, from);
  PatternMatch match(lua, text, pattern);
  if (!match.search(from)) return lua_pushnil(lua), 1;
  lua_pushinteger(lua, static_cast<lua_Integer>(match.begin() + 1));
  lua_pushinteger(lua, static_cast<lua_Integer>(match.end()));
  return 2 + match.push_captures();
}

/// string.match(text, pattern [, first])
int match(lua_State* lua) {
  const auto text = text_at(lua, 1), pattern = text_at(lua, 2);
  const auto from = first_position(luaL_optinteger(lua, 3, 1), text.size()) - 1;
  PatternMatch match(lua, text, pattern);
  if (from > text.size() || !match.search(from)) return lua_pushnil(lua), 1;
  if (match.captures() > 0) return match.push_captures();
  push(lua, text.substr(match.begin(), match.end() - match.begin()));
  return 1;
}

// --- string.format ------------------------------------------------------------------------------

/// One conversion: `%[flags][width][.precision]letter`, numbers of two digits at most.
struct Conversion {
  std::array<char, 24> spec{'%'};  ///< As printf wants it, without the letter.
  std::size_t spec_size = 1;
  bool left = false;
  std::size_t width = 0;
  std::size_t precision = std::string_view::npos;
  char letter = '\0';

  const char* printf_spec(std::string_view letters) {
    std::copy(letters.begin(), letters.end(),
              spec.begin() + static_cast<std::ptrdiff_t>(spec_size));
    spec[spec_size + letters.size()] = '\0';
    return spec.data();
  }
};

bool is_flag(char c) { return c == '-' || c == '+' || c == ' ' || c == '#' || c == '0'; }

/// Cuts up to two digits off the format.
std::size_t take_number(std::string_view& format) {
  std::size_t number = 0;
  const auto* end = format.data() + std::min<std::size_t>(format.size(), 2);
  const auto rest = std::from_chars(format.data(), end, number).ptr;
  format.remove_prefix(static_cast<std::size_t>(rest - format.data()));
  return number;
}

/// Cuts a conversion, behind its '%', off the format.
Conversion take_conversion(lua_State* lua, std::string_view& format) {
  Conversion conversion;
  const auto* begin = format.data();
  for (int flags = 0; flags < 5 && !format.empty() && is_flag(format[0]); ++flags) {
    conversion.left |= format[0] == '-';
    format.remove_prefix(1);
  }
  conversion.width = take_number(format);
  if (format.starts_with('.')) {
    format.remove_prefix(1);
    conversion.precision = take_number(format);
  }
  const auto size = static_cast<std::size_t>(format.data() - begin);
  if (format.empty()) fail(lua, "string.format: the format ends within a conversion");
  std::copy(begin, begin + size, conversion.spec.begin() + 1);
  conversion.spec_size = 1 + size;
  conversion.letter = format[0];
  format.remove_prefix(1);
  return conversion;
}

void append_text(lua_State* lua, TextBuffer& out, const Conversion& conversion, int argument) {
  luaL_checkany(lua, argument);
  const auto text = push_text_of(lua, argument).substr(0, conversion.precision);
  const auto blanks = conversion.width > text.size() ? conversion.width - text.size() : 0;
  for (std::size_t i = 0; !conversion.left && i < blanks; ++i) out.append(lua, ' ');
  out.append(lua, text);
  for (std::size_t i = 0; conversion.left && i < blanks; ++i) out.append(lua, ' ');
  lua_pop(lua, 1);
}

/// The longest is %99.99f of the greatest double.
using NumberText = std::array<char, 512>;

template <class Number>
void append_number(lua_State* lua, TextBuffer& out, const char* spec, Number number) {
  NumberText text;
  const int size = std::snprintf(text.data(), text.size(), spec, number);
  out.append(lua, {text.data(), static_cast<std::size_t>(size)});
}

void append_argument(lua_State* lua, TextBuffer& out, Conversion conversion, int argument) {
  const char letter = conversion.letter;
  if (letter == 's') return append_text(lua, out, conversion, argument);
  if (letter == 'd' || letter == 'i')
    return append_number(lua, out, conversion.printf_spec("lld"), luaL_checkinteger(lua, argument));
  if (letter == 'x' || letter == 'X')
    return append_number(lua, out, conversion.printf_spec(letter == 'x' ? "llx" : "llX"),
                         static_cast<lua_Unsigned>(luaL_checkinteger(lua, argument)));
  if (letter == 'f' || letter == 'g')
    return append_number(lua, out, conversion.printf_spec({&letter, 1}),
                         luaL_checknumber(lua, argument));
  fail(lua, "string.format: no conversion '%%%c'; there are %%s %%d %%x %%f %%g and %%%%", letter);
}

/// string.format(format, ...)
int format(lua_State* lua) {
  auto format = text_at(lua, 1);
  int argument = 1;
  TextBuffer out;
  while (!format.empty()) {
    const char c = format[0];
    format.remove_prefix(1);
    if (c != '%') {
      out.append(lua, c);
    } else if (format.starts_with('%')) {
      format.remove_prefix(1);
      out.append(lua, '%');
    } else {
      append_argument(lua, out, take_conversion(lua, format), ++argument);
    }
  }
  out.push_result(lua);
  return 1;
}

constexpr luaL_Reg kString[] = {
    {"byte", byte},       {"char", character}, {"find", find},   {"format", format},
    {"len", length},      {"lower", lower},    {"match", match}, {"rep", repeat},
    {"reverse", reverse}, {"sub", part},       {"upper", upper}, {nullptr, nullptr}};

}  // namespace

void add_string_functions(lua_State* lua) { luaL_setfuncs(lua, kString, 0); }

}  // namespace vivarium::acl_lua
