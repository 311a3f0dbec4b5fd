#pragma once
// The malloc block that is a znode: the fixed part, the owner if it has one, the name, the data.

#include "kernel/core/tree.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace vivarium {

/// No frame carries a longer name; a hostile file may.
inline constexpr std::size_t kNameBytesMax = (1u << 24) - 1;

/// A block with these three; the rest of the fixed part is zero.
Znode* make_znode(std::string_view name, std::optional<std::string_view> data, std::int64_t owner);
/// Gives `node` other data, in place where a block of the same size holds it, else in a new block;
/// the old one is then freed. `data` may view into `node`. The crc is left to the caller.
Znode* with_data(Znode* node, std::optional<std::string_view> data);
/// Frees the block, not the branch.
void free_znode(Znode* node);

}  // namespace vivarium
