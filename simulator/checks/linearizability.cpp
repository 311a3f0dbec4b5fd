#include "simulator/checks/linearizability.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <unordered_set>
#include <utility>

namespace vivarium::simulator {
namespace {

using Kind = RegisterOperation::Kind;
constexpr MonoTime kNever = MonoTime::max();

class Judge {
 public:
  Judge(std::vector<RegisterOperation> operations, std::size_t states_most)
      : operations_(std::move(operations)), states_most_(states_most) {
    leave_out_what_explains_nothing();
    std::sort(operations_.begin(), operations_.end(),
              [](const auto& a, const auto& b) { return a.invoked < b.invoked; });
    for (const auto& operation : operations_) {
      values_.push_back(numbers_.try_emplace(operation.value, numbers_.size()).first->second);
      if (operation.returned) ++definite_left_;
    }
    done_.resize(operations_.size(), kLeft);
  }

  Linearizable go() {
    const auto empty = numbers_.try_emplace("", numbers_.size()).first->second;
    if (search(empty)) return Linearizable::yes;
    return seen_.size() < states_most_ ? Linearizable::no : Linearizable::undecided;
  }

 private:
  static constexpr char kLeft = 0, kDone = 1;

  /// A write that may never have taken place, and whose value nobody has read, need not have.
  void leave_out_what_explains_nothing() {
    std::set<std::string> read;
    for (const auto& operation : operations_)
      if (operation.kind == Kind::read) read.insert(operation.value);
    std::erase_if(operations_, [&](const auto& operation) {
      return !operation.returned && !read.contains(operation.value);
    });
  }

  MonoTime returned(std::size_t i) const { return operations_[i].returned.value_or(kNever); }
  bool writes(std::size_t i) const { return operations_[i].kind == Kind::write; }

  /// Can what is left be put in order, with this in the register?
  bool search(std::size_t value) {
    if (definite_left_ == 0) return true;
    if (seen_.size() >= states_most_ || !seen_.insert(done_ + std::to_string(value)).second) return false;
    // Whoever comes next was asked for before anybody else has returned.
    auto first_return = kNever;
    for (std::size_t i = 0; i < operations_.size(); ++i)
      if (done_[i] == kLeft) first_return = std::min(first_return, returned(i));
    std::vector<std::size_t> next;
    for (std::size_t i = 0; i < operations_.size() && operations_[i].invoked <= first_return; ++i) {
      if (done_[i] != kLeft) continue;
      // A read that fits changes nothing, so that it can as well come first.
      if (!writes(i) && values_[i] == value) return try_next(i, value);
      if (writes(i)) next.push_back(i);
    }
    return std::any_of(next.begin(), next.end(), [&](auto i) { return try_next(i, values_[i]); });
  }

  bool try_next(std::size_t i, std::size_t value) {
    const std::size_t definite = operations_[i].returned ? 1 : 0;
    done_[i] = kDone;
    definite_left_ -= definite;
    if (search(value)) return true;
    done_[i] = kLeft;
    definite_left_ += definite;
    return false;
  }

  std::vector<RegisterOperation> operations_;
  std::vector<std::size_t> values_;  ///< As numbers.
  std::map<std::string, std::size_t> numbers_;
  std::size_t states_most_;
  std::string done_;  ///< Of each operation; a string, since that is hashed and compared fast.
  std::size_t definite_left_ = 0;
  std::unordered_set<std::string> seen_;  ///< What was done, and the register's value then.
};

std::optional<RegisterOperation> write_of(const Operation& asked) {
  const bool writes = asked.path == kRegisterPath && asked.writes.size() == 1 &&
                      (asked.action == Action::create || asked.action == Action::set);
  if (!writes || (asked.definite() && asked.err != WireError::ok)) return std::nullopt;
  RegisterOperation operation{Kind::write, asked.writes[0].data, asked.invoked};
  if (asked.definite()) operation.returned = asked.returned;
  return operation;
}

}  // namespace

Linearizable judge_register(std::vector<RegisterOperation> operations, std::size_t states_most) {
  return Judge(std::move(operations), states_most).go();
}

std::vector<RegisterOperation> register_operations(const History& history) {
  std::vector<RegisterOperation> all;
  for (const auto& conversation : history.conversations)
    for (std::size_t i = 0; i < conversation.operations.size(); ++i) {
      const auto& asked = conversation.operations[i];
      if (auto write = write_of(asked)) all.push_back(std::move(*write));
      const bool reads = i > 0 && asked.action == Action::get && asked.path == kRegisterPath;
      if (!reads || !asked.succeeded()) continue;
      const auto& sync = conversation.operations[i - 1];
      if (sync.action == Action::sync && sync.succeeded())
        all.push_back({Kind::read, asked.data.value_or(""), sync.invoked, asked.returned});
    }
  return all;
}

}  // namespace vivarium::simulator
