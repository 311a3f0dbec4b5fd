#include "tools/json_archive.hpp"

#include "tools/utf8.hpp"

namespace vivarium::tools {

bool is_utf8(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto character = first_character(bytes);
    if (character.empty()) return false;
    bytes.remove_prefix(character.size());
  }
  return true;
}

}  // namespace vivarium::tools
