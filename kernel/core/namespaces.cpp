#include "kernel/core/namespaces.hpp"

#include "kernel/core/quotas.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace vivarium {
namespace {

/// "a" of "/a/b"; empty for the root.
std::string_view name_of(std::string_view path) {
  if (path.size() < 2) return {};
  return path.substr(1, path.find('/', 1) - 1);
}

using QuotaField = std::int64_t (*)(const QuotaText& quota);

/// A hard limit is the one that holds.
std::int64_t count_limit(const QuotaText& quota) {
  const auto hard = quota.count_hard_limit.value_or(-1);
  return hard > -1 ? hard : quota.count;
}
std::int64_t byte_limit(const QuotaText& quota) {
  const auto hard = quota.byte_hard_limit.value_or(-1);
  return hard > -1 ? hard : quota.bytes;
}
std::int64_t count(const QuotaText& quota) { return quota.count; }
std::int64_t bytes(const QuotaText& quota) { return quota.bytes; }

struct QuotaRow {
  const char* name;
  std::string (*node)(std::string_view subtree);
  QuotaField field;
};

constexpr QuotaRow kQuotaRows[] = {
    {"quota_count_limit_per_namespace", &Quotas::limits_node, &count_limit},
    {"quota_bytes_limit_per_namespace", &Quotas::limits_node, &byte_limit},
    {"quota_count_usage_per_namespace", &Quotas::statistics_node, &count},
    {"quota_bytes_usage_per_namespace", &Quotas::statistics_node, &bytes},
};

/// Anybody may write what looks like a quota's node, and as many as he likes.
constexpr std::size_t kQuotasMax = 1000;
constexpr std::size_t kQuotaBytesMax = 1024;

std::vector<std::pair<std::string, double>> sums(const Database& database, const QuotaRow& row) {
  std::map<std::string, double, std::less<>> all;
  std::size_t quotas = 0;
  for (const auto& subtree : database.quotas().subtrees()) {
    if (++quotas > kQuotasMax || all.size() == kNamespacesMax) break;
    const auto* const node = database.tree().find(row.node(subtree));
    const auto data = node ? node->data() : std::nullopt;
    const auto name = name_of(subtree);
    if (data && data->size() <= kQuotaBytesMax && !name.empty())
      all[std::string(name)] += static_cast<double>(row.field(QuotaText::parse(*data)));
  }
  return {all.begin(), all.end()};
}

}  // namespace

PathBeginning::PathBeginning(std::string_view name) : text_("/" + std::string(name) + "/") {
  const auto size = text_.size();
  if (size > kShort) return;
  std::array<char, kShort> bytes{}, mask{};
  std::copy_n(text_.begin(), size, bytes.begin());
  std::fill_n(mask.begin(), size, '\xff');
  bytes_ = std::bit_cast<Words>(bytes);
  mask_ = std::bit_cast<Words>(mask);
}

bool PathBeginning::holds(std::string_view path) const {
  if (path.size() + 1 == text_.size()) return text_.starts_with(path);
  return !text_.empty() && path.starts_with(text_);
}

void NamespaceTallies::record_elsewhere(std::string_view path, std::size_t bytes) {
  if (auto* const tally = find(path)) tally->record(static_cast<std::int64_t>(bytes));
}

Tally* NamespaceTallies::find(std::string_view path) {
  if (last_.holds(path)) return last_tally_;
  const auto name = name_of(path);
  if (name.empty()) return nullptr;
  auto found = shown_.find(name);
  if (found == shown_.end()) {
    if (shown_.size() == kNamespacesMax) return nullptr;
    found = shown_.try_emplace(std::string(name)).first;
    auto& [tally, handle] = found->second;
    handle = metrics_.add({name_, name}, tally, 1);
  }
  last_ = PathBeginning(name);
  last_tally_ = &found->second.tally;
  return last_tally_;
}

Namespaces::Namespaces(Metrics& metrics)
    : metrics_(metrics), read_(metrics, "read_per_namespace"), written_(metrics, "write_per_namespace") {}

void Namespaces::note_quota_exceeded(std::string_view path) {
  const std::string name(name_of(path));
  if (!over_quota_.contains(name) && over_quota_.size() == kNamespacesMax) return;
  auto& [counter, handle] = over_quota_[name];
  counter.add();
  if (!handle) handle = metrics_.add({"quota_exceeded_error_per_namespace", name}, counter);
}

std::vector<std::unique_ptr<MetricHandle>> add_quota_metrics(
    Metrics& metrics, std::function<const Database&()> database) {
  std::vector<std::unique_ptr<MetricHandle>> handles;
  for (const auto& row : kQuotaRows)
    handles.push_back(
        metrics.add_set(row.name, [&row, database] { return sums(database(), row); }));
  return handles;
}

}  // namespace vivarium
