#pragma once
// What a client is told about a znode beside its data.

#include <cstdint>

namespace vivarium {

/// The wire's Stat of a znode (section B.4).
struct Stat {
  std::int64_t czxid = 0;
  std::int64_t mzxid = 0;
  std::int64_t ctime = 0;  ///< ms since 1970
  std::int64_t mtime = 0;
  std::int32_t version = 0;
  std::int32_t cversion = 0;
  std::int32_t aversion = 0;
  std::int64_t ephemeral_owner = 0;
  std::int32_t data_length = 0;
  std::int32_t num_children = 0;
  std::int64_t pzxid = 0;
  bool operator==(const Stat&) const = default;
};

}  // namespace vivarium
