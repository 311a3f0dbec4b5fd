#pragma once
// The children of a znode: an open-addressing table in the same block as the fields that only a
// parent has.
//
// Slots are probed linearly from a home that the name's hash gives. A removed child leaves a
// tombstone: nothing ever moves within a table, because a snapshot walk may stand in it. When a
// table is seven eighths full, tombstones included, the tree builds another one and tells the walk.

#include "kernel/core/name_hash.hpp"
#include "kernel/core/tree.hpp"

#include <vivarium/assert.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace vivarium {

/// A child's place: the address of its znode, and 15 bits of the hash of its name, so that a
/// mismatch is seen without touching the znode.
class Slot {
 public:
  Slot() = default;
  Slot(Znode* node, std::uint64_t hash) : bits_(tag_of(hash) << kAddressBits | address_of(node)) {}
  static Slot tombstone() {
    Slot slot;
    slot.bits_ = kTombstone;
    return slot;
  }

  bool empty() const { return bits_ == 0; }
  bool is_tombstone() const { return bits_ == kTombstone; }
  bool occupied() const { return bits_ > kTombstone; }
  /// Only an occupied slot may.
  bool may_hold(std::uint64_t hash) const { return bits_ >> kAddressBits == tag_of(hash); }
  Znode* node() const { return reinterpret_cast<Znode*>(bits_ & kAddressMask); }
  /// Fetches the fields beside the name.
  void prefetch() const {
    const auto address = (bits_ & kAddressMask) + offsetof(Znode, branch);
    __builtin_prefetch(reinterpret_cast<const void*>(address));
  }
  /// The node was moved to another block.
  void set_node(Znode* node) { bits_ = (bits_ & ~kAddressMask) | address_of(node); }

 private:
  static constexpr unsigned kAddressBits = 48;
  static constexpr std::uint64_t kAddressMask = (std::uint64_t{1} << kAddressBits) - 1;
  static constexpr std::uint64_t kTombstone = 1;

  /// Odd, so that neither an empty slot nor a tombstone has it.
  static std::uint64_t tag_of(std::uint64_t hash) { return (hash & 0xffff) | 1; }
  static std::uint64_t address_of(const Znode* node) {
    const auto address = reinterpret_cast<std::uintptr_t>(node);
    VIVARIUM_ASSERT(address <= kAddressMask, "an address of more than 48 bits");
    return address;
  }

  std::uint64_t bits_ = 0;
};

class Branch {
 public:
  std::int64_t pzxid;
  std::int32_t cversion;  ///< Persisted form.

  /// Without children; `walked` as below.
  static Branch* make(std::int32_t cversion, std::int64_t pzxid, bool walked);
  /// The same children in a table of the right size for them and one more. The caller frees this
  /// one.
  Branch* rebuilt(const NameHash& hash) const;
  static void free(Branch* branch);

  std::uint32_t count() const { return count_; }
  /// The parity of the last snapshot walk that has, or needs not have, every node below.
  bool walked() const { return walked_; }
  void set_walked(bool parity) { walked_ = parity; }

  Slot* find(std::string_view name, std::uint64_t hash);
  /// No room for one more: rebuild first.
  bool full() const { return count_ + tombstones_ >= capacity_ - (capacity_ + 7) / 8; }
  /// So empty that a rebuilt table gives memory back.
  bool sparse() const { return capacity_ > kSparseCapacityMin && count_ < capacity_ / 8; }
  /// The table must have room, and no child of that name.
  void insert(Znode* node, std::uint64_t hash);
  void erase(Slot* slot);

  /// The first child at or after position `at`, which is moved behind it; nullptr at the end.
  Znode* next(std::uint32_t& at) const;
  template <class Visit>
  void each(Visit visit) const {
    for (std::uint32_t at = 0; Znode* child = next(at);) visit(child);
  }

 private:
  static constexpr std::uint32_t kCapacityMin = 4;
  static constexpr std::uint32_t kSparseCapacityMin = 16;

  Branch(std::int32_t cversion, std::int64_t pzxid, std::uint32_t capacity, bool walked);
  static Branch* allocate(std::int32_t cversion, std::int64_t pzxid, std::uint32_t capacity,
                          bool walked);

  Slot* slots() { return reinterpret_cast<Slot*>(this + 1); }
  const Slot* slots() const { return reinterpret_cast<const Slot*>(this + 1); }
  /// Any capacity will do: the hash is scaled to it, not masked.
  std::uint32_t home(std::uint64_t hash) const {
    return static_cast<std::uint32_t>(((hash >> 32) * capacity_) >> 32);
  }
  std::uint32_t after(std::uint32_t at) const { return at + 1 == capacity_ ? 0 : at + 1; }
  std::uint32_t before(std::uint32_t at) const { return (at == 0 ? capacity_ : at) - 1; }

  std::uint32_t count_ = 0;
  std::uint32_t tombstones_ = 0;
  std::uint32_t capacity_;
  bool walked_;
};

inline Slot* Branch::find(std::string_view name, std::uint64_t hash) {
  for (auto at = home(hash);; at = after(at)) {
    Slot& slot = slots()[at];
    if (slot.may_hold(hash) && slot.node()->name() == name) return &slot;
    if (slot.empty()) return nullptr;
  }
}

}  // namespace vivarium
