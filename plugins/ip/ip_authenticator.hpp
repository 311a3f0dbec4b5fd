#pragma once
// The scheme `ip`: a client is the numeric address that it connects from, and an ACL names an
// address or a network. What a client says of itself is never asked. Source: section B.8 of the
// ZooKeeper reference.

#include <vivarium/authenticator.hpp>

namespace vivarium {

class IpAuthenticator final : public Authenticator {
 public:
  explicit IpAuthenticator(PluginHost&) {}

  std::string_view scheme() const override { return "ip"; }
  std::vector<Identity> identities_of(const PeerIdentity& peer) override;
  /// `addauth ip` succeeds with any credential, and proves again what the connection did.
  std::unique_ptr<AuthExchange> accept(const PeerIdentity& peer) override;
  std::unique_ptr<AuthExchange> initiate(std::string_view) override { return nullptr; }
  bool acl_id_valid(std::string_view acl_id) const override;
  bool matches(const Identity& identity, std::string_view acl_id) const override;
  /// An address is no login: the ACL scheme `auth` does not stand for it.
  bool authenticates() const override { return false; }
  std::string user_name(const Identity& identity) const override { return identity.id; }
};

}  // namespace vivarium
