#include "client/watches.hpp"

#include <vivarium/records.hpp>

#include <utility>

namespace vivarium::client {
namespace {

constexpr std::size_t kLengthBytes = 4;
/// Header, zxid and five counts.
constexpr std::size_t kEmptyRestoreBytes = 8 + 8 + 5 * kLengthBytes;

Watches::Restore encode(const records::SetWatches2Request& all) {
  if (!all.persistent.empty() || !all.persistent_recursive.empty())
    return {Op::set_watches2, to_jute(all)};
  // Servers before 3.6 know this one alone.
  return {Op::set_watches, to_jute(records::SetWatchesRequest{all.relative_zxid, all.data, all.exist,
                                                              all.child})};
}

}  // namespace

void Watches::remove(std::string_view path, WatcherType type) {
  const auto any = type == WatcherType::any;
  if (any || type == WatcherType::children) take(Kind::child, path);
  if (any || type == WatcherType::data) take(Kind::data, path), take(Kind::exist, path);
  if (any || type == WatcherType::persistent) take(Kind::persistent, path);
  if (any || type == WatcherType::persistent_recursive) take(Kind::persistent_recursive, path);
}

bool Watches::fire(EventType type, std::string_view path) {
  const bool of_children = type == EventType::children_changed;
  bool found = paths_of(Kind::persistent).contains(path);
  if (of_children || type == EventType::deleted) found |= take(Kind::child, path);
  if (of_children) return found;
  found |= take(Kind::data, path);
  found |= take(Kind::exist, path);
  return found || watched_from_above(path);
}

std::vector<Watches::Restore> Watches::restore(Zxid seen) const {
  std::vector<Restore> requests;
  records::SetWatches2Request part;
  part.relative_zxid = seen.value;
  const std::array<std::vector<Text>*, 5> lists{&part.data, &part.exist, &part.child,
                                                &part.persistent, &part.persistent_recursive};
  auto bytes = kEmptyRestoreBytes;
  const auto flush = [&] {
    requests.push_back(encode(part));
    for (auto* list : lists) list->clear();
    bytes = kEmptyRestoreBytes;
  };
  for (std::size_t kind = 0; kind < paths_.size(); ++kind)
    for (const auto& path : paths_[kind]) {
      const auto more = kLengthBytes + path.size();
      if (bytes > kEmptyRestoreBytes && bytes + more > kRestoreBytesMax) flush();
      lists[kind]->push_back(path);
      bytes += more;
    }
  if (bytes > kEmptyRestoreBytes) flush();
  return requests;
}

bool Watches::take(Kind kind, std::string_view path) {
  auto& paths = paths_of(kind);
  const auto found = paths.find(path);
  if (found == paths.end()) return false;
  paths.erase(found);
  return true;
}

bool Watches::watched_from_above(std::string_view path) const {
  const auto& recursive = paths_[static_cast<std::size_t>(Kind::persistent_recursive)];
  if (recursive.empty()) return false;
  while (path.size() > 1) {
    if (recursive.contains(path)) return true;
    path = path.substr(0, path.rfind('/'));
  }
  return recursive.contains(std::string_view("/"));
}

}  // namespace vivarium::client
