#pragma once
// A policy that is asked before the ACL of a znode is looked at: allow, deny, or defer to the ACL.
//
// decide() runs on the core thread, for each access of each request, so it neither blocks nor (when it
// only defers) allocates. It is asked about writes once, where the transaction is prepared, never again
// by replicas. A client with the identity `super` is never asked about, so that an administrator can
// always repair what a policy broke. A policy that fails denies.

#include <vivarium/identity.hpp>
#include <vivarium/ids.hpp>
#include <vivarium/plugin.hpp>

#include <cstdint>
#include <span>
#include <string_view>

namespace vivarium {

/// What is about to happen.
enum class Operation : std::uint8_t {
  create,
  remove,
  get_data,
  set_data,
  exists,
  get_children,
  get_acl,
  set_acl,
  check,         ///< Version check inside a multi.
  watch_event,   ///< A notification about `path` is about to be sent to the client.
  count_children,///< getAllChildrenNumber.
  get_ephemerals,///< Asked for each path that would be listed.
  add_watch,
  reconfig,
  sync,
};
std::string_view name_of(Operation operation);

struct AccessRequest {
  Operation operation;
  std::string_view path;           ///< What is accessed: for create and remove the node itself.
  std::int32_t permission = 0;     ///< The one bit that the ACL would be asked for; 0 when none.
  SessionId session;
  std::string_view client_address; ///< Numeric.
  bool encrypted = false;
  bool in_multi = false;
  std::span<const Identity> identities;
  std::span<const AclEntry> acl;   ///< Of the node that ZooKeeper would ask; empty when there is none.
};

/// The tree as the access would see it: with what is pending for writes, as applied for reads.
class AclView {
 public:
  virtual ~AclView() = default;
  virtual bool exists(std::string_view path) const = 0;
};

enum class Verdict : std::uint8_t { allow, deny, defer };

struct Decision {
  Verdict verdict = Verdict::defer;
  std::string_view reason;  ///< For logs; valid until the next call. Empty is fine.
  /// The same question (operation, path, permission, identities, address) will get the same answer
  /// until the next reload.
  bool cacheable = false;
};

class AclPolicy : public Plugin {
 public:
  static constexpr InterfaceKind kKind = InterfaceKind::acl_policy;
  static constexpr std::uint32_t kRevision = 1;

  virtual Decision decide(const AccessRequest& access, const AclView& view) = 0;
};

}  // namespace vivarium
