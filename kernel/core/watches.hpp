#pragma once
// Who is to be told of what: the server's watch tables (sections B.5 and C.3 of the reference).
//
// A watcher has at most one watch on a path, a set of independent kinds. ZooKeeper's two tables are
// two views of these: one-shot data, persistent and recursive kinds make the data table; one-shot
// child and persistent kinds the child table. So a watcher hears of a change once, however it
// watches.
//
// Watches belong to connections, not to sessions. Watchers of a path are told in the order in which
// they came to it, then those of its ancestors, nearest first. All on the core thread.

#include "kernel/core/acl_table.hpp"
#include "kernel/core/name_hash.hpp"

#include <vivarium/ids.hpp>
#include <vivarium/opcodes.hpp>

#include <boost/intrusive/list.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace vivarium {

/// What removeWatches and checkWatches ask for.
enum class WatcherType : std::int32_t {
  children = 1,  ///< One-shot only, as is data.
  data = 2,
  any = 3,
  persistent = 4,
  persistent_recursive = 5,
};

struct WatchEvent {
  EventType type;
  std::string_view path;  ///< Of the node that changed; of the parent when children_changed.
  Zxid zxid;
  AclNumber acl;          ///< Decides who may hear of it; held during the call.
};

class Watcher {
 public:
  /// Something watched has happened. A one-shot watch is used up even if the watcher then keeps the
  /// event from its client. Must not call the Watches back.
  virtual void notify(const WatchEvent& event) = 0;

 protected:
  ~Watcher() = default;
};

class Watches {
 public:
  /// `seed` keys the hash of the paths, which clients choose.
  explicit Watches(std::uint64_t seed) : paths_(0, PathHash{NameHash(seed)}) {}
  Watches(const Watches&) = delete;
  Watches& operator=(const Watches&) = delete;

  /// Watchers are borrowed until drop().
  void add_data(std::string_view path, Watcher& watcher) { add(path, watcher, kData); }
  void add_child(std::string_view path, Watcher& watcher) { add(path, watcher, kChild); }
  void add_persistent(std::string_view path, Watcher& watcher) { add(path, watcher, kPersistent); }
  void add_recursive(std::string_view path, Watcher& watcher) { add(path, watcher, kRecursive); }
  /// False when there was no such watch.
  bool remove(std::string_view path, Watcher& watcher, WatcherType type);
  bool contains(std::string_view path, const Watcher& watcher, WatcherType type) const;
  /// Forgets the watcher and all its watches.
  void drop(Watcher& watcher);

  /// Each tells who watches, uses one-shot watches up, and gives the number of watchers told. `acl`
  /// is that of the new, the removed, the changed node; for children_changed that of the parent,
  /// which is what `path` then names.
  std::size_t trigger_created(std::string_view path, Zxid zxid, AclNumber acl);
  std::size_t trigger_deleted(std::string_view path, Zxid zxid, AclNumber acl);
  std::size_t trigger_data_changed(std::string_view path, Zxid zxid, AclNumber acl);
  std::size_t trigger_children_changed(std::string_view path, Zxid zxid, AclNumber acl);

  /// Watches in both tables; a persistent one counts in each.
  std::size_t count() const { return data_count_ + child_count_; }

  // --- the data table, as wchs, wchc and wchp show it; each costs a pass over all watches --------
  struct Totals {
    std::size_t watchers = 0, paths = 0, watches = 0;
  };
  using ByWatcher = std::vector<std::pair<const Watcher*, std::vector<std::string_view>>>;
  using ByPath = std::vector<std::pair<std::string_view, std::vector<const Watcher*>>>;
  Totals data_totals() const;
  /// In the order of their first watch ever; paths sorted. Valid until the next change.
  ByWatcher data_by_watcher() const;
  /// Sorted by path; watchers in the order in which they came to it.
  ByPath data_by_path() const;

 private:
  using Kinds = std::uint8_t;
  static constexpr Kinds kData = 1, kChild = 2, kPersistent = 4, kRecursive = 8;
  static constexpr Kinds kDataTable = kData | kPersistent | kRecursive;
  static constexpr Kinds kChildTable = kChild | kPersistent;
  static constexpr Kinds kAll = kDataTable | kChildTable;

  struct Holder;
  /// Leaves the list of its path when it is destroyed.
  struct Watch : boost::intrusive::list_base_hook<
                     boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
    explicit Watch(Holder& holder_) : holder(holder_) {}
    Holder& holder;
    Kinds kinds = 0;
  };
  using WatchList = boost::intrusive::list<Watch, boost::intrusive::constant_time_size<false>>;

  // Not noexcept, so that the map keeps each path's hash beside it.
  struct PathHash {
    using is_transparent = void;
    NameHash hash;
    std::size_t operator()(std::string_view path) const { return hash(path); }
  };
  using Paths = std::unordered_map<std::string, WatchList, PathHash, std::equal_to<>>;
  using WatchedPath = Paths::value_type;

  struct Holder {
    Watcher* watcher;
    std::uint64_t number;   ///< Order of the first watches.
    std::uint64_t told = 0; ///< The last trigger that reached it.
    std::unordered_map<WatchedPath*, Watch> watches;
  };

  static Kinds kinds_of(WatcherType type);
  void add(std::string_view path, Watcher& watcher, Kinds kind);
  void set_kinds(WatchedPath& path, Watch& watch, Kinds kinds);
  void drop_if_unwatched(WatchedPath& path);
  const Watch* find(std::string_view path, const Watcher& watcher) const;

  std::size_t trigger(const WatchEvent& event, Kinds heard_by, Kinds used_up);
  std::size_t tell_path(const WatchEvent& event, Kinds heard_by, Kinds used_up);
  std::size_t tell_ancestors(const WatchEvent& event);
  void tell(Holder& holder, const WatchEvent& event);

  Paths paths_;
  std::unordered_map<const Watcher*, Holder> holders_;  ///< After paths_: destroyed before it.
  std::size_t data_count_ = 0, child_count_ = 0;
  /// Recursive watches by the length of their path: of a changed node's ancestors only those of
  /// such a length are looked up, however deep it lies.
  std::map<std::size_t, std::size_t, std::greater<>> recursive_lengths_;
  std::uint64_t next_holder_ = 0;
  std::uint64_t round_ = 0;  ///< Number of the trigger.
  bool telling_ = false;
};

}  // namespace vivarium
