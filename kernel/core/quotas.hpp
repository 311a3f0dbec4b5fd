#pragma once
// Soft and hard quotas (section B.13): which subtrees have one, and the arithmetic of their two nodes.

#include <cstdint>
#include <set>
#include <optional>
#include <string>
#include <string_view>

namespace vivarium {

/// The text of a limits or statistics node: count, bytes, and two hard limits. -1: no limit.
struct QuotaText {
  std::int64_t count = -1;
  std::int64_t bytes = -1;
  std::optional<std::int64_t> byte_hard_limit;
  std::optional<std::int64_t> count_hard_limit;

  static QuotaText parse(std::string_view text);
  std::string text() const;
};

/// The subtrees that have a quota.
class Quotas {
 public:
  /// A limits or statistics node came or went at `path`, below /zookeeper/quota.
  static std::optional<std::string_view> limited_by(std::string_view path);
  static std::optional<std::string_view> counted_by(std::string_view path);
  static std::string limits_node(std::string_view subtree);
  static std::string statistics_node(std::string_view subtree);

  void add(std::string_view subtree) { subtrees_.emplace(subtree); }
  void remove(std::string_view subtree);
  /// The deepest subtree with a quota that holds `path`; empty when there is none.
  std::string_view covering(std::string_view path) const;
  const std::set<std::string, std::less<>>& subtrees() const { return subtrees_; }

 private:
  std::set<std::string, std::less<>> subtrees_;
};

}  // namespace vivarium
