#pragma once
// The whole replicated state as text, by which two states can be compared and told apart by people.

#include <string>

#include "kernel/core/database.hpp"

namespace vivarium::fuzz {

std::string text_of(const Database& database);

/// Aborts unless the digest, the counts and the indices are those of the tree.
void check_consistent(const Database& database);

}  // namespace vivarium::fuzz
