#pragma once
// How far a quorum has come.

#include "ensemble.hpp"

#include <map>
#include <optional>

namespace vivarium::zab {

/// The highest value that a quorum of the servers has reached or passed; nullopt when there is no
/// quorum among them.
template <class Value>
std::optional<Value> quorum_position(const Ensemble& ensemble,
                                     const std::map<ServerId, Value>& positions) {
  std::multimap<Value, ServerId, std::greater<>> highest_first;
  for (const auto& [server, value] : positions) highest_first.emplace(value, server);
  ServerIds servers;
  for (const auto& [value, server] : highest_first) {
    servers.insert(server);
    if (ensemble.is_quorum(servers)) return value;
  }
  return std::nullopt;
}

}  // namespace vivarium::zab
