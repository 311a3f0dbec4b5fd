#pragma once
// Turns credentials into identities of one scheme, and says what identities of that scheme mean in an
// ACL. The plugin's name in the config is the scheme.
//
// Threads: all on the core thread; an exchange may work elsewhere and answer later.
// Source: section B.8 and B.9 of the ZooKeeper reference.

#include <vivarium/identity.hpp>
#include <vivarium/plugin.hpp>

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace vivarium {

struct PeerIdentity;

/// The outcome of one step of an exchange.
struct AuthStep {
  enum class Status : std::uint8_t {
    more,    ///< Send `token` to the other side and give its answer to the next step.
    done,    ///< `identities` are proved. Send `token` if it is not empty.
    failed,  ///< `why` is for the log only; the client learns nothing but the refusal.
  };
  Status status = Status::failed;
  std::string token;
  std::vector<Identity> identities;
  std::string why;
};

/// One authentication in progress on one connection. Destroying it abandons it; no answer comes after.
class AuthExchange {
 public:
  virtual ~AuthExchange() = default;
  /// `token` is what the other side sent (for the opcode `auth`: the whole credential). `answer` is
  /// called once, at once or later. One step at a time.
  virtual void step(std::string_view token, std::function<void(AuthStep)> answer) = 0;
};

class Authenticator : public Plugin {
 public:
  static constexpr InterfaceKind kKind = InterfaceKind::authenticator;
  static constexpr std::uint32_t kRevision = 1;

  /// The scheme of identities and of ACL entries: "digest".
  virtual std::string_view scheme() const = 0;

  /// What the connection proves by itself: its address, its certificate. Called once, at open.
  virtual std::vector<Identity> identities_of(const PeerIdentity& peer) = 0;

  /// The server's side of an exchange; nullptr when the scheme has none (its credentials come with
  /// the connection).
  virtual std::unique_ptr<AuthExchange> accept(const PeerIdentity& peer) = 0;
  /// The client's side, for servers that authenticate to peers; nullptr when there is none.
  virtual std::unique_ptr<AuthExchange> initiate(std::string_view peer_name) = 0;

  /// May `acl_id` stand in an ACL entry of this scheme?
  virtual bool acl_id_valid(std::string_view acl_id) const = 0;
  /// Does the identity (of this scheme) match the entry's id?
  virtual bool matches(const Identity& identity, std::string_view acl_id) const = 0;
  /// Does having such an identity make a client "authenticated", so that `auth` in an ACL stands for it?
  virtual bool authenticates() const = 0;
  /// The id of an ACL entry as those see it who may read a node but not administer it: without secrets.
  virtual std::string shown_acl_id(std::string_view acl_id) const { return std::string(acl_id); }
  /// The name to show for an identity (whoAmI, logs): without secrets.
  virtual std::string user_name(const Identity& identity) const = 0;
};

}  // namespace vivarium
