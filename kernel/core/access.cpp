#include "kernel/core/access.hpp"

#include <vivarium/jute.hpp>

#include <algorithm>
#include <set>

namespace vivarium {
namespace {

/// No scheme knows what it means; `auth` takes any id.
bool has_null_id(const AclEntry& entry) { return is_null(entry.id) && entry.scheme != "auth"; }

bool is_world(const AclEntry& entry) { return entry.scheme == "world" && entry.id == "anyone"; }

/// Takes what the entry needs in a transaction off `bytes_left`, if that is enough.
bool take_room(const AclEntry& entry, std::size_t& bytes_left) {
  const auto bytes = 3 * sizeof(std::int32_t) + entry.scheme.size() + entry.id.size();
  if (bytes > bytes_left) return false;
  bytes_left -= bytes;
  return true;
}

}  // namespace

bool Subject::super() const {
  return std::any_of(identities.begin(), identities.end(),
                     [](const Identity& identity) { return identity.scheme == "super"; });
}

AccessGate::AccessGate(std::vector<Authenticator*> authenticators, AclPolicy* policy, bool skip_acl,
                       Log& log)
    : authenticators_(std::move(authenticators)),
      policy_(policy),
      skip_acl_(skip_acl),
      log_(log) {}

bool AccessGate::allows(const AccessQuestion& question, const Subject& subject,
                        const AclView& view) const {
  if (policy_ && !subject.super()) {
    const auto decision = policy_->decide(
        {question.operation, question.path, question.permission, subject.session, subject.address,
         subject.encrypted, question.in_multi, subject.identities, question.acl},
        view);
    if (decision.verdict == Verdict::allow) return true;
    if (decision.verdict == Verdict::deny) {
      if (log_.enabled(LogLevel::debug))
        log_.debug("the policy denies " + std::string(name_of(question.operation)) + " of " +
                   std::string(question.path) + ": " + std::string(decision.reason));
      return false;
    }
  }
  return question.permission == 0 || skip_acl_ || acl_allows(question, subject);
}

bool AccessGate::acl_allows(const AccessQuestion& question, const Subject& subject) const {
  if (question.acl.empty()) return true;
  const auto grants = [&](const AclEntry& entry) { return (entry.perms & question.permission) != 0; };
  for (const auto& entry : question.acl)
    if (grants(entry) && is_world(entry)) return true;
  if (subject.super()) return true;
  return std::any_of(question.acl.begin(), question.acl.end(), [&](const AclEntry& entry) {
    return grants(entry) && entry_matches(entry, subject);
  });
}

bool AccessGate::entry_matches(const AclEntry& entry, const Subject& subject) const {
  const auto* scheme = authenticator(entry.scheme);
  if (!scheme) return false;
  return std::any_of(subject.identities.begin(), subject.identities.end(), [&](const auto& identity) {
    return identity.scheme == entry.scheme && scheme->matches(identity, entry.id);
  });
}

WireError AccessGate::normalize(std::span<const AclEntry> asked, const Subject& subject,
                                std::size_t& bytes_left, std::vector<AclEntry>& stored) const {
  stored.clear();
  std::set<AclEntry> seen;
  for (const auto& entry : asked) {
    // Before "auth" is replaced, as ZooKeeper does.
    if (asked.size() > 1 && !seen.insert(entry).second) continue;
    if (entry.scheme == "auth") {
      if (!expand_auth(entry, subject, bytes_left, stored)) return WireError::invalid_acl;
      continue;
    }
    if (has_null_id(entry) && (entry.scheme == "world" || authenticator(entry.scheme)))
      return WireError::marshalling_error;
    const auto* scheme = is_world(entry) ? nullptr : authenticator(entry.scheme);
    if (!is_world(entry) && (!scheme || !scheme->acl_id_valid(entry.id)))
      return WireError::invalid_acl;
    if (!take_room(entry, bytes_left)) return WireError::invalid_acl;
    stored.push_back(entry);
  }
  return stored.empty() ? WireError::invalid_acl : WireError::ok;
}

bool AccessGate::expand_auth(const AclEntry& entry, const Subject& subject,
                             std::size_t& bytes_left, std::vector<AclEntry>& stored) const {
  const auto before = stored.size();
  for (const auto& identity : subject.identities) {
    const auto* scheme = authenticator(identity.scheme);
    if (!scheme || !scheme->authenticates()) continue;
    stored.push_back({entry.perms, identity.scheme, identity.id});
    if (!take_room(stored.back(), bytes_left)) return false;
  }
  return stored.size() > before;
}

Authenticator* AccessGate::authenticator(std::string_view scheme) const {
  for (auto* candidate : authenticators_)
    if (candidate->scheme() == scheme) return candidate;
  return nullptr;
}

std::vector<Identity> AccessGate::identities_of(const PeerIdentity& peer) const {
  std::vector<Identity> identities;
  for (auto* scheme : authenticators_)
    for (auto& identity : scheme->identities_of(peer)) identities.push_back(std::move(identity));
  return identities;
}

}  // namespace vivarium
