#include "digest_authenticator.hpp"

#include "java_text.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <vivarium/log.hpp>
#include <vivarium/transport.hpp>

namespace vivarium {
namespace {

/// The plugin's own option, or what ZooKeeper's key says, or `otherwise`.
std::string setting(PluginHost& host, std::string_view option, std::string_view key,
                    std::string_view otherwise) {
  if (host.options().has(option)) return host.options().text(option);
  auto value = host.server_setting(key);
  return value.empty() ? std::string(otherwise) : value;
}

/// Java takes any text but "true", in any case, for false.
bool java_boolean(std::string_view text) {
  constexpr std::string_view kTrue = "true";
  return std::equal(text.begin(), text.end(), kTrue.begin(), kTrue.end(),
                    [](char a, char b) { return (a | 0x20) == b; });
}

bool is_enabled(PluginHost& host) {
  if (host.options().has("enabled")) return host.options().boolean("enabled");
  const auto value = host.server_setting("DigestAuthenticationProvider.enabled");
  return value.empty() || java_boolean(value);
}

/// Takes as long for a wrong guess as for a right one.
bool equal_in_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string base64(std::string_view bytes) {
  std::array<unsigned char, 4 * ((EVP_MAX_MD_SIZE + 2) / 3) + 1> text;
  const auto size =
      EVP_EncodeBlock(text.data(), reinterpret_cast<const unsigned char*>(bytes.data()),
                      static_cast<int>(bytes.size()));
  return {text.begin(), text.begin() + size};
}

AuthStep failed(std::string why) { return {AuthStep::Status::failed, {}, {}, std::move(why)}; }

}  // namespace

CredentialHash::CredentialHash(const std::string& algorithm)
    // Java's "SHA" is the one name that OpenSSL does not know.
    : digest_(EVP_MD_fetch(nullptr, algorithm == "SHA" ? "SHA1" : algorithm.c_str(), nullptr),
              EVP_MD_free) {
  if (!digest_)
    throw std::invalid_argument("the digest algorithm \"" + algorithm +
                                "\" is not known here; name one that is, such as SHA1 or SHA-256");
}

std::string CredentialHash::id_of(std::string_view credential) const {
  const auto text = through_java_string(credential);
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash;
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), hash.data(), &size, digest_.get(), nullptr) != 1)
    return {};
  return text.substr(0, text.find(':')) + ":" +
         base64({reinterpret_cast<const char*>(hash.data()), size});
}

/// One credential, answered at once.
class DigestAuthenticator::Exchange final : public AuthExchange {
 public:
  Exchange(const DigestAuthenticator& scheme, bool encrypted)
      : scheme_(scheme), encrypted_(encrypted) {}
  void step(std::string_view token, std::function<void(AuthStep)> answer) override {
    answer(scheme_.authenticate(token, encrypted_));
  }

 private:
  const DigestAuthenticator& scheme_;
  bool encrypted_;
};

DigestAuthenticator::DigestAuthenticator(PluginHost& host)
    : host_(host),
      enabled_(is_enabled(host)),
      hash_(setting(host, "algorithm", "DigestAuthenticationProvider.digestAlg", "SHA1")) {
  read_reloadable_options();
}

Result<void> DigestAuthenticator::start() {
  if (!enabled_)
    host_.log().info("the scheme is disabled: nobody can be digest:..., or super by it");
  return {};
}

Result<void> DigestAuthenticator::reload() {
  read_reloadable_options();
  return {};
}

void DigestAuthenticator::read_reloadable_options() {
  super_digest_ = setting(host_, "super_digest", "DigestAuthenticationProvider.superDigest", "");
  secure_only_ = host_.options().boolean("secure_only");
  if (!super_digest_.empty() && super_digest_.find(':') == std::string::npos)
    host_.log().warn("super_digest has no ':', so nobody can be super: write user:hash");
}

std::unique_ptr<AuthExchange> DigestAuthenticator::accept(const PeerIdentity& peer) {
  return std::make_unique<Exchange>(*this, peer.encrypted);
}

AuthStep DigestAuthenticator::authenticate(std::string_view credential, bool encrypted) const {
  if (!enabled_) return failed("the scheme digest is disabled");
  if (secure_only_ && !encrypted)
    return failed("a digest credential on a connection that is not encrypted (secure_only)");
  auto id = hash_.id_of(credential);
  if (id.empty()) return failed("the hash of the credential could not be computed");
  AuthStep step{AuthStep::Status::done, {}, {}, {}};
  if (!super_digest_.empty() && equal_in_constant_time(id, super_digest_))
    step.identities.push_back({"super", ""});
  step.identities.push_back({"digest", std::move(id)});
  return step;
}

// Two parts by Java's split, which forgets empty parts at the end: "a:b:" has two, "a:" has one.
bool DigestAuthenticator::acl_id_valid(std::string_view acl_id) const {
  while (acl_id.ends_with(':')) acl_id.remove_suffix(1);
  return enabled_ && std::count(acl_id.begin(), acl_id.end(), ':') == 1;
}

bool DigestAuthenticator::matches(const Identity& identity, std::string_view acl_id) const {
  return enabled_ && equal_in_constant_time(identity.id, acl_id);
}

std::string DigestAuthenticator::shown_acl_id(std::string_view acl_id) const {
  const auto colon = acl_id.find(':');
  return std::string(acl_id.substr(0, colon)) + (colon == std::string_view::npos ? "" : ":x");
}

std::string DigestAuthenticator::user_name(const Identity& identity) const {
  return identity.id.substr(0, identity.id.find(':'));
}

}  // namespace vivarium
