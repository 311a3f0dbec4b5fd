#include "script.hpp"

#include "access_object.hpp"
#include "library.hpp"

#include <algorithm>
#include <cstdio>

#include <vivarium/assert.hpp>

namespace vivarium::acl_lua {
namespace {

/// What lies at the bottom of the stack of a loaded script.
enum StackIndex : int { kDecide = 1, kAccess = 2, kResults = 3 };
constexpr int kResultCount = 3;

/// Garbage that is left lying until it is worth a collection.
constexpr std::size_t kGarbageBytesMin = 128 << 10;
/// How much of the source the compiler sees before the clock is looked at again.
constexpr std::size_t kPieceBytes = 4096;

int on_panic(lua_State*) {
  VIVARIUM_ASSERT(false, "an error of Lua outside of a protected call");
  return 0;
}

}  // namespace

/// What build() works on.
struct Script::Source {
  Script& script;
  std::string_view rest;
  const char* chunk_name;  ///< "=policy.lua"

  /// A lua_Reader.
  static const char* read(lua_State* lua, void* source, std::size_t* size) {
    auto& self = *static_cast<Source*>(source);
    if (!self.script.meter_.in_time()) cut_off(lua);
    const auto piece = self.rest.substr(0, kPieceBytes);
    self.rest.remove_prefix(piece.size());
    *size = piece.size();
    return piece.data();
  }
};

// --- loading ------------------------------------------------------------------------------------

Script::Script(const Limits& limits, const Loop& loop)
    : limits_(limits),
      meter_(loop, limits.memory_bytes),
      lua_(lua_newstate(Meter::allocate, &meter_)) {
  VIVARIUM_ASSERT(lua_ != nullptr, "the memory budget does not hold an empty Lua state");
  *static_cast<Context**>(lua_getextraspace(lua_.get())) = &context_;
  lua_atpanic(lua_.get(), on_panic);
}

Result<std::unique_ptr<Script>> Script::load(std::string_view source, const std::string& name,
                                             const Limits& limits, const Loop& loop) {
  if (source.starts_with(LUA_SIGNATURE[0]))
    return Error(Errc::invalid_argument, name + ":1: this is compiled Lua; give its source text");
  std::unique_ptr<Script> script(new Script(limits, loop));
  const auto chunk_name = "=" + name;
  Source rest{*script, source, chunk_name.c_str()};
  if (auto ran = script->run(rest); !ran) return ran.error();
  if (auto settled = script->settle(); !settled) return settled.error();
  return script;
}

Result<void> Script::run(Source& source) {
  auto* lua = lua_.get();
  meter_.begin(lua, kLoadBudget);
  lua_pushcfunction(lua, build);
  lua_pushlightuserdata(lua, &source);
  const int status = lua_pcall(lua, 1, 2, 0);
  meter_.end();
  if (status != LUA_OK) return load_error(status, source.chunk_name + 1);
  return {};
}

/// Leaves decide and the access object. Runs protected: an error jumps out of it.
int Script::build(lua_State* lua) {
  auto& source = *static_cast<Source*>(lua_touserdata(lua, 1));
  lua_settop(lua, 0);
  source.script.compile_and_run(source);
  source.script.choose_decide();
  source.script.variables_.freeze_reachable(lua, 1);
  push_access_object(lua);
  return 2;
}

/// Leaves what the script returns, and its globals.
void Script::compile_and_run(Source& source) {
  auto* lua = lua_.get();
  push_globals(lua);
  if (lua_load(lua, Source::read, &source, source.chunk_name, "t") != LUA_OK) lua_error(lua);
  lua_pushvalue(lua, 1);
  lua_setupvalue(lua, 2, 1);
  lua_call(lua, 0, 1);
  lua_insert(lua, 1);
}

/// Leaves the function that decides, out of what compile_and_run() left.
void Script::choose_decide() {
  auto* lua = lua_.get();
  if (lua_isnil(lua, 1)) {
    lua_pushliteral(lua, "decide");
    lua_rawget(lua, 2);
    lua_replace(lua, 1);
  }
  lua_settop(lua, 1);
  if (!lua_isfunction(lua, 1))
    fail(lua, "there is no function decide(access), but a %s: define one, or return a function",
         luaL_typename(lua, 1));
}

Error Script::load_error(int status, const std::string& name) const {
  switch (meter_.cut()) {
    case Cut::instructions:
      return {Errc::limit_exceeded, "loading takes more than " +
                                        std::to_string(kLoadBudget.instructions) +
                                        " instructions; compute less outside of decide()"};
    case Cut::time:
      return {Errc::limit_exceeded,
              "loading takes more than " + std::to_string(kLoadBudget.time.count()) +
                  " ms; compute less outside of decide(), or shorten the script"};
    case Cut::string_size:
      return {Errc::limit_exceeded, "it makes a string of more than " +
                                        std::to_string(kStringBytesMax) +
                                        " bytes; cut it in pieces"};
    case Cut::none:
    case Cut::memory: break;
  }
  if (meter_.cut() == Cut::memory || status == LUA_ERRMEM)
    return {Errc::limit_exceeded, "loading takes more memory than memory_budget, " +
                                      std::to_string(limits_.memory_bytes) +
                                      " bytes, allows; hold less, or raise it"};
  const bool has_text = lua_type(lua_.get(), -1) == LUA_TSTRING;
  std::string text = has_text ? lua_tostring(lua_.get(), -1) : "an error without text";
  if (!text.starts_with(name + ":")) text = name + ": " + text;
  return {Errc::invalid_argument, text + "; correct the script"};
}

/// Collects what loading left behind. From here on garbage is collected between decisions only, so
/// that no decision pays for another; what remains of the budget must do for that.
Result<void> Script::settle() {
  lua_gc(lua_.get(), LUA_GCCOLLECT);
  lua_gc(lua_.get(), LUA_GCSTOP);
  settled_bytes_ = memory_bytes();
  if (settled_bytes_ <= limits_.memory_bytes / 2) return {};
  return Error(Errc::limit_exceeded, "it holds " + std::to_string(settled_bytes_) +
                                         " bytes, more than half of memory_budget, " +
                                         std::to_string(limits_.memory_bytes) +
                                         " bytes; hold less, or raise it");
}

// --- deciding -----------------------------------------------------------------------------------

Answer Script::decide(const AccessRequest& access, const AclView& view) {
  auto* lua = lua_.get();
  context_.begin(access, view);
  meter_.begin(lua, limits_.decision);
  lua_pushvalue(lua, kDecide);
  lua_pushvalue(lua, kAccess);
  const int status = lua_pcall(lua, 1, kResultCount, 0);
  meter_.end();
  auto answer = status == LUA_OK ? read_answer() : read_failure(status);
  if (const char* changed = variables_.restore(lua); changed && answer.failure == Failure::none) {
    std::array<char, kReasonBytesMax> text;
    const int size = std::snprintf(text.data(), text.size(),
                                   "decide() changed '%s', a variable that outlives it", changed);
    answer = failed(Failure::script,
                    {text.data(), std::min(static_cast<std::size_t>(size), text.size() - 1)});
  }
  lua_settop(lua, kAccess);
  context_.end();
  collect_when_due();
  return answer;
}

// Nothing from here on may allocate in Lua: it is outside of the protected call.

Answer Script::read_answer() {
  auto* lua = lua_.get();
  const auto text = [lua](int index) {
    std::size_t size = 0;
    const char* found = lua_tolstring(lua, index, &size);
    return std::string_view(found, size);
  };
  const int reason = kResults + 1, cacheable = kResults + 2;
  if (lua_type(lua, kResults) != LUA_TSTRING ||
      (lua_type(lua, reason) != LUA_TSTRING && !lua_isnil(lua, reason)))
    return failed(Failure::script, "decide() must return allow(), deny() or defer()");
  Answer answer;
  const auto verdict = text(kResults);
  if (verdict == "allow")
    answer.verdict = Verdict::allow;
  else if (verdict == "defer")
    answer.verdict = Verdict::defer;
  else if (verdict != "deny")
    return failed(Failure::script, "decide() returned a word other than allow, deny and defer");
  if (!lua_isnil(lua, reason)) answer.reason = keep_reason(text(reason));
  answer.cacheable = context_.cacheable && lua_toboolean(lua, cacheable);
  return answer;
}

Answer Script::read_failure(int status) {
  switch (meter_.cut()) {
    case Cut::instructions:
      return failed(Failure::instructions, "out of instructions (instruction_budget)");
    case Cut::time: return failed(Failure::time, "out of time (time_budget)");
    case Cut::string_size: return failed(Failure::memory, "a string of more than 16 KiB");
    case Cut::memory: return failed(Failure::memory, "out of memory (memory_budget)");
    case Cut::none: break;
  }
  if (status == LUA_ERRMEM) return failed(Failure::memory, "out of memory (memory_budget)");
  const bool has_text = lua_type(lua_.get(), -1) == LUA_TSTRING;
  return failed(Failure::script, has_text ? lua_tostring(lua_.get(), -1) : "an error without text");
}

Answer Script::failed(Failure failure, std::string_view reason) {
  return {Verdict::deny, keep_reason(reason), false, failure};
}

std::string_view Script::keep_reason(std::string_view reason) {
  const auto size = std::min(reason.size(), reason_.size());
  std::copy_n(reason.data(), size, reason_.data());
  return {reason_.data(), size};
}

/// Keeps garbage below what is held (a collection goes over that) and within half of what is free.
void Script::collect_when_due() {
  const auto free = limits_.memory_bytes - settled_bytes_;
  const auto garbage_max = std::min(std::max(settled_bytes_, kGarbageBytesMin), free / 2);
  if (memory_bytes() <= settled_bytes_ + garbage_max) return;
  lua_gc(lua_.get(), LUA_GCCOLLECT);
  settled_bytes_ = memory_bytes();
}

}  // namespace vivarium::acl_lua
