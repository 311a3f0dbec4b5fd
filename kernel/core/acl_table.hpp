#pragma once
// The ACLs in use, each kept once. A znode holds a 32-bit number; 0 is the open ACL of the built-in
// nodes ("no list": key -1 in snapshots), which every identity passes.

#include <vivarium/identity.hpp>

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace vivarium {

using AclNumber = std::uint32_t;
inline constexpr AclNumber kOpenAcl = 0;

class AclTable {
 public:
  /// The number of this list, counted as used once more. Order matters, as it does for getACL. The
  /// empty list is kOpenAcl: ZooKeeper's check lets everyone pass both.
  AclNumber acquire(std::span<const AclEntry> entries);
  void acquire(AclNumber number);
  /// Forgets the list when nobody uses it any more.
  void release(AclNumber number);
  /// The entries; empty for kOpenAcl, and for a number that is not held. Valid until the last
  /// release of that number.
  std::span<const AclEntry> entries(AclNumber number) const;

  /// For snapshots: what is held, by number, ascending.
  std::vector<AclNumber> numbers() const;
  /// For loading a snapshot: puts the list at this number, unused so far. Replaces a list that is
  /// there already, for all who use it.
  void put(AclNumber number, std::span<const AclEntry> entries);
  /// Ends loading: forgets the lists that nothing acquired.
  void drop_unused();

 private:
  struct List {
    std::string text;  ///< Backs the entries' views, and is the key for finding equal lists.
    std::vector<AclEntry> entries;
    std::uint64_t uses = 0;
  };
  using Lists = std::unordered_map<AclNumber, List>;

  static std::string text_of(std::span<const AclEntry> entries);
  Lists::value_type& find_or_make(std::span<const AclEntry> entries);
  Lists::value_type& held(AclNumber number);
  void fill(Lists::value_type& list, std::string text, std::span<const AclEntry> entries);
  void unlist(const Lists::value_type& list);
  void forget(Lists::iterator list);
  AclNumber free_number();

  Lists lists_;
  /// Ordered rather than hashed: clients choose the texts, and could make them collide.
  std::map<std::string_view, AclNumber> by_text_;
  AclNumber next_ = 1;
  /// The list used last: most creates ask for it again.
  Lists::value_type* last_ = nullptr;
};

}  // namespace vivarium
