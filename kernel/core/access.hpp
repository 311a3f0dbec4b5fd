#pragma once
// The one gate that every access passes: super, then the policy, then the ACL. Also what an ACL that a
// client sends becomes before it is stored. Source: section B.8.

#include <vivarium/acl_policy.hpp>
#include <vivarium/authenticator.hpp>
#include <vivarium/identity.hpp>
#include <vivarium/ids.hpp>
#include <vivarium/log.hpp>
#include <vivarium/opcodes.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace vivarium {

/// Who asks. Views are valid during the call.
struct Subject {
  SessionId session;
  std::string_view address;
  bool encrypted = false;
  std::span<const Identity> identities;

  bool super() const;
};

/// What is asked for.
struct AccessQuestion {
  Operation operation;
  std::string_view path;
  std::int32_t permission = 0;  ///< Bits, any of which suffices; 0: no ACL is asked.
  std::span<const AclEntry> acl = {};  ///< Of the node whose ACL decides; empty: open.
  bool in_multi = false;
};

class AccessGate {
 public:
  /// `policy` may be nullptr. All are borrowed.
  AccessGate(std::vector<Authenticator*> authenticators, AclPolicy* policy, bool skip_acl, Log& log);

  bool allows(const AccessQuestion& question, const Subject& subject, const AclView& view) const;
  /// True when no policy is configured, so that accesses without a permission need no question.
  bool acl_only() const { return policy_ == nullptr; }

  /// Drops duplicates, expands `auth`, checks schemes and ids. ok, invalid_acl, or marshalling_error
  /// for an id that is null. Takes what the entries need in a transaction off `bytes_left`; where that
  /// is too little, it is invalid_acl too.
  WireError normalize(std::span<const AclEntry> asked, const Subject& subject,
                      std::size_t& bytes_left, std::vector<AclEntry>& stored) const;

  Authenticator* authenticator(std::string_view scheme) const;
  /// What a connection proves by itself, in all schemes.
  std::vector<Identity> identities_of(const PeerIdentity& peer) const;

 private:
  bool acl_allows(const AccessQuestion& question, const Subject& subject) const;
  bool entry_matches(const AclEntry& entry, const Subject& subject) const;
  /// False when there is no identity to put in its place, or no room for those.
  bool expand_auth(const AclEntry& entry, const Subject& subject, std::size_t& bytes_left,
                   std::vector<AclEntry>& stored) const;

  std::vector<Authenticator*> authenticators_;
  AclPolicy* policy_;
  bool skip_acl_;
  Log& log_;
};

}  // namespace vivarium
