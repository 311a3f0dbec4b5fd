#pragma once
// What kind of znode to create, and the version that matches all.

#include <vivarium/identity.hpp>
#include <vivarium/opcodes.hpp>
#include <vivarium/records.hpp>

#include <cstdint>

namespace vivarium::client {

inline constexpr std::int32_t kAnyVersion = -1;

/// The ACL that lets everybody do everything.
inline AclList open_acl() { return {{perms::kAll, "world", "anyone"}}; }

struct NodeKind {
  CreateFlag flag = CreateFlag::persistent;
  std::int64_t ttl_ms = 0;    ///< Of the two kinds that have one, and of no other.
  AclList acl = open_acl();  ///< Views, which must last until the call returns.
};

}  // namespace vivarium::client
