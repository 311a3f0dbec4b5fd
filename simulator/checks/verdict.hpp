#pragma once
// What the checks of a run have found.

#include <string>
#include <utility>
#include <vector>

namespace vivarium::simulator {

class Verdict {
 public:
  /// `rule` is the invariant of the reliability page: "I-3", "S-8", "C-10".
  void object(const std::string& rule, const std::string& sentence) {
    if (objections_.size() < kKept) objections_.push_back(rule + ": " + sentence);
  }
  bool good() const { return objections_.empty(); }
  const std::vector<std::string>& objections() const { return objections_; }

 private:
  static constexpr std::size_t kKept = 8;  // What follows the first is often its consequence.
  std::vector<std::string> objections_;
};

}  // namespace vivarium::simulator
