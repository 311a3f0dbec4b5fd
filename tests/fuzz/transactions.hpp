#pragma once
// Transactions of every type, on a few paths and sessions, so that they meet each other.

#include <cstdint>
#include <string>

#include "tests/fuzz/mutation.hpp"

namespace vivarium::fuzz {

/// TxnHeader, body and, now and then, a digest.
std::string some_transaction(std::int64_t zxid, Chance& chance);

/// A node as a snapshot's body has it.
std::string some_node(Chance& chance);

}  // namespace vivarium::fuzz
