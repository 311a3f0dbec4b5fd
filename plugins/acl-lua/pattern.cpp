#include "pattern.hpp"

#include <cstring>

namespace vivarium::acl_lua {
namespace {

// Classes of ASCII, whatever the locale: a policy means the same everywhere.
bool is_lower(unsigned char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(unsigned char c) { return c >= 'A' && c <= 'Z'; }
bool is_digit(unsigned char c) { return c >= '0' && c <= '9'; }
bool is_letter(unsigned char c) { return is_lower(c) || is_upper(c); }
bool is_graphic(unsigned char c) { return c > 0x20 && c < 0x7f; }
bool is_hex(unsigned char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/// Whether `byte` is of the class `%letter`; a letter that names no class stands for itself.
bool in_class(unsigned char byte, char letter) {
  bool found = false;
  switch (letter | 0x20) {
    case 'a': found = is_letter(byte); break;
    case 'c': found = byte < 0x20 || byte == 0x7f; break;
    case 'd': found = is_digit(byte); break;
    case 'g': found = is_graphic(byte); break;
    case 'l': found = is_lower(byte); break;
    case 'p': found = is_graphic(byte) && !is_letter(byte) && !is_digit(byte); break;
    case 's': found = byte == ' ' || (byte >= '\t' && byte <= '\r'); break;
    case 'u': found = is_upper(byte); break;
    case 'w': found = is_letter(byte) || is_digit(byte); break;
    case 'x': found = is_hex(byte); break;
    default: return static_cast<unsigned char>(letter) == byte;
  }
  return is_upper(static_cast<unsigned char>(letter)) ? !found : found;
}

}  // namespace

PatternMatch::PatternMatch(lua_State* lua, std::string_view subject, std::string_view pattern)
    : lua_(lua),
      subject_(subject),
      subject_end_(subject.data() + subject.size()),
      pattern_(pattern.data()),
      pattern_end_(pattern.data() + pattern.size()) {
  if (pattern.starts_with('^')) {
    anchored_ = true;
    ++pattern_;
  }
}

bool PatternMatch::search(std::size_t from) {
  for (begin_ = subject_.data() + from; begin_ <= subject_end_; ++begin_) {
    capture_count_ = depth_ = 0;
    end_ = match(begin_, pattern_);
    if (end_ || anchored_) return end_ != nullptr;
  }
  return false;
}

/// The end of a match of the pattern from `item` on, which begins at `at`; nullptr when there is
/// none.
const char* PatternMatch::match(const char* at, const char* item) {
  if (++depth_ > kDepthMax) fail(lua_, "the pattern is too complex");
  const char* end = match_items(at, item);
  --depth_;
  return end;
}

const char* PatternMatch::match_items(const char* at, const char* item) {
  while (item != pattern_end_) {
    charge(lua_, 1);
    if (*item == '(') return open_capture(at, item);
    if (*item == ')') return close_capture(at, item);
    if (*item == '$' && item + 1 == pattern_end_) return at == subject_end_ ? at : nullptr;
    const char* item_end = end_of_item(item);
    const char kind = *item == '%' ? item[1] : '\0';
    if (kind == 'b') {
      at = match_balanced(at, item);
    } else if (kind == 'f') {
      at = match_frontier(at, item + 2, item_end);
    } else if (kind >= '0' && kind <= '9') {
      at = match_back_reference(at, kind);
    } else if (item_end != pattern_end_ && std::strchr("*+-?", *item_end) && *item_end != '\0') {
      return match_repeated(at, item, item_end);
    } else {
      at = matches_one(at, item, item_end) ? at + 1 : nullptr;
    }
    if (!at) return nullptr;
    item = item_end;
  }
  return at;
}

const char* PatternMatch::match_repeated(const char* at, const char* item, const char* item_end) {
  switch (*item_end) {
    case '*': return match_most(at, item, item_end);
    case '+': return matches_one(at, item, item_end) ? match_most(at + 1, item, item_end) : nullptr;
    case '-': return match_least(at, item, item_end);
    default: break;
  }
  if (matches_one(at, item, item_end))
    if (const char* end = match(at + 1, item_end + 1)) return end;
  return match(at, item_end + 1);
}

const char* PatternMatch::match_most(const char* at, const char* item, const char* item_end) {
  const char* last = at;
  while (matches_one(last, item, item_end)) ++last;
  for (;; --last) {
    if (const char* end = match(last, item_end + 1)) return end;
    if (last == at) return nullptr;
  }
}

const char* PatternMatch::match_least(const char* at, const char* item, const char* item_end) {
  for (;; ++at) {
    if (const char* end = match(at, item_end + 1)) return end;
    if (!matches_one(at, item, item_end)) return nullptr;
  }
}

/// `%bxy`
const char* PatternMatch::match_balanced(const char* at, const char* item) {
  if (at == subject_end_ || *at != item[2]) return nullptr;
  int open = 0;
  for (; at != subject_end_; ++at) {
    charge(lua_, 1);
    if (*at == item[3]) {
      if (--open == 0) return at + 1;
    } else if (*at == item[2]) {
      ++open;
    }
  }
  return nullptr;
}

/// `%f[set]`: between a byte that is not in the set and one that is. Beyond both ends are zeros.
const char* PatternMatch::match_frontier(const char* at, const char* set, const char* set_end) {
  const char before = at == subject_.data() ? '\0' : at[-1];
  const char after = at == subject_end_ ? '\0' : *at;
  charge_bytes(lua_, static_cast<std::size_t>(set_end - set));
  return !in_set(static_cast<unsigned char>(before), set, set_end) &&
                 in_set(static_cast<unsigned char>(after), set, set_end)
             ? at
             : nullptr;
}

const char* PatternMatch::match_back_reference(const char* at, char digit) {
  const int n = digit - '1';
  const auto& capture = captures_[static_cast<std::size_t>(n < 0 ? 0 : n)];
  if (n < 0 || n >= capture_count_ || capture.kind == Capture::Kind::open)
    fail(lua_, "the pattern refers to capture %%%c, which it has not closed", digit);
  if (capture.kind == Capture::Kind::position) return nullptr;
  const auto size = static_cast<std::size_t>(capture.end - capture.begin);
  charge_bytes(lua_, size);
  if (static_cast<std::size_t>(subject_end_ - at) < size) return nullptr;
  return std::memcmp(at, capture.begin, size) == 0 ? at + size : nullptr;
}

const char* PatternMatch::open_capture(const char* at, const char* item) {
  if (capture_count_ == kCapturesMax) fail(lua_, "the pattern has too many captures");
  const bool position = item + 1 != pattern_end_ && item[1] == ')';
  captures_[static_cast<std::size_t>(capture_count_++)] = {
      position ? Capture::Kind::position : Capture::Kind::open, at, at};
  const char* end = match(at, item + (position ? 2 : 1));
  if (!end) --capture_count_;
  return end;
}

const char* PatternMatch::close_capture(const char* at, const char* item) {
  auto n = static_cast<std::size_t>(capture_count_);
  while (n > 0 && captures_[n - 1].kind != Capture::Kind::open) --n;
  if (n == 0) fail(lua_, "the pattern closes a capture that it has not opened");
  auto& capture = captures_[n - 1];
  capture.kind = Capture::Kind::closed;
  capture.end = at;
  const char* end = match(at, item + 1);
  if (!end) capture.kind = Capture::Kind::open;
  return end;
}

bool PatternMatch::matches_one(const char* at, const char* item, const char* item_end) {
  charge(lua_, 1);
  if (at == subject_end_) return false;
  const auto byte = static_cast<unsigned char>(*at);
  switch (*item) {
    case '.': return true;
    case '%': return in_class(byte, item[1]);
    case '[':
      charge(lua_, static_cast<std::size_t>(item_end - item) / 16);
      return in_set(byte, item, item_end);
    default: return static_cast<unsigned char>(*item) == byte;
  }
}

/// `set` is at its '[', `set_end` behind its ']'.
bool PatternMatch::in_set(unsigned char byte, const char* set, const char* set_end) const {
  ++set;
  const bool wanted = *set != '^';
  if (!wanted) ++set;
  for (const char* last = set_end - 1; set != last; ++set) {
    if (*set == '%') {
      if (in_class(byte, *++set)) return wanted;
    } else if (set + 2 < last && set[1] == '-') {
      if (static_cast<unsigned char>(*set) <= byte && byte <= static_cast<unsigned char>(set[2]))
        return wanted;
      set += 2;
    } else if (static_cast<unsigned char>(*set) == byte) {
      return wanted;
    }
  }
  return !wanted;
}

/// Behind the single item at `item`, without what says how often it is repeated.
const char* PatternMatch::end_of_item(const char* item) {
  if (*item == '[') return end_of_set(item);
  if (*item != '%') return item + 1;
  if (item + 1 == pattern_end_) fail(lua_, "the pattern ends with '%%'");
  if (item[1] == 'b') {
    if (pattern_end_ - item < 4) fail(lua_, "the pattern lacks the two characters of '%%b'");
    return item + 4;
  }
  if (item[1] == 'f') {
    if (item + 2 == pattern_end_ || item[2] != '[') fail(lua_, "the pattern lacks '[' after '%%f'");
    return end_of_set(item + 2);
  }
  return item + 2;
}

const char* PatternMatch::end_of_set(const char* set) {
  const char* at = set + 1;
  if (at != pattern_end_ && *at == '^') ++at;
  // A ']' that comes first is one of the set.
  do {
    charge(lua_, 1);
    if (at == pattern_end_) fail(lua_, "the pattern lacks a ']'");
    if (*at++ == '%') {
      if (at == pattern_end_) fail(lua_, "the pattern ends with '%%'");
      ++at;
    }
  } while (at == pattern_end_ || *at != ']');
  return at + 1;
}

int PatternMatch::push_captures() {
  luaL_checkstack(lua_, capture_count_, "too many captures");
  for (int n = 0; n < capture_count_; ++n) push_capture(captures_[static_cast<std::size_t>(n)]);
  return capture_count_;
}

void PatternMatch::push_capture(const Capture& capture) {
  switch (capture.kind) {
    case Capture::Kind::open: fail(lua_, "the pattern does not close a capture");
    case Capture::Kind::position:
      return lua_pushinteger(lua_, capture.begin - subject_.data() + 1);
    case Capture::Kind::closed:
      return push(lua_, {capture.begin, static_cast<std::size_t>(capture.end - capture.begin)});
  }
}

}  // namespace vivarium::acl_lua
