#pragma once
// The name that somebody who mistyped one is likely to have meant.

#include <span>
#include <string>
#include <string_view>

namespace vivarium {

/// How many letters must be put in, taken out, replaced or swapped with their neighbour.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// The candidate nearest to `mistyped`; the first of several. Empty without candidates, and when even
/// the nearest differs in more than a third of its letters.
std::string nearest(std::string_view mistyped, std::span<const std::string> candidates);

}  // namespace vivarium
