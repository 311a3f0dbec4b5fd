#include <vivarium/metrics.hpp>

#include <algorithm>
#include <bit>
#include <numeric>

namespace vivarium {
namespace {

// Bucket of a value: values below 4 have one each; above, four for each power of two.
constexpr std::size_t kBuckets = 4 + 4 * 62;

std::size_t bucket_of(std::int64_t value) {
  if (value < 4) return static_cast<std::size_t>(std::max<std::int64_t>(value, 0));
  const auto bits = static_cast<unsigned>(std::bit_width(static_cast<std::uint64_t>(value)));
  const auto quarter = static_cast<std::size_t>(value >> (bits - 3)) & 3;
  return 4 * (bits - 2) + quarter;
}

std::int64_t upper_end(std::size_t bucket) {
  if (bucket < 4) return static_cast<std::int64_t>(bucket);
  const auto shift = bucket / 4 - 1;
  return static_cast<std::int64_t>(((bucket % 4 + 5) << shift) - 1);
}

}  // namespace

void Summary::record(std::int64_t value, std::int64_t times) {
  if (buckets_.empty()) buckets_.resize(kBuckets);
  Tally::record(value, times);
  buckets_[bucket_of(value)] += times;
}

void Summary::reset() {
  Tally::reset();
  std::fill(buckets_.begin(), buckets_.end(), 0);
}

std::int64_t Summary::percentile(double fraction) const {
  auto left = static_cast<std::int64_t>(fraction * static_cast<double>(count()));
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    left -= buckets_[i];
    if (left < 0) return std::clamp(upper_end(i), min(), max());
  }
  return max();
}

std::int64_t Summary::count_below(std::int64_t limit) const {
  if (buckets_.empty()) return 0;
  const auto end = buckets_.begin() + static_cast<std::ptrdiff_t>(bucket_of(limit));
  return std::accumulate(buckets_.begin(), end, std::int64_t{0});
}

}  // namespace vivarium
