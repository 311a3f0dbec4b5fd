#pragma once
// The scheme `token`: a client shows a secret word, and is then `token:NAME` by a file of lines
// "NAME WORD". A new file counts from the next SIGHUP, for credentials that are shown from then on.

#include <vivarium/authenticator.hpp>
#include <vivarium/options.hpp>

#include <map>

inline constexpr vivarium::OptionSpec kTokenOptions[] = {
    {"file", vivarium::OptionType::path, "", 0, -1, "", "Lines of a name, a blank, and its token.",
     true, false, true}};

class TokenAuthenticator final : public vivarium::Authenticator {
 public:
  explicit TokenAuthenticator(vivarium::PluginHost& host) : host_(host) {}

  vivarium::Result<void> start() override { return reload(); }
  vivarium::Result<void> reload() override;

  std::string_view scheme() const override { return "token"; }
  std::vector<vivarium::Identity> identities_of(const vivarium::PeerIdentity&) override { return {}; }
  std::unique_ptr<vivarium::AuthExchange> accept(const vivarium::PeerIdentity&) override;
  std::unique_ptr<vivarium::AuthExchange> initiate(std::string_view) override { return nullptr; }
  bool acl_id_valid(std::string_view acl_id) const override { return !acl_id.empty(); }
  bool matches(const vivarium::Identity& identity, std::string_view acl_id) const override {
    return identity.id == acl_id;
  }
  bool authenticates() const override { return true; }
  std::string user_name(const vivarium::Identity& identity) const override { return identity.id; }

  vivarium::AuthStep step(std::string_view token) const;

 private:
  vivarium::PluginHost& host_;
  std::map<std::string, std::string, std::less<>> names_;  ///< By token.
};
