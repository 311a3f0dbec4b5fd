#pragma once
// ZooKeeper's identifiers as types of their own, so that none is taken for another.

#include <compare>
#include <cstdint>
#include <functional>

namespace vivarium {

/// The number of one leader's term. Kept in files as decimal text, on the wire as i32 or i64.
struct Epoch {
  std::int64_t value = 0;
  auto operator<=>(const Epoch&) const = default;
};

/// A transaction's place in the one order of all: epoch in the high 32 bits, counter in the low.
/// Zero stands before every transaction.
struct Zxid {
  std::int64_t value = 0;

  static Zxid of(Epoch epoch, std::uint32_t counter) {
    return {static_cast<std::int64_t>((static_cast<std::uint64_t>(epoch.value) << 32) | counter)};
  }
  Epoch epoch() const { return {value >> 32}; }
  std::uint32_t counter() const { return static_cast<std::uint32_t>(value); }
  /// Wraps: a damaged file may hold any number.
  Zxid next() const { return {static_cast<std::int64_t>(static_cast<std::uint64_t>(value) + 1)}; }
  auto operator<=>(const Zxid&) const = default;
};

/// A client session. Its high byte is the id of the server that created it.
struct SessionId {
  std::int64_t value = 0;
  auto operator<=>(const SessionId&) const = default;
};

/// A server of the ensemble (`myid`, 0 to 254).
struct ServerId {
  std::int64_t value = 0;
  auto operator<=>(const ServerId&) const = default;
};

}  // namespace vivarium

template <>
struct std::hash<vivarium::SessionId> {
  std::size_t operator()(vivarium::SessionId id) const noexcept {
    return static_cast<std::size_t>(static_cast<std::uint64_t>(id.value) * 0x9e3779b97f4a7c15u >> 7);
  }
};
