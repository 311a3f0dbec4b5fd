#pragma once
// The watches that the servers should know of: noted when a server has set them, forgotten when they
// have fired, and told to the next server after a loss.
//
// Which event ends which watch is section C.3 of the reference.

#include "client/session.hpp"

#include <array>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace vivarium::client {

class Watches {
 public:
  /// In the order in which setWatches lists them.
  enum class Kind : std::uint8_t { data, exist, child, persistent, persistent_recursive };

  /// A setWatches request.
  struct Restore {
    Op op;
    std::string body;
  };
  /// Of each of those, header included; a single longer path apart.
  static constexpr std::size_t kRestoreBytesMax = 128 * 1024 - 1;

  void add(Kind kind, std::string_view path) { paths_of(kind).emplace(path); }
  void remove(std::string_view path, WatcherType type);

  /// True when there was a watch for this. Those that fire once are gone then. A second event of the
  /// same kind can come: a server restores data and child watches apart, and each finds the znode gone.
  bool fire(EventType type, std::string_view path);

  /// What tells a server of all of them. It fires those that would have since `seen`.
  std::vector<Restore> restore(Zxid seen) const;

 private:
  using Paths = std::set<std::string, std::less<>>;

  Paths& paths_of(Kind kind) { return paths_[static_cast<std::size_t>(kind)]; }
  bool take(Kind kind, std::string_view path);
  bool watched_from_above(std::string_view path) const;

  std::array<Paths, 5> paths_;
};

}  // namespace vivarium::client
