#include "tools/text_archive.hpp"

#include "kernel/core/hex.hpp"

#include <array>
#include <cstdio>

namespace vivarium::tools {
namespace {

/// By their names: zxids, and what else ZooKeeper shows in hexadecimal.
bool is_hex(std::string_view name) {
  return name.ends_with("zxid") || name == "owner" || name == "session_id" || name == "tree_digest";
}

/// Bytes above 127 stay: terminals show UTF-8.
void append_escaped(std::string& out, char c) {
  const auto byte = static_cast<unsigned char>(c);
  if (c == '"' || c == '\\') out += '\\';
  if (byte >= 32 && byte != 127) {
    out += c;
    return;
  }
  std::array<char, 5> text{};
  std::snprintf(text.data(), text.size(), "\\x%02x", byte);
  out += text.data();
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
  for (const char c : text.substr(0, text_bytes_max_)) append_escaped(out_, c);
  out_ += '"';
  if (text.size() > text_bytes_max_) out_ += "... (" + std::to_string(text.size()) + " bytes)";
}

}  // namespace vivarium::tools
