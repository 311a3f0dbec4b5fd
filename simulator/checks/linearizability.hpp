#pragma once
// An independent judge of one register: is there an order of the operations, each between its call and its
// return, in which every read gives what was written last? No zxid is believed, nor anything else that a
// server says of itself. After Wing and Gong, with Lowe's memory of what was tried.

#include "simulator/history.hpp"

#include <vivarium/loop.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace vivarium::simulator {

struct RegisterOperation {
  enum class Kind : std::uint8_t { write, read } kind = Kind::read;
  std::string value;  ///< Written, or read.
  MonoTime invoked{};
  /// Nothing: nobody knows whether it took place, or when. Only of writes.
  std::optional<MonoTime> returned = std::nullopt;
};

enum class Linearizable : std::uint8_t { yes, no, undecided };

/// The register begins empty. Undecided: after so many states.
Linearizable judge_register(std::vector<RegisterOperation> operations, std::size_t states_most = 200'000);

/// What clients did to the znode that is there for this, and is never deleted: writes, and reads behind a sync.
std::vector<RegisterOperation> register_operations(const History& history);

inline constexpr const char* kRegisterPath = "/r";

}  // namespace vivarium::simulator
