#include "kernel/core/quotas.hpp"

#include "kernel/core/paths.hpp"

#include <charconv>

namespace vivarium {
namespace {

constexpr std::string_view kLimits = "/zookeeper_limits";
constexpr std::string_view kStatistics = "/zookeeper_stats";

std::optional<std::string_view> subtree_of(std::string_view path, std::string_view node) {
  if (!path.starts_with(paths::kQuota) || !path.ends_with(node)) return std::nullopt;
  path.remove_prefix(paths::kQuota.size());
  path.remove_suffix(node.size());
  return path;
}

void assign(QuotaText& quota, std::string_view key, std::int64_t value) {
  if (key == "count") quota.count = value;
  if (key == "bytes") quota.bytes = value;
  if (key == "byteHardLimit") quota.byte_hard_limit = value;
  if (key == "countHardLimit") quota.count_hard_limit = value;
}

}  // namespace

QuotaText QuotaText::parse(std::string_view text) {
  QuotaText quota;
  while (!text.empty()) {
    const auto end = text.find_first_of(",;");
    const auto pair = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const auto equals = pair.find('=');
    if (equals == std::string_view::npos) continue;
    std::int64_t value = -1;
    const auto digits = pair.substr(equals + 1);
    std::from_chars(digits.data(), digits.data() + digits.size(), value);
    assign(quota, pair.substr(0, equals), value);
  }
  return quota;
}

std::string QuotaText::text() const {
  auto text = "count=" + std::to_string(count) + ",bytes=" + std::to_string(bytes);
  if (byte_hard_limit || count_hard_limit) text += "=";  // Makes old parsers stop here.
  if (byte_hard_limit) text += ";byteHardLimit=" + std::to_string(*byte_hard_limit);
  if (count_hard_limit) text += ";countHardLimit=" + std::to_string(*count_hard_limit);
  return text;
}

std::optional<std::string_view> Quotas::limited_by(std::string_view path) {
  return subtree_of(path, kLimits);
}
std::optional<std::string_view> Quotas::counted_by(std::string_view path) {
  return subtree_of(path, kStatistics);
}
std::string Quotas::limits_node(std::string_view subtree) {
  return std::string(paths::kQuota) + std::string(subtree) + std::string(kLimits);
}
std::string Quotas::statistics_node(std::string_view subtree) {
  return std::string(paths::kQuota) + std::string(subtree) + std::string(kStatistics);
}

void Quotas::remove(std::string_view subtree) {
  const auto found = subtrees_.find(subtree);
  if (found != subtrees_.end()) subtrees_.erase(found);
}

std::string_view Quotas::covering(std::string_view path) const {
  if (subtrees_.empty()) return {};
  while (path.size() > 1) {
    const auto found = subtrees_.find(path);
    if (found != subtrees_.end()) return *found;
    path = paths::parent(path);
  }
  return {};
}

}  // namespace vivarium
