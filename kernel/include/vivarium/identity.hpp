#pragma once
// Who a client has shown itself to be, and what a znode allows to whom. Pure data.

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace vivarium {

/// An identity of a connection: `ip:10.0.0.1`, `digest:bob:hash`, `super:`.
struct Identity {
  std::string scheme;
  std::string id;
  auto operator<=>(const Identity&) const = default;
};

/// Permission bits of an ACL entry.
namespace perms {
inline constexpr std::int32_t kRead = 1;
inline constexpr std::int32_t kWrite = 2;
inline constexpr std::int32_t kCreate = 4;
inline constexpr std::int32_t kDelete = 8;
inline constexpr std::int32_t kAdmin = 16;
inline constexpr std::int32_t kAll = 31;
}  // namespace perms

/// One entry of a znode's ACL. Views into whatever holds the ACL.
struct AclEntry {
  std::int32_t perms = 0;
  std::string_view scheme;
  std::string_view id;
  auto operator<=>(const AclEntry&) const = default;
};

}  // namespace vivarium
