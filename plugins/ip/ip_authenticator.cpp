#include "ip_authenticator.hpp"

#include "ip_network.hpp"

#include <vivarium/transport.hpp>

namespace vivarium {
namespace {

constexpr std::string_view kMappedPrefix = "::ffff:";

/// The text that Java would show, so that a client is called the same by every server. IPv4 that
/// arrives on an IPv6 socket is IPv4; a host that is no IP address keeps its name and matches
/// nothing.
Identity identity_of(const PeerIdentity& peer) {
  std::string_view host = peer.remote_host;
  if (host.starts_with(kMappedPrefix) && host.find('.') != std::string_view::npos)
    host.remove_prefix(kMappedPrefix.size());
  const auto address = IpAddress::parse(host);
  return {"ip", address ? address->java_text() : std::string(host)};
}

class Exchange final : public AuthExchange {
 public:
  explicit Exchange(Identity identity) : identity_(std::move(identity)) {}
  void step(std::string_view, std::function<void(AuthStep)> answer) override {
    answer({AuthStep::Status::done, {}, {identity_}, {}});
  }

 private:
  Identity identity_;
};

}  // namespace

std::vector<Identity> IpAuthenticator::identities_of(const PeerIdentity& peer) {
  return {identity_of(peer)};
}

std::unique_ptr<AuthExchange> IpAuthenticator::accept(const PeerIdentity& peer) {
  return std::make_unique<Exchange>(identity_of(peer));
}

bool IpAuthenticator::acl_id_valid(std::string_view acl_id) const {
  return IpNetwork::parse(acl_id).has_value();
}

bool IpAuthenticator::matches(const Identity& identity, std::string_view acl_id) const {
  const auto network = IpNetwork::parse(acl_id);
  const auto address = IpAddress::parse(identity.id);
  return network && address && network->contains(*address);
}

}  // namespace vivarium
