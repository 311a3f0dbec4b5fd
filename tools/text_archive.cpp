#include "tools/text_archive.hpp"

#include "kernel/core/hex.hpp"
#include "tools/utf8.hpp"

#include <array>
#include <cstdio>

namespace vivarium::tools {
namespace {

/// By their names: zxids, and what else ZooKeeper shows in hexadecimal.
bool is_hex(std::string_view name) {
  return name.ends_with("zxid") || name == "owner" || name == "session_id" || name == "tree_digest";
}

void append_hex(std::string& out, char byte) {
  std::array<char, 5> text{};
  std::snprintf(text.data(), text.size(), "\\x%02x", static_cast<unsigned char>(byte));
  out += text.data();
}

/// Control characters, those of Latin-1 included.
bool is_control(std::string_view character) {
  const auto first = static_cast<unsigned char>(character[0]);
  if (character.size() == 1) return first < 32 || first == 127;
  return first == 0xC2 && static_cast<unsigned char>(character[1]) < 0xA0;
}

void append_escaped(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const auto character = first_character(text);
    const auto bytes = text.substr(0, character.empty() ? 1 : character.size());
    if (character == "\"" || character == "\\") out += '\\';
    if (!character.empty() && !is_control(character))
      out += character;
    else
      for (const char byte : bytes) append_hex(out, byte);
    text.remove_prefix(bytes.size());
  }
}

/// At most so many bytes, and no part of a character.
std::string_view beginning_of(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  auto end = bytes_max;
  while (end > 0 && bytes_max - end < 3 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80)
    --end;
  return text.substr(0, end);
}

}  // namespace

void TextArchive::name(const char* name) {
  if (!out_.empty() && out_.back() != ' ' && out_.back() != '[') out_ += ' ';
  out_.append(name) += '=';
  hex_ = is_hex(name);
}

void TextArchive::integer(std::int64_t value) {
  out_ += hex_ ? "0x" + to_hex(value) : std::to_string(value);
  hex_ = false;
}

void TextArchive::text(std::string_view text) {
  out_ += '"';
  append_escaped(out_, beginning_of(text, text_bytes_max_));
  out_ += '"';
  if (text.size() > text_bytes_max_) out_ += "... (" + std::to_string(text.size()) + " bytes)";
}

}  // namespace vivarium::tools
