#include "kernel/core/java_text.hpp"

#include <vivarium/assert.hpp>

#include <charconv>
#include <chrono>
#include <cmath>

namespace vivarium {
namespace {

std::string shortest(double value, std::chars_format format) {
  char text[64];
  return {text, std::to_chars(text, text + sizeof text, value, format).ptr};
}

std::string with_fraction(std::string digits) {
  return digits.find('.') == std::string::npos ? digits + ".0" : digits;
}

std::string two_digits(std::int64_t n) { return std::to_string(100 + n).substr(1); }

template <class Content>
const Content& content_at(const Value& value, std::string_view field) {
  const auto* content = std::get_if<Content>(&at(value, field).content());
  VIVARIUM_ASSERT(content != nullptr, "a field of a command's value has another type");
  return *content;
}

}  // namespace

std::string java_double(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
  const auto size = std::fabs(value);
  if (size == 0 || (size >= 1e-3 && size < 1e7))
    return with_fraction(shortest(value, std::chars_format::fixed));
  const auto text = shortest(value, std::chars_format::scientific);
  const auto e = text.find('e');
  return with_fraction(text.substr(0, e)) + "E" + std::to_string(std::stoi(text.substr(e + 1)));
}

std::string java_date(std::int64_t wall_ms) {
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  namespace chrono = std::chrono;
  const chrono::sys_time<chrono::milliseconds> when{chrono::milliseconds(wall_ms)};
  const auto day = chrono::floor<chrono::days>(when);
  const chrono::year_month_day date{day};
  const chrono::hh_mm_ss time{chrono::floor<chrono::seconds>(when) - day};
  return std::string(kDays[chrono::weekday(day).c_encoding()]) + " " +
         kMonths[static_cast<unsigned>(date.month()) - 1] + " " +
         two_digits(static_cast<unsigned>(date.day())) + " " + two_digits(time.hours().count()) +
         ":" + two_digits(time.minutes().count()) + ":" + two_digits(time.seconds().count()) +
         " UTC " + std::to_string(static_cast<int>(date.year()));
}

double four_decimals(double value) { return std::floor(value * 10000 + 0.5) / 10000; }

std::string text_of(const Value& value) {
  struct Text {
    std::string operator()(std::monostate) const { return "null"; }
    std::string operator()(bool b) const { return b ? "true" : "false"; }
    std::string operator()(std::int64_t n) const { return std::to_string(n); }
    std::string operator()(double n) const { return java_double(n); }
    std::string operator()(const std::string& text) const { return text; }
    std::string operator()(const Value::List&) const { return no_text(); }
    std::string operator()(const Value::Fields&) const { return no_text(); }
    static std::string no_text() {
      VIVARIUM_ASSERT(false, "lists and fields have no text of their own");
    }
  };
  return std::visit(Text{}, value.content());
}

const Value& at(const Value& value, std::string_view field) {
  const auto* found = value.field(field);
  VIVARIUM_ASSERT(found != nullptr, field);
  return *found;
}

std::string text_at(const Value& value, std::string_view field) {
  return text_of(at(value, field));
}

std::int64_t integer_at(const Value& value, std::string_view field) {
  return content_at<std::int64_t>(value, field);
}

const Value::List& list_at(const Value& value, std::string_view field) {
  return content_at<Value::List>(value, field);
}

const Value::Fields& fields_at(const Value& value, std::string_view field) {
  return content_at<Value::Fields>(value, field);
}

}  // namespace vivarium
