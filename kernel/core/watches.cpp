#include "kernel/core/watches.hpp"

#include <vivarium/assert.hpp>

#include <algorithm>

namespace vivarium {

// --- adding and removing -------------------------------------------------------------------------

Watches::Kinds Watches::kinds_of(WatcherType type) {
  switch (type) {
    case WatcherType::children: return kChild;
    case WatcherType::data: return kData;
    case WatcherType::any: return kAll;
    case WatcherType::persistent: return kPersistent;
    case WatcherType::persistent_recursive: return kRecursive;
  }
  return 0;
}

void Watches::add(std::string_view path, Watcher& watcher, Kinds kind) {
  VIVARIUM_ASSERT(!telling_, "a watcher changed the watches while it was told");
  auto entry = paths_.find(path);
  if (entry == paths_.end()) entry = paths_.try_emplace(std::string(path)).first;
  auto [holder, fresh] = holders_.try_emplace(&watcher);
  if (fresh) {
    holder->second.watcher = &watcher;
    holder->second.number = next_holder_++;
  }
  auto [place, made] = holder->second.watches.try_emplace(&*entry, holder->second);
  auto& watch = place->second;
  if (made) entry->second.push_back(watch);
  set_kinds(*entry, watch, watch.kinds | kind);
}

bool Watches::remove(std::string_view path, Watcher& watcher, WatcherType type) {
  VIVARIUM_ASSERT(!telling_, "a watcher changed the watches while it was told");
  if (!contains(path, watcher, type)) return false;
  auto& entry = *paths_.find(path);
  auto& watch = holders_.find(&watcher)->second.watches.find(&entry)->second;
  set_kinds(entry, watch, watch.kinds & static_cast<Kinds>(~kinds_of(type)));
  drop_if_unwatched(entry);
  return true;
}

bool Watches::contains(std::string_view path, const Watcher& watcher, WatcherType type) const {
  const auto* const watch = find(path, watcher);
  return watch && (watch->kinds & kinds_of(type));
}

const Watches::Watch* Watches::find(std::string_view path, const Watcher& watcher) const {
  const auto entry = paths_.find(path);
  const auto holder = holders_.find(&watcher);
  if (entry == paths_.end() || holder == holders_.end()) return nullptr;
  // The key only addresses the entry, nothing is changed through it.
  const auto found = holder->second.watches.find(const_cast<WatchedPath*>(&*entry));
  return found == holder->second.watches.end() ? nullptr : &found->second;
}

void Watches::drop(Watcher& watcher) {
  VIVARIUM_ASSERT(!telling_, "a watcher changed the watches while it was told");
  const auto holder = holders_.find(&watcher);
  if (holder == holders_.end()) return;
  auto& watches = holder->second.watches;
  while (!watches.empty()) {
    auto& [path, watch] = *watches.begin();
    auto& entry = *path;
    set_kinds(entry, watch, 0);
    drop_if_unwatched(entry);
  }
  holders_.erase(holder);
}

/// Keeps the counts; a watch without kinds is gone.
void Watches::set_kinds(WatchedPath& path, Watch& watch, Kinds kinds) {
  const auto was = watch.kinds;
  data_count_ += (kinds & kDataTable) ? 1 : 0;
  data_count_ -= (was & kDataTable) ? 1 : 0;
  child_count_ += (kinds & kChildTable) ? 1 : 0;
  child_count_ -= (was & kChildTable) ? 1 : 0;
  const auto length = path.first.size();
  if (kinds & ~was & kRecursive) ++recursive_lengths_[length];
  if ((was & ~kinds & kRecursive) && --recursive_lengths_[length] == 0)
    recursive_lengths_.erase(length);
  watch.kinds = kinds;
  if (kinds == 0) watch.holder.watches.erase(&path);
}

void Watches::drop_if_unwatched(WatchedPath& path) {
  if (path.second.empty()) paths_.erase(paths_.find(path.first));
}

// --- triggers ------------------------------------------------------------------------------------

std::size_t Watches::trigger_created(std::string_view path, Zxid zxid, AclNumber acl) {
  if (data_count_ == 0) return 0;
  return trigger({EventType::created, path, zxid, acl}, kDataTable, kData);
}

std::size_t Watches::trigger_deleted(std::string_view path, Zxid zxid, AclNumber acl) {
  if (count() == 0) return 0;
  return trigger({EventType::deleted, path, zxid, acl}, kAll, kData | kChild);
}

std::size_t Watches::trigger_data_changed(std::string_view path, Zxid zxid, AclNumber acl) {
  if (data_count_ == 0) return 0;
  return trigger({EventType::data_changed, path, zxid, acl}, kDataTable, kData);
}

std::size_t Watches::trigger_children_changed(std::string_view path, Zxid zxid, AclNumber acl) {
  if (child_count_ == 0) return 0;
  return trigger({EventType::children_changed, path, zxid, acl}, kChildTable, kChild);
}

std::size_t Watches::trigger(const WatchEvent& event, Kinds heard_by, Kinds used_up) {
  VIVARIUM_ASSERT(!telling_, "a watcher caused an event while it was told of one");
  telling_ = true;
  ++round_;
  auto told = tell_path(event, heard_by, used_up);
  if ((heard_by & kRecursive) && !recursive_lengths_.empty()) told += tell_ancestors(event);
  telling_ = false;
  return told;
}

std::size_t Watches::tell_path(const WatchEvent& event, Kinds heard_by, Kinds used_up) {
  const auto entry = paths_.find(event.path);
  if (entry == paths_.end()) return 0;
  std::size_t told = 0;
  auto& watches = entry->second;
  for (auto at = watches.begin(); at != watches.end();) {
    Watch& watch = *at++;  // Before it may be destroyed.
    if (!(watch.kinds & heard_by)) continue;
    tell(watch.holder, event);
    ++told;
    set_kinds(*entry, watch, watch.kinds & static_cast<Kinds>(~used_up));
  }
  drop_if_unwatched(*entry);
  return told;
}

std::size_t Watches::tell_ancestors(const WatchEvent& event) {
  std::size_t told = 0;
  for (const auto& [length, count] : recursive_lengths_) {
    const bool root = length == 1;
    // Nothing is below an empty path, which a client may watch.
    if (length == 0 || length >= event.path.size() || !(root || event.path[length] == '/')) continue;
    const auto entry = paths_.find(event.path.substr(0, length));
    if (entry == paths_.end()) continue;
    for (Watch& watch : entry->second) {
      if (!(watch.kinds & kRecursive) || watch.holder.told == round_) continue;
      tell(watch.holder, event);
      ++told;
    }
  }
  return told;
}

void Watches::tell(Holder& holder, const WatchEvent& event) {
  holder.told = round_;
  holder.watcher->notify(event);
}

// --- summaries -----------------------------------------------------------------------------------

Watches::Totals Watches::data_totals() const {
  const auto in_data_table = [](const Watch& watch) { return (watch.kinds & kDataTable) != 0; };
  Totals totals{.watches = data_count_};
  for (const auto& [path, watches] : paths_)
    if (std::any_of(watches.begin(), watches.end(), in_data_table)) ++totals.paths;
  for (const auto& [watcher, holder] : holders_)
    if (std::any_of(holder.watches.begin(), holder.watches.end(),
                    [&](const auto& held) { return in_data_table(held.second); }))
      ++totals.watchers;
  return totals;
}

Watches::ByWatcher Watches::data_by_watcher() const {
  std::vector<const Holder*> holders;
  for (const auto& [watcher, holder] : holders_) holders.push_back(&holder);
  std::sort(holders.begin(), holders.end(),
            [](const Holder* a, const Holder* b) { return a->number < b->number; });
  ByWatcher result;
  for (const auto* holder : holders) {
    std::vector<std::string_view> paths;
    for (const auto& [path, watch] : holder->watches)
      if (watch.kinds & kDataTable) paths.push_back(path->first);
    std::sort(paths.begin(), paths.end());
    if (!paths.empty()) result.emplace_back(holder->watcher, std::move(paths));
  }
  return result;
}

Watches::ByPath Watches::data_by_path() const {
  ByPath result;
  for (const auto& [path, watches] : paths_) {
    std::vector<const Watcher*> watchers;
    for (const auto& watch : watches)
      if (watch.kinds & kDataTable) watchers.push_back(watch.holder.watcher);
    if (!watchers.empty()) result.emplace_back(path, std::move(watchers));
  }
  std::sort(result.begin(), result.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  return result;
}

}  // namespace vivarium
