#pragma once
// Numbers that a server shows: in `mntr`, in admin pages, to Prometheus. Names are ZooKeeper's, without
// the `zk_` prefix. All on the core thread: recording costs an addition.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vivarium {

class Counter {
 public:
  void add(std::int64_t n = 1) { value_ += n; }
  void reset() { value_ = 0; }
  std::int64_t value() const { return value_; }

 private:
  std::int64_t value_ = 0;
};

/// Count, sum, least and greatest of what was recorded, and a histogram of powers of two with four
/// steps each, from which percentiles are read with an error of at most a quarter.
class Summary {
 public:
  /// `times` of them have this value.
  void record(std::int64_t value, std::int64_t times = 1);
  void reset();
  std::int64_t count() const { return count_; }
  std::int64_t sum() const { return sum_; }
  std::int64_t min() const { return count_ ? min_ : 0; }
  std::int64_t max() const { return count_ ? max_ : 0; }
  double average() const {
    return count_ ? static_cast<double>(sum_) / static_cast<double>(count_) : 0.0;
  }
  /// The value below which the share `fraction` (0 to 1) of the records lies.
  std::int64_t percentile(double fraction) const;
  /// How many records lie below `limit`, a power of two from 4 on: exact.
  std::int64_t count_below(std::int64_t limit) const;

 private:
  std::int64_t count_ = 0, sum_ = 0, min_ = 0, max_ = 0;
  std::vector<std::int64_t> buckets_;  ///< Allocated with the first record.
};

/// Keeps a metric registered; destroying it removes the metric.
class MetricHandle {
 public:
  virtual ~MetricHandle() = default;
};

enum class SummaryDetail : std::uint8_t {
  plain,
  percentiles,
  histogram,  ///< As percentiles, and all buckets for those who can read them.
};

/// What a summary shows one of: 1000 of what is recorded, say, where microseconds show as milliseconds.
using PerUnit = std::int64_t;

/// What metrics a server has. Metric objects are owned by whoever records into them.
class Metrics {
 public:
  using Gauge = std::function<double()>;

  /// A sample as shown. Names are already complete ("avg_readlatency", "p99_fsynctime").
  struct Sample {
    std::string name;
    double value = 0;
    bool integral = true;
  };

  enum class Kind : std::uint8_t { counter, gauge, summary, histogram };

  /// A metric as what it is, for those who tell kinds apart.
  struct Family {
    std::string name;
    Kind kind = Kind::gauge;
    double value = 0;        ///< Of a counter or gauge; the sum of a summary or histogram.
    std::int64_t count = 0;  ///< Of a summary or histogram.
    std::vector<std::pair<double, double>> quantiles;  ///< Of a summary: share and value.
    /// Of a histogram: a value, and how many records lie at or below it, rising.
    std::vector<std::pair<double, std::int64_t>> buckets = {};
  };

  virtual ~Metrics() = default;
  [[nodiscard]] virtual std::unique_ptr<MetricHandle> add(std::string_view name, const Counter&) = 0;
  /// The average is shown with its fraction, all else in whole units. A histogram has no other unit than
  /// it is recorded in (asserts).
  [[nodiscard]] virtual std::unique_ptr<MetricHandle> add(std::string_view name, const Summary&,
                                                          SummaryDetail, PerUnit) = 0;
  [[nodiscard]] std::unique_ptr<MetricHandle> add(std::string_view name, const Summary& summary,
                                                  SummaryDetail detail) {
    return add(name, summary, detail, 1);
  }
  [[nodiscard]] virtual std::unique_ptr<MetricHandle> add(std::string_view name, Gauge) = 0;
  /// Everything that is registered, in order of registration.
  virtual std::vector<Sample> samples() const = 0;
  virtual std::vector<Family> families() const = 0;
};

}  // namespace vivarium
