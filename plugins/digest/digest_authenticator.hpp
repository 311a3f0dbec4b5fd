#pragma once
// The scheme `digest`: a client shows `user:password` and is then `digest:user:hash`, where hash is
// the Base64 of SHA-1 over the whole credential. Nobody keeps a list of users: any credential is
// accepted, and an ACL names the hash that it wants to see. Source: section B.8 of the ZooKeeper
// reference.

#include <vivarium/authenticator.hpp>
#include <vivarium/options.hpp>

struct evp_md_st;

namespace vivarium {

inline constexpr OptionSpec kDigestOptions[] = {
    {"enabled", OptionType::boolean, "", 0, -1, "",
     "Offer the scheme at all; unset: DigestAuthenticationProvider.enabled, else true.", false,
     false, false},
    {"algorithm", OptionType::text, "", 0, -1, "",
     "Hash of credentials (SHA1, SHA-256, SHA-512, SHA3-256, ...), equal on all servers and for "
     "the life of the data; unset: DigestAuthenticationProvider.digestAlg, else SHA1.",
     false, false, false},
    {"super_digest", OptionType::text, "", 0, -1, "",
     "user:hash of the credential that makes a client `super`; unset: "
     "DigestAuthenticationProvider.superDigest, else nobody.",
     false, true, true},
    {"secure_only", OptionType::boolean, "false", 0, -1, "",
     "Refuse credentials on connections that are not encrypted.", false, false, true},
};

/// Hashes credentials with one algorithm.
class CredentialHash {
 public:
  /// `algorithm` by its Java or its OpenSSL name. Throws std::invalid_argument for an unknown one.
  explicit CredentialHash(const std::string& algorithm);
  /// The id of the identity that `credential` ("user:password") proves: "user:hash". A credential
  /// without a colon is all user, and hashed as it is.
  std::string id_of(std::string_view credential) const;

 private:
  std::unique_ptr<evp_md_st, void (*)(evp_md_st*)> digest_;
};

class DigestAuthenticator final : public Authenticator {
 public:
  explicit DigestAuthenticator(PluginHost& host);

  Result<void> start() override;
  Result<void> reload() override;

  std::string_view scheme() const override { return "digest"; }
  std::vector<Identity> identities_of(const PeerIdentity&) override { return {}; }
  std::unique_ptr<AuthExchange> accept(const PeerIdentity& peer) override;
  std::unique_ptr<AuthExchange> initiate(std::string_view) override { return nullptr; }
  bool acl_id_valid(std::string_view acl_id) const override;
  bool matches(const Identity& identity, std::string_view acl_id) const override;
  bool authenticates() const override { return enabled_; }
  std::string shown_acl_id(std::string_view acl_id) const override;
  std::string user_name(const Identity& identity) const override;

 private:
  class Exchange;
  AuthStep authenticate(std::string_view credential, bool encrypted) const;
  void read_reloadable_options();

  PluginHost& host_;
  bool enabled_;
  CredentialHash hash_;
  std::string super_digest_;  ///< Empty: nobody is super.
  bool secure_only_ = false;
};

}  // namespace vivarium
