#pragma once
// A command's value as JSON, indented as ZooKeeper's admin pages are.

#include "http_message.hpp"

#include <vivarium/commands.hpp>

#include <string>
#include <string_view>

namespace vivarium::admin {

/// Text that is no UTF-8 has U+FFFD in the place of what is wrong.
std::string to_json(const Value& value);

inline constexpr std::string_view kJsonType = "application/json";
HttpResponse json_response(unsigned status, const Value& value);

}  // namespace vivarium::admin
