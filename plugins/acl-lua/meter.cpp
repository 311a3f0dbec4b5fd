#include "meter.hpp"

#include "context.hpp"

#include <cstdlib>

namespace vivarium::acl_lua {
namespace {

// A Lua string has a head of 24 bytes and a zero at its end.
constexpr std::size_t kStringBlockMax = kStringBytesMax + 25;

}  // namespace

void Meter::begin(lua_State* lua, const RunBudget& budget) {
  left_ = budget.instructions;
  time_ = budget.time;
  started_.reset();
  cut_ = Cut::none;
  lua_sethook(lua, on_count, LUA_MASKCOUNT, kHookInterval);
}

bool Meter::in_time() {
  const auto now = loop_.now();
  if (!started_) started_ = now;
  return now - *started_ <= time_ || cut(Cut::time);
}

void Meter::on_count(lua_State* lua, lua_Debug*) {
  auto& meter = context_of(lua).meter;
  if (!meter.spend(kHookInterval) || !meter.in_time()) cut_off(lua);
}

/// The first reason stays. What is left is gone, so that every later step is refused as well.
bool Meter::cut(Cut why) {
  if (cut_ == Cut::none) cut_ = why;
  left_ = 0;
  return false;
}

void* Meter::allocate(void* meter, void* block, std::size_t old_size, std::size_t new_size) {
  auto& self = *static_cast<Meter*>(meter);
  // Without a block, old_size is the kind of object that the memory is for.
  const bool string = block == nullptr && old_size == LUA_TSTRING;
  if (block == nullptr) old_size = 0;
  if (new_size == 0) {
    self.memory_bytes_ -= old_size;
    std::free(block);
    return nullptr;
  }
  if (new_size > old_size && !self.may_grow(old_size, new_size, string)) return nullptr;
  auto* resized = std::realloc(block, new_size);
  if (resized == nullptr) return new_size <= old_size ? block : nullptr;
  self.memory_bytes_ = self.memory_bytes_ - old_size + new_size;
  return resized;
}

bool Meter::may_grow(std::size_t from, std::size_t to, bool string) {
  if (cut_ != Cut::none) return false;
  if (string && to > kStringBlockMax) return cut(Cut::string_size);
  const bool fits = to - from <= memory_bytes_max_ - memory_bytes_;
  // Refused, Lua collects all garbage and asks again. That is work, and the price of each object.
  const auto bytes = fits ? to - from : memory_bytes_;
  if (!spend(bytes / kBytesPerInstruction) && !fits) cut_ = Cut::memory;
  return fits && cut_ == Cut::none;
}

}  // namespace vivarium::acl_lua
