#pragma once
// What the first line of a request asks for: `/commands/stmk?traceMask=1`, or the same behind `http://host`.

#include "http_message.hpp"

#include <string>
#include <string_view>

namespace vivarium::admin {

/// Fills path and arguments. False for what is no path, or is coded wrongly.
bool parse_target(std::string_view target, HttpRequest& request);

/// Whether a Host header, `host:port`, names the machine itself rather than a name that somebody gave it.
bool names_this_machine(std::string_view host);

/// Of a numeric address.
bool is_loopback(std::string_view host);

/// All bytes but letters, digits and `-_.~/` as %XX.
std::string percent_encoded(std::string_view bytes);

}  // namespace vivarium::admin
