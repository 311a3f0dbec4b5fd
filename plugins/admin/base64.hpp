#pragma once
// What `Authorization: Basic` carries.

#include <optional>
#include <string>
#include <string_view>

namespace vivarium::admin {

/// nullopt: it is no Base64 (RFC 4648, with the padding or without).
std::optional<std::string> from_base64(std::string_view text);

}  // namespace vivarium::admin
