#include "simulator/history.hpp"

namespace vivarium::simulator {

std::string_view name_of(Action action) {
  constexpr std::string_view kNames[] = {
      "create", "delete", "set",    "setACL", "multi",    "close",         "get",
      "exists", "children", "getACL", "sync", "addWatch", "removeWatches"};
  return kNames[static_cast<std::size_t>(action)];
}

}  // namespace vivarium::simulator
