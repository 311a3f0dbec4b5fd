#include "kernel/core/acl_table.hpp"

#include <vivarium/assert.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

namespace vivarium {
namespace {

void append_number(std::string& text, std::uint32_t number) {
  char bytes[sizeof number];
  std::memcpy(bytes, &number, sizeof number);
  text.append(bytes, sizeof bytes);
}

void append_text(std::string& text, std::string_view part) {
  append_number(text, static_cast<std::uint32_t>(part.size()));
  text += part;
}

}  // namespace

AclNumber AclTable::acquire(std::span<const AclEntry> entries) {
  if (entries.empty()) return kOpenAcl;
  if (!last_ || !std::ranges::equal(last_->second.entries, entries)) last_ = &find_or_make(entries);
  ++last_->second.uses;
  return last_->first;
}

void AclTable::acquire(AclNumber number) {
  if (number != kOpenAcl) ++held(number).second.uses;
}

void AclTable::release(AclNumber number) {
  if (number == kOpenAcl) return;
  auto& uses = held(number).second.uses;
  VIVARIUM_ASSERT(uses > 0, "an ACL was released more often than acquired");
  if (--uses == 0) forget(lists_.find(number));
}

std::span<const AclEntry> AclTable::entries(AclNumber number) const {
  const auto found = lists_.find(number);
  if (found == lists_.end()) return {};
  return found->second.entries;
}

std::vector<AclNumber> AclTable::numbers() const {
  std::vector<AclNumber> numbers;
  numbers.reserve(lists_.size());
  for (const auto& [number, list] : lists_) numbers.push_back(number);
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

void AclTable::put(AclNumber number, std::span<const AclEntry> entries) {
  VIVARIUM_ASSERT(number != kOpenAcl, "the number of the open ACL cannot hold a list");
  auto& list = *lists_.try_emplace(number).first;
  unlist(list);
  fill(list, text_of(entries), entries);
  next_ = std::max(next_, number + 1);
}

void AclTable::drop_unused() {
  for (auto list = lists_.begin(); list != lists_.end();) {
    const auto here = list++;
    if (here->second.uses == 0) forget(here);
  }
}

// Numbers and lengths in the machine's own order: the text never leaves the process.
std::string AclTable::text_of(std::span<const AclEntry> entries) {
  std::string text;
  for (const auto& entry : entries) {
    append_number(text, static_cast<std::uint32_t>(entry.perms));
    append_text(text, entry.scheme);
    append_text(text, entry.id);
  }
  return text;
}

AclTable::Lists::value_type& AclTable::find_or_make(std::span<const AclEntry> entries) {
  auto text = text_of(entries);
  const auto found = by_text_.find(text);
  if (found != by_text_.end()) return held(found->second);
  auto& list = *lists_.try_emplace(free_number()).first;
  fill(list, std::move(text), entries);
  return list;
}

AclTable::Lists::value_type& AclTable::held(AclNumber number) {
  if (last_ && last_->first == number) return *last_;
  const auto found = lists_.find(number);
  VIVARIUM_ASSERT(found != lists_.end(), "an ACL number that the table does not hold");
  return *found;
}

/// Gives the list its text, and entries that view into it.
void AclTable::fill(Lists::value_type& list, std::string text, std::span<const AclEntry> entries) {
  auto& [number, held] = list;
  held.text = std::move(text);
  held.entries.clear();
  std::string_view rest = held.text;
  const auto take = [&rest](std::size_t size) {
    rest.remove_prefix(sizeof(std::uint32_t));
    const auto part = rest.substr(0, size);
    rest.remove_prefix(size);
    return part;
  };
  for (const auto& entry : entries) {
    rest.remove_prefix(sizeof entry.perms);
    const auto scheme = take(entry.scheme.size());
    held.entries.push_back({entry.perms, scheme, take(entry.id.size())});
  }
  by_text_.try_emplace(held.text, number);
}

/// A snapshot may hold equal lists under two numbers; only one of them can be found by its text.
void AclTable::unlist(const Lists::value_type& list) {
  const auto found = by_text_.find(list.second.text);
  if (found != by_text_.end() && found->second == list.first) by_text_.erase(found);
}

void AclTable::forget(Lists::iterator list) {
  if (last_ == &*list) last_ = nullptr;
  unlist(*list);
  lists_.erase(list);
}

AclNumber AclTable::free_number() {
  while (next_ == kOpenAcl || lists_.contains(next_)) ++next_;  // It has wrapped.
  return next_++;
}

}  // namespace vivarium
