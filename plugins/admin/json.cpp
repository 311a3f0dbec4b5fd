#include "json.hpp"

#include <charconv>
#include <cmath>
#include <cstddef>
#include <string_view>

namespace vivarium::admin {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";

/// Length of the character that `text` begins with; 0 when it is none (RFC 3629).
std::size_t character_size(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(0);
  const std::size_t size = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3
                           : first < 0xf5 ? 4 : 0;
  if (size > text.size()) return 0;
  for (std::size_t i = 1; i < size; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  if ((first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) >= 0xa0) ||
      (first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) >= 0x90))
    return 0;
  return size;
}

class Writer {
 public:
  void write(const Value& value) { std::visit(*this, value.content()); }
  std::string take() { return std::move(out_); }

  void operator()(std::monostate) { out_ += "null"; }
  void operator()(bool b) { out_ += b ? "true" : "false"; }
  void operator()(std::int64_t n) { out_ += std::to_string(n); }

  /// With a fraction, so that a reader takes it for what it is.
  void operator()(double n) {
    if (!std::isfinite(n)) return void(out_ += "null");
    char text[32];
    const std::string_view digits(text, static_cast<std::size_t>(
                                            std::to_chars(text, text + sizeof text, n).ptr - text));
    out_ += digits;
    if (digits.find_first_of(".e") == digits.npos) out_ += ".0";
  }

  void operator()(const std::string& text) { quote(text); }

  void operator()(const Value::List& list) {
    out_ += "[ ";
    for (std::size_t i = 0; i < list.size(); ++i) {
      if (i > 0) out_ += ", ";
      write(list[i]);
    }
    out_ += list.empty() ? "]" : " ]";
  }

  void operator()(const Value::Fields& fields) {
    if (fields.empty()) return void(out_ += "{ }");
    out_ += "{";
    ++depth_;
    for (std::size_t i = 0; i < fields.size(); ++i) {
      if (i > 0) out_ += ",";
      new_line();
      quote(fields[i].first);
      out_ += " : ";
      write(fields[i].second);
    }
    --depth_;
    new_line();
    out_ += "}";
  }

 private:
  void new_line() { out_.append("\n").append(2 * depth_, ' '); }

  void quote(std::string_view text) {
    out_ += '"';
    while (!text.empty()) {
      const auto size = character_size(text);
      size == 0 ? void(out_ += kReplacement) : put(text.substr(0, size));
      text.remove_prefix(std::max<std::size_t>(size, 1));
    }
    out_ += '"';
  }

  void put(std::string_view character) {
    const char c = character[0];
    if (c == '"' || c == '\\') return void((out_ += '\\') += c);
    if (c == '\n') return void(out_ += "\\n");
    if (c == '\t') return void(out_ += "\\t");
    const bool control = static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    if (!control) return void(out_ += character);
    constexpr char kDigits[] = "0123456789abcdef";
    (out_ += "\\u00") += kDigits[c >> 4];
    out_ += kDigits[c & 0xf];
  }

  std::string out_;
  std::size_t depth_ = 0;
};

}  // namespace

std::string to_json(const Value& value) {
  Writer writer;
  writer.write(value);
  return writer.take() + "\n";
}

HttpResponse json_response(unsigned status, const Value& value) {
  HttpResponse response;
  response.status = status;
  response.content_type = kJsonType;
  response.body = to_json(value);
  return response;
}

}  // namespace vivarium::admin
