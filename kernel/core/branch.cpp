#include "kernel/core/branch.hpp"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <new>

namespace vivarium {
namespace {

constexpr std::uint32_t kPrefetchAhead = 8;

/// Room to grow by a third before the table is full again: with tables of two thirds to seven
/// eighths a child costs 9 to 12 bytes here, where doubling would cost up to 18. Even, as malloc
/// rounds to 16.
std::uint32_t capacity_for(std::uint32_t count, std::uint32_t least) {
  return std::max(least, (count + count / 2 + 1) & ~1u);
}

}  // namespace

Branch::Branch(std::int32_t cversion_, std::int64_t pzxid_, std::uint32_t capacity, bool walked)
    : pzxid(pzxid_), cversion(cversion_), capacity_(capacity), walked_(walked) {
  std::uninitialized_value_construct_n(slots(), capacity);
}

Branch* Branch::allocate(std::int32_t cversion, std::int64_t pzxid, std::uint32_t capacity,
                         bool walked) {
  static_assert(sizeof(Branch) % alignof(Slot) == 0);
  void* const block = std::malloc(sizeof(Branch) + capacity * sizeof(Slot));
  VIVARIUM_ASSERT(block, "out of memory for a table of children");
  return new (block) Branch(cversion, pzxid, capacity, walked);
}

Branch* Branch::make(std::int32_t cversion, std::int64_t pzxid, bool walked) {
  return allocate(cversion, pzxid, kCapacityMin, walked);
}

Branch* Branch::rebuilt(const NameHash& hash) const {
  auto* const branch = allocate(cversion, pzxid, capacity_for(count_ + 1, kCapacityMin), walked_);
  each([&](Znode* child) { branch->insert(child, hash(child->name())); });
  return branch;
}

void Branch::free(Branch* branch) { std::free(branch); }

void Branch::insert(Znode* node, std::uint64_t hash) {
  auto at = home(hash);
  while (slots()[at].occupied()) at = after(at);
  if (slots()[at].is_tombstone()) --tombstones_;
  slots()[at] = Slot(node, hash);
  ++count_;
}

void Branch::erase(Slot* slot) {
  --count_;
  auto at = static_cast<std::uint32_t>(slot - slots());
  if (!slots()[after(at)].empty()) {
    *slot = Slot::tombstone();
    ++tombstones_;
    return;
  }
  // No probe goes past here, so neither this slot nor the tombstones before it are needed.
  *slot = Slot();
  for (at = before(at); slots()[at].is_tombstone(); at = before(at)) {
    slots()[at] = Slot();
    --tombstones_;
  }
}

Znode* Branch::next(std::uint32_t& at) const {
  while (at < capacity_) {
    if (at + kPrefetchAhead < capacity_) slots()[at + kPrefetchAhead].prefetch();
    const Slot& slot = slots()[at++];
    if (slot.occupied()) return slot.node();
  }
  return nullptr;
}

}  // namespace vivarium
