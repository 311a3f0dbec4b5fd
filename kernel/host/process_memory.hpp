#pragma once
// What the allocator and the system say about this process's memory. Any thread.

#include <cstdint>

namespace vivarium {

/// Bytes that are allocated now, and not what the allocator keeps for later. Costs some microseconds.
std::uint64_t allocated_bytes();

/// What the process may have: the machine's memory, or what its control groups allow where that is
/// less. 0 where the system does not tell.
std::uint64_t process_memory_bytes();

}  // namespace vivarium
