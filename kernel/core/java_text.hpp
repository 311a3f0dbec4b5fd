#pragma once
// Values as Java prints them. ZooKeeper's replies are read by programs that know only that form.

#include <vivarium/commands.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace vivarium {

/// Double.toString: "0.0", "2.9333", "4.0E-4".
std::string java_double(double value);
/// Date.toString, in UTC whatever the zone of the machine: "Mon Nov 23 23:06:26 UTC 2026".
std::string java_date(std::int64_t wall_ms);
/// Four decimals, as all of ZooKeeper's averages have.
double four_decimals(double value);

/// Integers plain, other numbers as Java prints them, text as it is.
std::string text_of(const Value& value);
/// A field that is there by construction.
const Value& at(const Value& value, std::string_view field);
std::string text_at(const Value& value, std::string_view field);
std::int64_t integer_at(const Value& value, std::string_view field);
const Value::List& list_at(const Value& value, std::string_view field);
const Value::Fields& fields_at(const Value& value, std::string_view field);

/// A count of the machine as a value.
template <class Integer>
Value count_value(Integer n) {
  return static_cast<std::int64_t>(n);
}

}  // namespace vivarium
