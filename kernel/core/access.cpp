#include "kernel/core/access.hpp"

#include <algorithm>

namespace vivarium {
namespace {

bool is_world(const AclEntry& entry) { return entry.scheme == "world" && entry.id == "anyone"; }

void append_once(std::vector<AclEntry>& list, const AclEntry& entry) {
  if (std::find(list.begin(), list.end(), entry) == list.end()) list.push_back(entry);
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
                                std::vector<AclEntry>& stored) const {
  stored.clear();
  for (const auto& entry : asked) {
    if (is_world(entry)) {
      append_once(stored, entry);
    } else if (entry.scheme == "auth") {
      const auto before = stored.size();
      expand_auth(entry, subject, stored);
      if (stored.size() == before) return WireError::invalid_acl;
    } else {
      const auto* scheme = authenticator(entry.scheme);
      if (!scheme || !scheme->acl_id_valid(entry.id)) return WireError::invalid_acl;
      append_once(stored, entry);
    }
  }
  return stored.empty() ? WireError::invalid_acl : WireError::ok;
}

void AccessGate::expand_auth(const AclEntry& entry, const Subject& subject,
                             std::vector<AclEntry>& stored) const {
  for (const auto& identity : subject.identities) {
    const auto* scheme = authenticator(identity.scheme);
    if (scheme && scheme->authenticates())
      stored.push_back({entry.perms, identity.scheme, identity.id});
  }
}

Authenticator* AccessGate::authenticator(std::string_view scheme) const {
  for (auto* candidate : authenticators_)
    if (candidate->scheme() == scheme) return candidate;
  return nullptr;
}

}  // namespace vivarium
