#pragma once
// Lua's patterns, with a price: each step is counted as an instruction, so that a pattern which
// backtracks for ever is cut off like a loop that does. Lua's own matcher runs uncounted, which is
// why this one exists. The language is that of the Lua 5.4 manual, section 6.4.1, whole.

#include "context.hpp"

namespace vivarium::acl_lua {

class PatternMatch {
 public:
  PatternMatch(lua_State* lua, std::string_view subject, std::string_view pattern);

  /// Finds the first match at `from` or after it. A broken pattern is an error of the script.
  bool search(std::size_t from);
  std::size_t begin() const { return static_cast<std::size_t>(begin_ - subject_.data()); }
  std::size_t end() const { return static_cast<std::size_t>(end_ - subject_.data()); }
  int captures() const { return capture_count_; }
  /// Pushes what the captures hold, and returns how many they are.
  int push_captures();

 private:
  static constexpr int kCapturesMax = 32;
  static constexpr int kDepthMax = 200;

  struct Capture {
    enum class Kind : std::uint8_t { open, closed, position } kind;
    const char* begin;
    const char* end;
  };

  const char* match(const char* at, const char* item);
  const char* match_items(const char* at, const char* item);
  const char* match_repeated(const char* at, const char* item, const char* item_end);
  const char* match_most(const char* at, const char* item, const char* item_end);
  const char* match_least(const char* at, const char* item, const char* item_end);
  const char* match_balanced(const char* at, const char* item);
  const char* match_frontier(const char* at, const char* set, const char* set_end);
  const char* match_back_reference(const char* at, char digit);
  const char* open_capture(const char* at, const char* item);
  const char* close_capture(const char* at, const char* item);

  bool matches_one(const char* at, const char* item, const char* item_end);
  bool in_set(unsigned char byte, const char* set, const char* set_end) const;
  const char* end_of_item(const char* item);
  const char* end_of_set(const char* set);
  void push_capture(const Capture& capture);

  lua_State* lua_;
  std::string_view subject_;
  const char* subject_end_;
  const char* pattern_;
  const char* pattern_end_;
  bool anchored_ = false;
  const char* begin_ = nullptr;
  const char* end_ = nullptr;
  int depth_ = 0;
  int capture_count_ = 0;
  std::array<Capture, kCapturesMax> captures_;
};

}  // namespace vivarium::acl_lua
