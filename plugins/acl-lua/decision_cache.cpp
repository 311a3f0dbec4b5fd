#include "decision_cache.hpp"

#include <functional>

namespace vivarium::acl_lua {
namespace {

void append_number(std::string& out, std::uint64_t number) {
  out.append(reinterpret_cast<const char*>(&number), sizeof number);
}

/// With its length in front, so that no two lists of texts look the same.
void append_text(std::string& out, std::string_view text) {
  append_number(out, text.size());
  out += text;
}

}  // namespace

const Decision* DecisionCache::find(const AccessRequest& access) {
  // A policy that keeps nothing does not pay for writing the question.
  if (entries_.empty()) return nullptr;
  write_question(access);
  const auto& entry = place_of_question();
  return entry.question == question_ ? &entry.decision : nullptr;
}

void DecisionCache::store(const AccessRequest& access, const Decision& decision) {
  write_question(access);
  if (entries_max_ == 0 || question_.size() > kQuestionBytesMax) return;
  if (entries_.empty()) entries_.resize(entries_max_);
  auto& entry = place_of_question();
  entry.question = question_;
  entry.reason = decision.reason;
  entry.decision = decision;
  entry.decision.reason = entry.reason;
}

void DecisionCache::write_question(const AccessRequest& access) {
  question_.clear();
  append_number(question_, static_cast<std::uint64_t>(access.operation));
  append_number(question_, static_cast<std::uint64_t>(access.permission));
  append_text(question_, access.path);
  append_text(question_, access.client_address);
  for (const auto& identity : access.identities) {
    append_text(question_, identity.scheme);
    append_text(question_, identity.id);
  }
}

DecisionCache::Entry& DecisionCache::place_of_question() {
  return entries_[std::hash<std::string_view>()(question_) % entries_.size()];
}

}  // namespace vivarium::acl_lua
