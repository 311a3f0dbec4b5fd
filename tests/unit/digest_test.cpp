// The scheme `digest`: ZooKeeper's identities, byte for byte.
#include <catch2/catch.hpp>

#include "plugins/digest/digest_authenticator.hpp"
#include "plugins/digest/java_text.hpp"
#include "tests/support/fake_host.hpp"

#include <vivarium/transport.hpp>

using namespace vivarium;
using namespace vivarium::test;

namespace {

constexpr const char* kSuperAdmin = "super:xQJmxLMiHGwaqBvst5y6rkB6HQs=";

FakeHost host_with(Settings options, Settings server_settings = {}) {
  FakeHost host(kDigestOptions, std::move(options));
  host.server_settings = std::move(server_settings);
  return host;
}

PeerIdentity encrypted_peer() {
  PeerIdentity peer;
  peer.encrypted = true;
  return peer;
}

struct Digest {
  explicit Digest(Settings options = {}, Settings server_settings = {})
      : host(host_with(std::move(options), std::move(server_settings))) {
    REQUIRE(authenticator.start().has_value());
  }
  AuthStep authenticate(std::string_view credential, const PeerIdentity& peer = {}) {
    AuthStep step;
    authenticator.accept(peer)->step(credential,
                                     [&](AuthStep answer) { step = std::move(answer); });
    return step;
  }
  std::string id_of(std::string_view credential) {
    const auto step = authenticate(credential);
    REQUIRE(step.status == AuthStep::Status::done);
    REQUIRE(step.identities.size() == 1);
    CHECK(step.identities[0].scheme == "digest");
    return step.identities[0].id;
  }

  FakeHost host;
  DigestAuthenticator authenticator{host};
};

}  // namespace

TEST_CASE("a credential becomes the user and the hash of the whole") {
  Digest digest;
  CHECK(digest.id_of("super:admin") == kSuperAdmin);
  CHECK(digest.id_of("bob:secret") == "bob:fyVmFCwVbTJYrznoSu1koqYEYF0=");
}

// Expected values: java.security.MessageDigest on what `new String(bytes, UTF_8)` makes of them.
TEST_CASE("a credential of any bytes is accepted, as in Java") {
  Digest digest;
  CHECK(digest.id_of("") == ":2jmj7l5rSw0yVb/vlWAYkK/YBwk=");
  CHECK(digest.id_of("nocolon") == "nocolon:Ra+cHr2ZoHvBjtNArFGNGlVie4g=");
  CHECK(digest.id_of("a:b:c") == "a:cLzgnoJ6mP5qz3w+mwvPE2vDgu0=");
  CHECK(digest.id_of(":password") == ":gyEPUzox3L5aQh2uqrRlPr0/Eus=");
  CHECK(digest.id_of("user:") == "user:kd7q5xGKLW+18xQTfO8iqRaFvsM=");
  CHECK(digest.id_of("caf\xc3\xa9:x") == "caf\xc3\xa9:9XKcQ2oU83jfbegDObeS9IvcXgI=");
  CHECK(digest.id_of("caf\xe9:x") == "caf\xef\xbf\xbd:lckjsdKZsw/85lplxoCSO7DsrHA=");
  CHECK(digest.id_of(std::string_view("a\0b:c", 5)) ==
        std::string("a\0b", 3) + ":K5LQelXvWRlglzOWOWZFUmLrWBY=");
}

TEST_CASE("the super digest makes super, before the identity itself") {
  Digest digest(Settings{{"super_digest", kSuperAdmin}});
  const auto super = digest.authenticate("super:admin");
  CHECK(super.identities == std::vector<Identity>{{"super", ""}, {"digest", kSuperAdmin}});
  CHECK(digest.authenticate("super:other").identities.size() == 1);
  CHECK(digest.authenticate("bob:admin").identities.size() == 1);
  CHECK(digest.authenticate("").identities.size() == 1);
}

TEST_CASE("without a super digest nobody is super") {
  Digest digest;
  for (const auto* credential : {"", ":", "super", "super:", "super:admin"})
    CHECK(digest.authenticate(credential).identities.size() == 1);
}

TEST_CASE("the super digest can be changed by a reload") {
  Digest digest;
  digest.host.fake_options.set("super_digest", kSuperAdmin);
  REQUIRE(digest.authenticator.reload().has_value());
  CHECK(digest.authenticate("super:admin").identities.size() == 2);
  digest.host.fake_options.unset("super_digest");
  REQUIRE(digest.authenticator.reload().has_value());
  CHECK(digest.authenticate("super:admin").identities.size() == 1);
}

TEST_CASE("a super digest that nobody can have is warned of") {
  Digest digest(Settings{{"super_digest", "admin"}});
  CHECK(digest.host.fake_log.contains("nobody can be super"));
  CHECK(!digest.host.fake_log.contains("admin"));
}

TEST_CASE("ZooKeeper's keys count where the options are silent") {
  const std::string key = "DigestAuthenticationProvider.";
  CHECK(Digest({}, {{key + "superDigest", kSuperAdmin}})
            .authenticate("super:admin")
            .identities.size() == 2);
  CHECK(Digest(Settings{{"super_digest", "root:x"}}, {{key + "superDigest", kSuperAdmin}})
            .authenticate("super:admin").identities.size() == 1);
  CHECK(Digest({}, {{key + "digestAlg", "SHA-256"}}).id_of("bob:secret") ==
        "bob:huAluaVu3uER4LIpielGv9Qqk5x3YVDr6I2R/mXf2wE=");
  CHECK(Digest(Settings{{"algorithm", "SHA1"}}, {{key + "digestAlg", "SHA-256"}})
            .id_of("bob:secret") == "bob:fyVmFCwVbTJYrznoSu1koqYEYF0=");
  for (const auto* off : {"false", "no", "0", "yes", "truer"})
    CHECK(Digest({}, {{key + "enabled", off}}).authenticate("a:b").status ==
          AuthStep::Status::failed);
  for (const auto* on : {"true", "TRUE", "True"})
    CHECK(Digest({}, {{key + "enabled", on}}).authenticate("a:b").status == AuthStep::Status::done);
  CHECK(Digest(Settings{{"enabled", "true"}}, {{key + "enabled", "false"}})
            .authenticate("a:b")
            .status == AuthStep::Status::done);
}

TEST_CASE("an algorithm goes by Java's names") {
  CHECK(CredentialHash("SHA").id_of("a:b") == CredentialHash("SHA1").id_of("a:b"));
  CHECK(CredentialHash("SHA-1").id_of("a:b") == CredentialHash("SHA1").id_of("a:b"));
  CHECK(CredentialHash("MD5").id_of("bob:secret") == "bob:pasriMfeJxH/y5wk/opUWg==");
  CHECK(CredentialHash("SHA-512/256").id_of("a:b") ==
        "a:OZzjuYX0pZ3N7Wm6zdI/j+Of9drLfO2EMf9IylYc9kQ=");
  CHECK(CredentialHash("SHA3-256").id_of("a:b") ==
        "a:ejvga8z66+WtMLJrmlP4mB2ikyi0ZnEdX7dJ2QqhVbg=");
}

TEST_CASE("an unknown algorithm is refused by its name") {
  CHECK_THROWS_WITH(
      Digest(Settings{{"algorithm", "ROT13"}}),
      "the digest algorithm \"ROT13\" is not known here; name one that is, such as SHA1 or "
      "SHA-256");
}

TEST_CASE("a disabled scheme proves nothing and matches nobody") {
  Digest digest(Settings{{"enabled", "false"}, {"super_digest", kSuperAdmin}});
  CHECK(digest.authenticate("super:admin").status == AuthStep::Status::failed);
  CHECK(digest.authenticate("super:admin").identities.empty());
  CHECK(!digest.authenticator.acl_id_valid("bob:hash"));
  CHECK(!digest.authenticator.matches({"digest", "bob:hash"}, "bob:hash"));
  CHECK(!digest.authenticator.authenticates());
}

TEST_CASE("credentials in clear can be refused") {
  Digest digest(Settings{{"secure_only", "true"}});
  CHECK(digest.authenticate("a:b").status == AuthStep::Status::failed);
  CHECK(digest.authenticate("a:b", encrypted_peer()).status == AuthStep::Status::done);
}

TEST_CASE("no failure names the credential") {
  Digest digest(Settings{{"secure_only", "true"}});
  CHECK(digest.authenticate("bob:canary").why.find("canary") == std::string::npos);
  CHECK(!digest.host.fake_log.contains("canary"));
}

TEST_CASE("an ACL id has two parts, as Java splits them") {
  Digest digest;
  for (const auto* valid : {"a:b", ":b", "a:b:", "a:b::", "a b:c"}) {
    INFO(valid);
    CHECK(digest.authenticator.acl_id_valid(valid));
  }
  for (const auto* invalid : {"", "a", "a:", "a::", ":", "::", "a:b:c", "::b", "a::b"}) {
    INFO(invalid);
    CHECK(!digest.authenticator.acl_id_valid(invalid));
  }
}

TEST_CASE("an identity matches its whole id and no part of it") {
  Digest digest;
  const Identity bob{"digest", "bob:hash"};
  CHECK(digest.authenticator.matches(bob, "bob:hash"));
  for (const auto* other : {"", "bob", "bob:", "bob:hasH", "bob:hash ", "bob:has", "Bob:hash"})
    CHECK(!digest.authenticator.matches(bob, other));
}

TEST_CASE("the user's name is shown without the hash") {
  Digest digest;
  CHECK(digest.authenticator.user_name({"digest", "bob:hash"}) == "bob");
  CHECK(digest.authenticator.user_name({"digest", ":hash"}).empty());
}

// Expected values: `new String(bytes, UTF_8).getBytes(UTF_8)` of OpenJDK 17.
TEST_CASE("ill-formed UTF-8 is replaced as Java replaces it") {
  const std::pair<std::string_view, std::string_view> kCases[] = {
      {"plain", "plain"},
      {"\xc3\xa9", "\xc3\xa9"},
      {"\xe2\x82\xac", "\xe2\x82\xac"},
      {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
      {"\x80", "\xef\xbf\xbd"},
      {"\xff", "\xef\xbf\xbd"},
      {"\xc0\x80", "\xef\xbf\xbd\xef\xbf\xbd"},
      {"\xc3", "\xef\xbf\xbd"},
      {"\xc3x", "\xef\xbf\xbdx"},
      {"\xe2\x82", "\xef\xbf\xbd"},
      {"\xe2\x82x", "\xef\xbf\xbdx"},
      {"\xe2x", "\xef\xbf\xbdx"},
      {"\xe0\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
      {"\xed\xa0\x80", "\xef\xbf\xbd"},
      {"\xed\xa0", "\xef\xbf\xbd"},
      {"\xed\xbf\xbfx", "\xef\xbf\xbdx"},
      {"\xf0\x9f\x98", "\xef\xbf\xbd"},
      {"\xf0\x9fx", "\xef\xbf\xbdx"},
      {"\xf0\x80\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
      {"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
      {"\xf5\x80", "\xef\xbf\xbd\xef\xbf\xbd"}};
  for (const auto& [bytes, expected] : kCases) CHECK(through_java_string(bytes) == expected);
}
