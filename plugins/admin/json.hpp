#pragma once
// A command's value as JSON, indented as ZooKeeper's admin pages are.

#include <vivarium/commands.hpp>

#include <string>

namespace vivarium::admin {

/// Text that is no UTF-8 has U+FFFD in the place of what is wrong.
std::string to_json(const Value& value);

}  // namespace vivarium::admin
