#pragma once
// Numbers that a server shows: in `mntr`, in admin pages, to Prometheus. Names are ZooKeeper's, without
// the `zk_` prefix. All on the core thread: recording costs an addition.

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
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

/// Count, sum, least and greatest of what was recorded.
class Tally {
 public:
  void record(std::int64_t value) { record(value, 1); }
  /// `times` of them have this value.
  void record(std::int64_t value, std::int64_t times) {
    min_ = std::min(min_, value);
    max_ = std::max(max_, value);
    count_ += times;
    sum_ += value * times;
  }
  void reset() { *this = {}; }
  std::int64_t count() const { return count_; }
  std::int64_t sum() const { return sum_; }
  std::int64_t min() const { return count_ ? min_ : 0; }
  std::int64_t max() const { return count_ ? max_ : 0; }
  double average() const {
    return count_ ? static_cast<double>(sum_) / static_cast<double>(count_) : 0.0;
  }

 private:
  std::int64_t count_ = 0, sum_ = 0;
  std::int64_t min_ = std::numeric_limits<std::int64_t>::max();
  std::int64_t max_ = std::numeric_limits<std::int64_t>::min();
};

/// A tally, and a histogram of powers of two with four steps each, from which percentiles are read with an
/// error of at most a quarter.
class Summary : public Tally {
 public:
  void record(std::int64_t value, std::int64_t times = 1);
  void reset();
  /// The value below which the share `fraction` (0 to 1) of the records lies.
  std::int64_t percentile(double fraction) const;
  /// How many records lie below `limit`, a power of two from 4 on: exact.
  std::int64_t count_below(std::int64_t limit) const;

 private:
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

/// What a metric is called: one alone, or one of a set, which has one for each of some keys, such as the
/// peers of a server. Keys show in front of the name ("2_ack_latency") or as the label `key`.
struct MetricName {
  MetricName(const char* alone) : name(alone) {}
  MetricName(std::string_view alone) : name(alone) {}
  MetricName(std::string alone) : name(std::move(alone)) {}
  MetricName(std::string_view of_set, std::string_view key) : name(of_set), key(key) {}

  std::string name;
  std::string key;  ///< Empty: one alone.
};

/// What metrics a server has. Metric objects are owned by whoever records into them.
class Metrics {
 public:
  using Gauge = std::function<double()>;
  /// Of each key that there is now.
  using GaugeSet = std::function<std::vector<std::pair<std::string, double>>()>;

  /// A sample as shown. Names are already complete ("avg_readlatency", "p99_fsynctime").
  struct Sample {
    std::string name;
    double value = 0;
    bool integral = true;
  };

  enum class Kind : std::uint8_t { counter, gauge, summary, histogram };

  /// A metric as what it is, for those who tell kinds apart. Those of a set share name, kind and help.
  struct Family {
    std::string name;
    std::string key;  ///< Within a set.
    Kind kind = Kind::gauge;
    double value = 0;        ///< Of a counter or gauge; the sum of a summary or histogram.
    std::int64_t count = 0;  ///< Of a summary or histogram.
    std::vector<std::pair<double, double>> quantiles;  ///< Of a summary: share and value.
    /// Of a histogram: a value, and how many records lie at or below it, rising.
    std::vector<std::pair<double, std::int64_t>> buckets = {};
    std::string_view help = {};  ///< What it tells; empty: nobody knows. Lives as long as the server.
  };

  virtual ~Metrics() = default;
  [[nodiscard]] virtual std::unique_ptr<MetricHandle> add(MetricName name, Counter&) = 0;
  /// Shown as a summary without a median.
  [[nodiscard]] virtual std::unique_ptr<MetricHandle> add(MetricName name, Tally&, PerUnit) = 0;
  /// The average is shown with its fraction, all else in whole units. A histogram has no other unit than
  /// it is recorded in (asserts).
  [[nodiscard]] virtual std::unique_ptr<MetricHandle> add(MetricName name, Summary&, SummaryDetail,
                                                          PerUnit) = 0;
  [[nodiscard]] std::unique_ptr<MetricHandle> add(MetricName name, Summary& summary,
                                                  SummaryDetail detail) {
    return add(std::move(name), summary, detail, 1);
  }
  [[nodiscard]] virtual std::unique_ptr<MetricHandle> add(MetricName name, Gauge) = 0;
  [[nodiscard]] virtual std::unique_ptr<MetricHandle> add_set(std::string_view name, GaugeSet) = 0;
  /// What is registered, in order of registration, and then what ZooKeeper shows besides, as it looks when
  /// nothing of the kind has happened: its readers look for all of it.
  virtual std::vector<Sample> samples() const = 0;
  /// The same; those of a name follow each other.
  virtual std::vector<Family> families() const = 0;
  /// Of the counter or gauge that is registered so; nullopt: there is none.
  virtual std::optional<double> value(std::string_view name) const = 0;
  /// All counters and summaries begin anew, as `srst` asks for.
  virtual void reset() = 0;
};

}  // namespace vivarium
