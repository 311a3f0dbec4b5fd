#pragma once
// What stands in a log file behind its last good record: nothing, the torn end of a write that a
// crash interrupted, or damage to what had been whole.
//
// A crash interrupts one write: of a group of records, at most kUnsyncedBytesMax long, into a
// stretch that held zeros. What did not arrive still is zeros: from some byte on (the process was
// killed), or in whole sectors (power failed). Damage is what does not look so: bytes that changed,
// or a zeroed stretch with more data behind it than one write can bring. One record may be longer
// than that: then everything behind its beginning must be the first part of it.

#include <vivarium/disk.hpp>

#include <cstdint>

namespace vivarium::file {

enum class Tail : std::uint8_t {
  clean,  ///< Zeros or nothing.
  torn,   ///< An interrupted write: what it should have brought was never synced.
  damaged,
};

/// One write brings at most this much. A group of records is closed at kGroupBytes
/// (log_writer.hpp); the rest is room for one record of ours, or a group of Java's.
inline constexpr std::uint64_t kUnsyncedBytesMax = std::uint64_t{16} << 20;

/// Looks at a file whose records are good up to `offset`.
Result<Tail> examine_tail(File& file, std::uint64_t offset);
/// Looks at a file that does not begin with a log's header.
Result<Tail> examine_headless(File& file);

}  // namespace vivarium::file
