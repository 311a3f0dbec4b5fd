#pragma once
// Transactions of every type, on a few paths and sessions, so that they meet each other.

#include "tests/fuzz/mutation.hpp"

#include <cstdint>
#include <string>

namespace vivarium::fuzz {

/// TxnHeader, body and, now and then, a digest.
std::string some_transaction(std::int64_t zxid, Chance& chance);

/// A node as a snapshot's body has it.
std::string some_node(Chance& chance);

}  // namespace vivarium::fuzz
