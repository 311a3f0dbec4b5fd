#pragma once
// How the kinds of znodes are asked for: the operation decides more than the flag does (section B.4).

#include "client/node_kind.hpp"

#include <vivarium/opcodes.hpp>

#include <string>
#include <string_view>

namespace vivarium::client {

Op create_op(CreateFlag flag);
/// The body that goes with that operation.
std::string create_body(std::string_view path, Data data, const NodeKind& kind);

}  // namespace vivarium::client
