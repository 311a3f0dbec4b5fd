#include "kernel/core/znode_block.hpp"

#include "kernel/core/branch.hpp"

#include <vivarium/assert.hpp>

#include <cstdlib>
#include <cstring>
#include <new>

namespace vivarium {
namespace {

std::size_t size_of(std::optional<std::string_view> data) { return data ? data->size() : 0; }

/// glibc's blocks hold 16 k + 8 bytes. To ask for all of them costs nothing, and data can then grow
/// a little in place.
constexpr std::size_t whole_block(std::size_t bytes) {
  return ((bytes + 23) & ~std::size_t{15}) - 8;
}

std::size_t head_bytes(const Znode& node) {
  return sizeof(Znode) + (node.owned ? sizeof(std::int64_t) : 0) + node.name_length;
}

void* allocate(std::size_t bytes) {
  void* const block = std::malloc(bytes);
  VIVARIUM_ASSERT(block, "out of memory for a znode");
  return block;
}

/// memmove, as memcpy, may not be given the null pointer of an empty view.
void copy(char* to, std::string_view bytes) {
  if (!bytes.empty()) std::memmove(to, bytes.data(), bytes.size());
}

void put_data(Znode& node, std::optional<std::string_view> data) {
  copy(reinterpret_cast<char*>(&node) + head_bytes(node), data.value_or(std::string_view()));
  node.data_length = data ? static_cast<std::int32_t>(data->size()) : -1;
}

}  // namespace

Znode* make_znode(std::string_view name, std::optional<std::string_view> data, std::int64_t owner) {
  VIVARIUM_ASSERT(name.size() <= kNameBytesMax, "a name that no frame can carry");
  VIVARIUM_ASSERT(size_of(data) <= INT32_MAX, "data that no frame can carry");
  const bool owned = owner != owners::kNone;
  const auto head = sizeof(Znode) + (owned ? sizeof owner : 0);
  auto* const node = new (allocate(whole_block(head + name.size() + size_of(data)))) Znode{};
  node->name_length = static_cast<std::uint32_t>(name.size()) & kNameBytesMax;
  node->owned = owned;
  if (owned) std::memcpy(node + 1, &owner, sizeof owner);
  copy(reinterpret_cast<char*>(node) + head, name);
  put_data(*node, data);
  return node;
}

Znode* with_data(Znode* node, std::optional<std::string_view> data) {
  VIVARIUM_ASSERT(size_of(data) <= INT32_MAX, "data that no frame can carry");
  const auto head = head_bytes(*node);
  const auto bytes = whole_block(head + size_of(data));
  if (bytes == whole_block(head + size_of(node->data()))) {
    put_data(*node, data);
    return node;
  }
  auto* const moved = static_cast<Znode*>(allocate(bytes));
  std::memcpy(static_cast<void*>(moved), node, head);
  put_data(*moved, data);
  free_znode(node);
  return moved;
}

void free_znode(Znode* node) { std::free(node); }

std::optional<std::string_view> Znode::data() const {
  if (data_length < 0) return std::nullopt;
  return std::string_view(tail() + (owned ? sizeof(std::int64_t) : 0) + name_length,
                          static_cast<std::size_t>(data_length));
}

std::int64_t Znode::owner() const {
  std::int64_t owner = owners::kNone;
  if (owned) std::memcpy(&owner, tail(), sizeof owner);
  return owner;
}

std::int32_t Znode::cversion() const { return branch ? branch->cversion : 0; }

std::int64_t Znode::pzxid() const { return branch ? branch->pzxid : czxid; }

std::int32_t Znode::child_count() const {
  return branch ? static_cast<std::int32_t>(branch->count()) : 0;
}

}  // namespace vivarium
