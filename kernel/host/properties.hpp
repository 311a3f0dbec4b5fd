#pragma once
// Java's properties syntax, in which a zoo.cfg is written: what java.util.Properties.load() reads, with
// the place of each key, which it forgets. Program_options' own parser knows neither escapes, nor
// continuation lines, nor `:` and blanks as separators.
//
// One difference: bytes above 127 are kept as they are (UTF-8), where Java takes them for Latin-1.

#include <vivarium/result.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace vivarium {

/// A key and its value as written, blanks around them trimmed as ZooKeeper does.
struct Property {
  std::string key;
  std::string value;
  std::string origin;  ///< Where it stands, for messages: "zoo.cfg:12", "--set".
};

/// In the order of the text; a key may come more than once. `file` is what origins begin with.
/// Errc::invalid_argument for what Java refuses too: a malformed \uXXXX.
Result<std::vector<Property>> parse_properties(std::string_view text, std::string_view file);

/// The same from a file.
Result<std::vector<Property>> read_properties(const std::string& path);

/// The text without the lines of the properties whose key `goes` picks; everything else stays as it is
/// written. The text is one that parse_properties() takes.
std::string without_properties(std::string_view text,
                               const std::function<bool(const std::string& key)>& goes);

/// Without what Java's String.trim() takes away: control characters and blanks at both ends.
std::string_view trimmed(std::string_view text);

/// The parts of a comma-separated list, trimmed, empty ones left out.
std::vector<std::string> comma_list(std::string_view text);

}  // namespace vivarium
