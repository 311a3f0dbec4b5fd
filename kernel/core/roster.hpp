#pragma once
// Things in order of arrival, each there for as long as its handle lives. The roster outlives its
// handles (asserts).

#include <vivarium/assert.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <utility>

namespace vivarium {

template <class Item, class Handle>
class Roster {
 public:
  Roster() = default;
  Roster(const Roster&) = delete;
  Roster& operator=(const Roster&) = delete;
  ~Roster() { VIVARIUM_ASSERT(items_.empty(), "a handle outlives what it was registered with"); }

  [[nodiscard]] std::unique_ptr<Handle> add(Item item) {
    items_.emplace(++last_number_, std::move(item));
    return std::make_unique<Entry>(*this, last_number_);
  }
  /// Number of arrival and item, in order. Items stay where they are.
  const std::map<std::uint64_t, Item>& items() const { return items_; }

 private:
  class Entry final : public Handle {
   public:
    Entry(Roster& roster, std::uint64_t number) : roster_(roster), number_(number) {}
    ~Entry() override { roster_.items_.erase(number_); }

   private:
    Roster& roster_;
    std::uint64_t number_;
  };

  std::map<std::uint64_t, Item> items_;
  std::uint64_t last_number_ = 0;
};

}  // namespace vivarium
