#pragma once
// The ACLs in use, each kept once. A znode holds a 32-bit number; 0 is the open ACL of the built-in
// nodes ("no list": key -1 in snapshots), which every identity passes.

#include <vivarium/identity.hpp>

#include <cstdint>
#include <memory>
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
  /// The number of this list, counted as used once more. Order matters, as it does for getACL.
  AclNumber acquire(std::span<const AclEntry> entries);
  void acquire(AclNumber number);
  /// Forgets the list when nobody uses it any more.
  void release(AclNumber number);
  /// The entries; empty for kOpenAcl. Valid until the last release of that number.
  std::span<const AclEntry> entries(AclNumber number) const;

  /// For snapshots: what is held, by number, ascending.
  std::vector<AclNumber> numbers() const;
  /// For loading a snapshot: puts the list at this number, unused so far.
  void put(AclNumber number, std::span<const AclEntry> entries);
  /// Ends loading: forgets the lists that nothing acquired.
  void drop_unused();

 private:
  struct List {
    std::string text;  ///< Backs the entries' views, and is the key for finding equal lists.
    std::vector<AclEntry> entries;
    std::uint64_t uses = 0;
  };
  static std::string key_of(std::span<const AclEntry> entries);

  std::unordered_map<AclNumber, std::unique_ptr<List>> lists_;
  std::unordered_map<std::string_view, AclNumber> by_text_;
  AclNumber next_ = 1;
  AclNumber last_ = kOpenAcl;  ///< The list acquired last: most creates ask for it again.
};

}  // namespace vivarium
