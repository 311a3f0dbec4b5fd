#include "kernel/host/properties.hpp"

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <optional>
#include <system_error>
#include <utility>

namespace vivarium {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\f'; }
bool is_line_end(char c) { return c == '\n' || c == '\r'; }

/// Gives logical lines: comments and empty lines left out, continuations joined.
class LogicalLines {
 public:
  explicit LogicalLines(std::string_view text) : text_(text) {}

  struct Line {
    std::string text;  ///< Escapes are still in it.
    int number = 0;    ///< Of its first line in the file.
    std::size_t begin = 0, end = 0;  ///< In the file, line ends included.
  };

  std::optional<Line> next() {
    while (at_ < text_.size()) {
      const std::size_t begin = at_;
      skip_blanks();
      Line line{take_natural_line(), number_++, begin, at_};
      if (line.text.empty() || line.text[0] == '#' || line.text[0] == '!') continue;
      while (continues(line.text)) {
        line.text.pop_back();
        skip_blanks();
        line.text += take_natural_line();
        ++number_;
      }
      line.end = at_;
      return line;
    }
    return std::nullopt;
  }

 private:
  void skip_blanks() {
    while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
  }

  std::string take_natural_line() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && !is_line_end(text_[at_])) ++at_;
    std::string line(text_.substr(begin, at_ - begin));
    if (text_.substr(at_, 2) == "\r\n") ++at_;
    if (at_ < text_.size()) ++at_;
    return line;
  }

  /// A backslash that is not itself escaped ends the line. At the end of the text it goes with nothing.
  static bool continues(const std::string& line) {
    const std::size_t last_other = line.find_last_not_of('\\');
    const std::size_t backslashes = line.size() - (last_other == line.npos ? 0 : last_other + 1);
    return backslashes % 2 == 1;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int number_ = 1;
};

void append_utf8(std::string& to, std::uint32_t code) {
  const auto put = [&to](std::uint32_t byte) { to += static_cast<char>(byte); };
  if (code < 0x80) return put(code);
  if (code < 0x800) {
    put(0xc0 | code >> 6);
  } else {
    if (code < 0x10000) {
      put(0xe0 | code >> 12);
    } else {
      put(0xf0 | code >> 18);
      put(0x80 | (code >> 12 & 0x3f));
    }
    put(0x80 | (code >> 6 & 0x3f));
  }
  put(0x80 | (code & 0x3f));
}

/// Reads the key and the value of a logical line, escapes resolved.
class LineReader {
 public:
  explicit LineReader(std::string_view line) : rest_(line) {}

  /// nullopt for a malformed \uXXXX.
  std::optional<std::pair<std::string, std::string>> read() {
    std::string key, value;
    if (!unescape_to(key, [](char c) { return c == '=' || c == ':' || is_blank(c); })) return {};
    skip_separator();
    if (!unescape_to(value, [](char) { return false; })) return {};
    return std::pair(std::move(key), std::move(value));
  }

 private:
  /// Blanks, at most one = or :, blanks.
  void skip_separator() {
    skip_blanks();
    if (!rest_.empty() && (rest_[0] == '=' || rest_[0] == ':')) rest_.remove_prefix(1);
    skip_blanks();
  }
  void skip_blanks() {
    while (!rest_.empty() && is_blank(rest_[0])) rest_.remove_prefix(1);
  }

  template <class Ends>
  bool unescape_to(std::string& to, Ends ends) {
    while (!rest_.empty() && !ends(rest_[0])) {
      const char c = take();
      if (c != '\\') {
        to += c;
      } else if (!rest_.empty() && !take_escape(to)) {
        return false;
      }
    }
    return true;
  }

  bool take_escape(std::string& to) {
    switch (const char c = take()) {
      case 't': to += '\t'; return true;
      case 'n': to += '\n'; return true;
      case 'r': to += '\r'; return true;
      case 'f': to += '\f'; return true;
      case 'u': return take_unicode(to);
      default: to += c; return true;
    }
  }

  bool take_unicode(std::string& to) {
    std::optional<std::uint32_t> code = take_four_digits();
    if (!code) return false;
    if (*code >= 0xd800 && *code < 0xdc00) code = with_low_surrogate(*code);
    if (code) append_utf8(to, *code >= 0xd800 && *code < 0xe000 ? 0xfffd : *code);
    return code.has_value();
  }

  /// A character above U+FFFF is written as two escapes. A half without its other half stays a half.
  std::optional<std::uint32_t> with_low_surrogate(std::uint32_t high) {
    if (rest_.substr(0, 2) != "\\u") return high;
    const std::string_view before = rest_;
    rest_.remove_prefix(2);
    const std::optional<std::uint32_t> low = take_four_digits();
    if (!low) return {};
    if (*low >= 0xdc00 && *low < 0xe000) return 0x10000 + ((high - 0xd800) << 10) + (*low - 0xdc00);
    rest_ = before;
    return high;
  }

  std::optional<std::uint32_t> take_four_digits() {
    if (rest_.size() < 4) return {};
    std::uint32_t code = 0;
    for (int i = 0; i < 4; ++i) {
      static constexpr std::string_view kDigits = "0123456789abcdef0123456789ABCDEF";
      const std::size_t digit = kDigits.find(take());
      if (digit == kDigits.npos) return {};
      code = code << 4 | static_cast<std::uint32_t>(digit & 15);
    }
    return code;
  }

  char take() {
    const char c = rest_[0];
    rest_.remove_prefix(1);
    return c;
  }

  std::string_view rest_;
};

}  // namespace

std::string_view trimmed(std::string_view text) {
  const auto goes = [](char c) { return static_cast<unsigned char>(c) <= ' '; };
  while (!text.empty() && goes(text.front())) text.remove_prefix(1);
  while (!text.empty() && goes(text.back())) text.remove_suffix(1);
  return text;
}

std::vector<std::string> comma_list(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    if (const auto part = trimmed(text.substr(0, comma)); !part.empty()) parts.emplace_back(part);
    text.remove_prefix(comma == text.npos ? text.size() : comma + 1);
  }
  return parts;
}

Result<std::vector<Property>> parse_properties(std::string_view text, std::string_view file) {
  std::vector<Property> properties;
  LogicalLines lines(text);
  while (const auto line = lines.next()) {
    std::string origin = std::string(file) + ":" + std::to_string(line->number);
    const auto read = LineReader(line->text).read();
    if (!read)
      return Error(Errc::invalid_argument,
                   origin + ": found \\u without four hexadecimal digits after it; write \\\\u for a "
                            "backslash and a u");
    properties.push_back({std::string(trimmed(read->first)), std::string(trimmed(read->second)),
                          std::move(origin)});
  }
  return properties;
}

std::string without_properties(std::string_view text,
                               const std::function<bool(const std::string& key)>& goes) {
  std::string kept;
  std::size_t from = 0;
  LogicalLines lines(text);
  while (const auto line = lines.next()) {
    const auto read = LineReader(line->text).read();
    if (!read || !goes(std::string(trimmed(read->first)))) continue;
    kept += text.substr(from, line->begin - from);
    from = line->end;
  }
  return kept += text.substr(from);
}

Result<std::vector<Property>> read_properties(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text;
  char piece[4096];
  while (file.read(piece, sizeof piece), file.gcount() > 0)
    text.append(piece, static_cast<std::size_t>(file.gcount()));
  // A directory opens like a file and then fails to be read.
  if (!file.eof())
    return Error(Errc::not_found, path + " cannot be read (" +
                                      std::generic_category().message(errno) +
                                      "); name a configuration file such as zoo.cfg");
  return parse_properties(text, path);
}

}  // namespace vivarium
