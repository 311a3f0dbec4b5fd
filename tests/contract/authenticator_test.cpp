// What an Authenticator promises, on each scheme.
#include <catch2/catch.hpp>

#include "plugins/digest/digest_authenticator.hpp"
#include "plugins/ip/ip_authenticator.hpp"
#include "tests/support/fake_host.hpp"

#include <vivarium/transport.hpp>

#include <random>

using namespace vivarium;
using namespace vivarium::test;

namespace {

/// A scheme, and what the suite needs to know of it: peers and credentials that prove something,
/// and what belongs to nobody.
struct DigestScheme {
  static constexpr std::string_view kName = "digest";
  static constexpr bool kAuthenticates = true;
  static constexpr std::string_view kHosts[] = {"10.1.2.3"};
  static constexpr std::string_view kCredentials[] = {"bob:secret", "carol:", "nocolon", "a:b:c"};
  static constexpr std::string_view kOfNobody = "bob:xyz";
  static constexpr std::string_view kInvalid[] = {"", "bob", "a:b:c"};

  FakeHost host{kDigestOptions};
  DigestAuthenticator authenticator{host};
};

struct IpScheme {
  static constexpr std::string_view kName = "ip";
  static constexpr bool kAuthenticates = false;
  static constexpr std::string_view kHosts[] = {"10.1.2.3", "::1", "2001:db8::5",
                                                "::ffff:10.0.0.1"};
  static constexpr std::string_view kCredentials[] = {"", "anything"};
  static constexpr std::string_view kOfNobody = "192.0.2.1";
  static constexpr std::string_view kInvalid[] = {"", "localhost", "10.1.2.3/33"};

  FakeHost host;
  IpAuthenticator authenticator{host};
};

template <class Scheme>
struct Started : Scheme {
  Started() { REQUIRE(this->authenticator.start().has_value()); }
  ~Started() { this->authenticator.stop(); }

  Authenticator& scheme() { return this->authenticator; }

  static PeerIdentity peer_at(std::string_view host) {
    PeerIdentity peer;
    peer.remote_host = host;
    return peer;
  }

  AuthStep authenticate(std::string_view host, std::string_view credential) {
    AuthStep step;
    int answers = 0;
    const auto exchange = scheme().accept(peer_at(host));
    REQUIRE(exchange);
    // The credential is a view: what it shows is gone when the call returns.
    std::string token(credential);
    exchange->step(token, [&](AuthStep answer) {
      ++answers;
      step = std::move(answer);
    });
    token.assign(token.size(), '?');
    CHECK(answers == 1);
    return step;
  }

  /// Every identity of the scheme that its peers and credentials prove.
  std::vector<Identity> identities() {
    std::vector<Identity> all;
    for (const auto host : this->kHosts) {
      for (auto& identity : scheme().identities_of(peer_at(host)))
        all.push_back(std::move(identity));
      for (const auto credential : this->kCredentials)
        for (auto& identity : authenticate(host, credential).identities)
          all.push_back(std::move(identity));
    }
    return all;
  }
};

}  // namespace

#define ON_EACH_SCHEME(name) \
  TEMPLATE_TEST_CASE(name, "[authenticator]", Started<DigestScheme>, Started<IpScheme>)

ON_EACH_SCHEME("a scheme has its name") {
  TestType with;
  CHECK(with.scheme().scheme() == with.kName);
  CHECK(with.scheme().authenticates() == with.kAuthenticates);
}

ON_EACH_SCHEME("what is proved is of the scheme") {
  TestType with;
  const auto identities = with.identities();
  CHECK(!identities.empty());
  for (const auto& identity : identities) CHECK(identity.scheme == with.kName);
}

ON_EACH_SCHEME("an exchange that succeeds proves something, and says no more") {
  TestType with;
  for (const auto credential : with.kCredentials) {
    const auto step = with.authenticate(with.kHosts[0], credential);
    CHECK(step.status == AuthStep::Status::done);
    CHECK(!step.identities.empty());
    CHECK(step.token.empty());
    CHECK(step.why.empty());
  }
}

ON_EACH_SCHEME("the same proof gives the same identity, from every instance") {
  TestType one, other;
  CHECK(one.identities() == one.identities());
  CHECK(one.identities() == other.identities());
}

ON_EACH_SCHEME("an exchange may be abandoned before, and after, its step") {
  TestType with;
  with.scheme().accept(TestType::peer_at(with.kHosts[0]));
  auto first = with.scheme().accept(TestType::peer_at(with.kHosts[0]));
  auto second = with.scheme().accept(TestType::peer_at(with.kHosts[0]));
  bool answered = false;
  second->step(with.kCredentials[0], [&](AuthStep) {
    answered = true;
    first.reset();
  });
  CHECK(answered);
}

ON_EACH_SCHEME("an identity can stand in an ACL, and matches itself there") {
  TestType with;
  for (const auto& identity : with.identities()) {
    INFO(identity.id);
    CHECK(with.scheme().acl_id_valid(identity.id));
    CHECK(with.scheme().matches(identity, identity.id));
    CHECK(!with.scheme().matches(identity, with.kOfNobody));
  }
  CHECK(with.scheme().acl_id_valid(with.kOfNobody));
}

ON_EACH_SCHEME("an id that may not stand in an ACL matches nobody") {
  TestType with;
  for (const auto invalid : with.kInvalid) {
    INFO(invalid);
    CHECK(!with.scheme().acl_id_valid(invalid));
    for (const auto& identity : with.identities()) CHECK(!with.scheme().matches(identity, invalid));
  }
}

ON_EACH_SCHEME("any bytes may be asked about") {
  TestType with;
  const auto identities = with.identities();
  std::mt19937_64 random(1);
  constexpr std::string_view kBytes = ":./%0123456789abcdefg \x80\xff";
  for (int i = 0; i < 5'000; ++i) {
    std::string id(random() % 40, '\0');
    for (auto& byte : id)
      byte = random() % 8 == 0 ? static_cast<char>(random()) : kBytes[random() % kBytes.size()];
    const bool valid = with.scheme().acl_id_valid(id);
    for (const auto& identity : identities)
      if (with.scheme().matches(identity, id) && !valid) FAIL("matches an invalid id: " << id);
    (void)with.scheme().shown_acl_id(id);
    (void)with.scheme().user_name({std::string(with.kName), id});
    if (i % 10 == 0) (void)with.authenticate(id, id);
  }
}

ON_EACH_SCHEME("names and ids that are shown hold no secret") {
  TestType with;
  for (const auto& identity : with.identities()) {
    const auto name = with.scheme().user_name(identity);
    const auto shown = with.scheme().shown_acl_id(identity.id);
    for (const auto& text : {name, shown}) {
      CHECK(text.find("fyVmFCwVbTJYrznoSu1koqYEYF0=") == std::string::npos);
      CHECK(text.find("secret") == std::string::npos);
    }
    CHECK(identity.id.starts_with(name));
  }
}

ON_EACH_SCHEME("a reload leaves what was proved") {
  TestType with;
  const auto before = with.identities();
  REQUIRE(with.scheme().reload().has_value());
  CHECK(with.identities() == before);
  for (const auto& identity : before) CHECK(with.scheme().matches(identity, identity.id));
}
