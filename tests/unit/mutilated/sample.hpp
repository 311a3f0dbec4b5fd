#pragma once
// An authenticator that knows nobody: what the plugins of this folder would be if they were whole.

#include <vivarium/authenticator.hpp>
#include <vivarium/plugin.hpp>

namespace vivarium::test {

class Sample final : public Authenticator {
 public:
  explicit Sample(PluginHost&) {}
  std::string_view scheme() const override { return "sample"; }
  std::vector<Identity> identities_of(const PeerIdentity&) override { return {}; }
  std::unique_ptr<AuthExchange> accept(const PeerIdentity&) override { return nullptr; }
  std::unique_ptr<AuthExchange> initiate(std::string_view) override { return nullptr; }
  bool acl_id_valid(std::string_view) const override { return false; }
  bool matches(const Identity&, std::string_view) const override { return false; }
  bool authenticates() const override { return false; }
  std::string user_name(const Identity&) const override { return ""; }
};

inline constexpr OptionSpec kSampleOptions[] = {
    {"inner", OptionType::text, "", 0, -1, "", "The authenticator that is wrapped.", false, false,
     false},
    {"budget", OptionType::duration, "10ms", 1, 1000, "ms", "How long it may take.", false, false,
     true},
    {"secret", OptionType::integer, "", 0, 9, "", "A number to keep.", false, true, false},
};

}  // namespace vivarium::test
