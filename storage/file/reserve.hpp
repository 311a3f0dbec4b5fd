#pragma once
// Room on the disk for what must succeed when it is full: truncations, epochs, the end of a log.
//
// A preallocated file of ours beside the data, and one beside the logs. What finds the disk full
// gives both up and tries once more; they are taken again when there is room. Neither appends nor
// snapshots use it. Log lane only.

#include "directories.hpp"

#include <vivarium/disk.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace vivarium::file {

/// Far more than what has to succeed writes: a few blocks.
inline constexpr std::uint64_t kReserveBytes = std::uint64_t{4} << 20;
/// With so much free space it is taken.
inline constexpr std::uint64_t kReserveRoomBytes = 2 * kReserveBytes;

class Reserve {
 public:
  explicit Reserve(const Directories& directories);

  /// Takes what is missing, as far as there is room.
  Result<void> take(FileSystem& files);

  /// Runs `work`, which can be repeated from its beginning; when it finds the disk full, once more
  /// without the reserve.
  template <class Work>
  auto spend(FileSystem& files, Work work) -> decltype(work()) {
    auto outcome = work();
    if (outcome.has_value() || !outcome.error().is(Errc::no_space)) return outcome;
    if (const auto given = give_up(files); given.has_error()) return given.error();
    return work();
  }

 private:
  struct Part {
    std::string directory, path;
    bool taken = false;
  };
  Result<void> take(FileSystem& files, Part& part);
  Result<void> give_up(FileSystem& files);

  std::vector<Part> parts_;
};

}  // namespace vivarium::file
