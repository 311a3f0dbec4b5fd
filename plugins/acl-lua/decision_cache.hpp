#pragma once
// Answers that a policy calls cacheable, by what was asked: operation, path, permission,
// identities, address. Bounded: each question has one place, and a newer answer takes the place of
// an older.

#include <vivarium/acl_policy.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace vivarium::acl_lua {

class DecisionCache {
 public:
  /// A longer question is not kept.
  static constexpr std::size_t kQuestionBytesMax = 1024;

  /// `entries` may be 0: then nothing is kept.
  explicit DecisionCache(std::size_t entries) : entries_max_(entries) {}

  /// The answer to the same question, valid until the next call; nullptr when there is none.
  const Decision* find(const AccessRequest& access);
  void store(const AccessRequest& access, const Decision& decision);

 private:
  struct Entry {
    std::string question;  ///< Empty: nothing is kept here.
    std::string reason;
    Decision decision;
  };
  void write_question(const AccessRequest& access);
  Entry& place_of_question();

  std::size_t entries_max_;
  std::vector<Entry> entries_;  ///< Allocated with the first answer.
  std::string question_;  ///< The last one asked: kept for its memory.
};

}  // namespace vivarium::acl_lua
