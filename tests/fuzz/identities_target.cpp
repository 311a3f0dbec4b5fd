// Who a client says it is, and what an ACL says of whom: credentials of the scheme digest, ids and
// networks of the scheme ip, and the ACLs that a create or a setACL brings.
//
// An input is one choice of the three, and bytes.
#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <vector>

#include <vivarium/assert.hpp>
#include <vivarium/records.hpp>
#include <vivarium/transport.hpp>

#include "digest_authenticator.hpp"
#include "ip_authenticator.hpp"
#include "ip_network.hpp"
#include "java_text.hpp"
#include "kernel/core/access.hpp"
#include "kernel/core/database.hpp"
#include "tests/fuzz/choices.hpp"
#include "tests/fuzz/memory_gauge.hpp"
#include "tests/fuzz/target.hpp"
#include "tests/support/fake_host.hpp"

using namespace vivarium;
using namespace vivarium::fuzz;

namespace {

constexpr std::string_view kBob = "bob:secret";
constexpr std::size_t kMemoryFixed = 16384;

/// The two schemes as a server has them; nothing in them changes.
struct Schemes {
  test::FakeHost host{kDigestOptions, {{"super_digest", "super:xQJmxLMiHGwaqBvst5y6rkB6HQs="}}};
  DigestAuthenticator digest{host};
  IpAuthenticator ip{host};
  AccessGate gate{{&digest, &ip}, nullptr, false, host.fake_log};
  Database database{1};
};

Schemes& schemes() {
  static Schemes all;
  return all;
}

std::vector<Identity> proved_by(Authenticator& scheme, std::string_view credential) {
  std::vector<Identity> identities;
  int answers = 0;
  scheme.accept({})->step(credential, [&](AuthStep step) {
    ++answers;
    VIVARIUM_ASSERT(step.status == AuthStep::Status::done, "a credential proves nothing");
    identities = std::move(step.identities);
  });
  VIVARIUM_ASSERT(answers == 1, "one step, another number of answers");
  return identities;
}

// --- digest --------------------------------------------------------------------------------------

void check_text(std::string_view bytes) {
  const auto text = through_java_string(bytes);
  VIVARIUM_ASSERT(through_java_string(text) == text, "read again, it is another text");
  VIVARIUM_ASSERT(text.size() <= 3 * bytes.size(), "more text than bytes");
}

/// An ACL of that id is open to whoever proves the identity, and shows nothing of the password.
void check_credential(std::string_view credential) {
  auto& [host, digest, ip, gate, database] = schemes();
  check_text(credential);
  for (const auto& identity : proved_by(digest, credential)) {
    if (identity.scheme == "super") continue;
    VIVARIUM_ASSERT(identity.scheme == "digest", "an identity of another scheme");
    VIVARIUM_ASSERT(digest.matches(identity, identity.id), "an identity is not itself");
    const auto user = through_java_string(credential).substr(0, identity.id.rfind(':'));
    VIVARIUM_ASSERT(digest.user_name(identity) == user, "another user");
    VIVARIUM_ASSERT(digest.shown_acl_id(identity.id) == user + ":x", "the hash is shown");
    Identity other = identity;
    other.id.back() ^= 1;
    VIVARIUM_ASSERT(!digest.matches(other, identity.id), "another hash is taken for the right one");
  }
}

// --- ip ------------------------------------------------------------------------------------------

void check_address(std::string_view text) {
  const auto address = IpAddress::parse(text);
  if (!address) return;
  const auto shown = address->java_text();
  const auto again = IpAddress::parse(shown);
  VIVARIUM_ASSERT(again && std::ranges::equal(again->bytes(), address->bytes()),
                  "an address is shown as another");
  const auto network = IpNetwork::parse(text);
  VIVARIUM_ASSERT(network && network->contains(*address), "an address does not match itself");
  for (int bits = 0; bits <= address->bits(); ++bits) {
    const auto around = IpNetwork::parse(shown + "/" + std::to_string(bits));
    VIVARIUM_ASSERT(around && around->contains(*address), "a network lacks its own address");
  }
  VIVARIUM_ASSERT(!IpNetwork::parse(shown + "/" + std::to_string(address->bits() + 1)),
                  "a network of more bits than its address");
}

/// Also of a network: whoever matches it is an address.
void check_ip(std::string_view text) {
  auto& ip = schemes().ip;
  check_address(text);
  PeerIdentity peer;
  peer.remote_host = text;
  const auto identities = ip.identities_of(peer);
  VIVARIUM_ASSERT(identities.size() == 1 && identities[0].scheme == "ip", "not one address");
  VIVARIUM_ASSERT(ip.matches(identities[0], identities[0].id) ==
                      IpAddress::parse(identities[0].id).has_value(),
                  "a name matches, or an address does not");
  const Identity here{"ip", "10.1.2.3"};
  if (ip.matches(here, text))
    VIVARIUM_ASSERT(ip.acl_id_valid(text), "an id that may not be set, and matches");
}

// --- ACLs ----------------------------------------------------------------------------------------

bool is_open_to_all(const AclEntry& entry) {
  return entry.scheme == "world" && entry.id == "anyone";
}

void check_stored(std::span<const AclEntry> stored, const Subject& subject) {
  auto& [host, digest, ip, gate, database] = schemes();
  for (const AclEntry& entry : stored) {
    const auto* scheme = gate.authenticator(entry.scheme);
    VIVARIUM_ASSERT(is_open_to_all(entry) || scheme, "an entry of no scheme");
    const bool mine = std::ranges::any_of(subject.identities, [&](const Identity& identity) {
      return identity.scheme == entry.scheme && scheme && scheme->matches(identity, entry.id);
    });
    const bool allowed = gate.allows({Operation::get_data, "/", perms::kRead, std::span(&entry, 1)},
                                     subject, database);
    VIVARIUM_ASSERT(allowed ==
                        ((entry.perms & perms::kRead) != 0 && (mine || is_open_to_all(entry))),
                    "an entry is open to the wrong ones");
  }
}

/// What is stored would be stored again as it is, and is no larger than what is allowed.
void check_acl(Choices choices) {
  auto& [host, digest, ip, gate, database] = schemes();
  const auto allowed = std::size_t{choices.byte()} * 8;
  std::vector<Identity> identities{{"ip", "10.1.2.3"}};
  if (choices.byte() % 2 == 1)
    for (auto& identity : proved_by(digest, kBob)) identities.push_back(std::move(identity));
  const Subject subject{{1}, "10.1.2.3", false, identities};
  JuteIn in(choices.rest());
  AclList asked;
  in(asked);
  if (!in.ok()) return;

  const MemoryGauge gauge;
  std::vector<AclEntry> stored, again;
  auto left = allowed;
  const auto outcome = gate.normalize(asked, subject, left, stored);
  // Of each entry once in a set and once in a vector that doubles.
  gauge.check(kMemoryFixed + 300 * asked.size());
  VIVARIUM_ASSERT(left <= allowed, "more room than before");
  if (outcome != WireError::ok) return;
  VIVARIUM_ASSERT(!stored.empty(), "an ACL that is open because it is empty");
  VIVARIUM_ASSERT(to_jute(stored).size() - 4 == allowed - left, "the room was miscounted");
  check_stored(stored, subject);
  auto room = allowed;
  const auto outcome_again = gate.normalize(stored, subject, room, again);
  // "auth" may stand for what is also listed; taking that twice is no error.
  const std::set<AclEntry> once(stored.begin(), stored.end());
  VIVARIUM_ASSERT(outcome_again == WireError::ok && again.size() == once.size(),
                  "what is stored would not be stored again");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Choices choices(text_view(data, size));
  schemes();  // Before memory is counted.
  switch (choices.below(3)) {
  case 0: check_credential(choices.rest()); break;
  case 1: check_ip(choices.rest()); break;
  default: check_acl(choices);
  }
  return 0;
}
