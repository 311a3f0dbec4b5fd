#include "kernel/core/java_text.hpp"
#include "kernel/core/roster.hpp"
#include "kernel/core/server.hpp"

#include <vivarium/assert.hpp>

#include <cmath>

namespace vivarium {
namespace {

using Samples = std::vector<Metrics::Sample>;

/// What a histogram tells apart: of microseconds, from 16 us to 67 s.
constexpr std::int64_t kFirstLimit = 1 << 4, kLastLimit = 1 << 26;

void append(Samples& out, std::string name, std::int64_t value) {
  out.push_back({std::move(name), static_cast<double>(value), true});
}

/// A summary as its owner had it registered.
struct Summarized {
  std::string name;
  const Summary& summary;
  SummaryDetail detail;
  PerUnit per_unit;

  double average() const {
    return four_decimals(summary.average() / static_cast<double>(per_unit));
  }
  std::int64_t percentile(double fraction) const {
    return summary.percentile(fraction) / per_unit;
  }
};

void append_summary(Samples& out, const Summarized& shown) {
  const auto& summary = shown.summary;
  out.push_back({"avg_" + shown.name, shown.average(), false});
  append(out, "min_" + shown.name, summary.min() / shown.per_unit);
  append(out, "max_" + shown.name, summary.max() / shown.per_unit);
  append(out, "cnt_" + shown.name, summary.count());
  append(out, "sum_" + shown.name, summary.sum() / shown.per_unit);
}

void append_percentiles(Samples& out, const Summarized& shown) {
  append(out, "p50_" + shown.name, shown.percentile(0.5));
  append(out, "p95_" + shown.name, shown.percentile(0.95));
  append(out, "p99_" + shown.name, shown.percentile(0.99));
  append(out, "p999_" + shown.name, shown.percentile(0.999));
}

/// Ours alone: ZooKeeper has none.
Metrics::Family histogram_of(const Summarized& shown) {
  const auto& summary = shown.summary;
  Metrics::Family family{shown.name, Metrics::Kind::histogram, static_cast<double>(summary.sum()),
                         summary.count(), {}};
  for (std::int64_t limit = kFirstLimit; limit <= kLastLimit; limit *= 2)
    family.buckets.emplace_back(static_cast<double>(limit - 1), summary.count_below(limit));
  return family;
}

/// Those of ZooKeeper's exporters, of the old one and of the new one.
Metrics::Family family_of(const Summarized& shown) {
  if (shown.detail == SummaryDetail::histogram) return histogram_of(shown);
  Metrics::Family family{shown.name, Metrics::Kind::summary, 0, shown.summary.count(), {}};
  family.value = static_cast<double>(shown.summary.sum() / shown.per_unit);
  const bool all = shown.detail == SummaryDetail::percentiles;
  for (const double share : all ? std::vector{0.5, 0.9, 0.95, 0.99} : std::vector{0.5})
    family.quantiles.emplace_back(share, static_cast<double>(shown.percentile(share)));
  return family;
}

// A gauge does not say whether it counts or measures. An average is shown with its fraction even when
// that happens to be zero, so that a reader who parses it as a decimal number finds one.
bool is_integral(std::string_view name, double value) {
  constexpr double kMost = 9.2e18;  // Fits into 64 bits.
  return !name.starts_with("avg_") && std::trunc(value) == value && std::fabs(value) < kMost;
}

class MetricRegistry final : public Metrics {
 public:
  std::unique_ptr<MetricHandle> add(std::string_view name, const Counter& counter) override {
    return metrics_.add({[name = std::string(name), &counter](Samples& out) {
                           append(out, name, counter.value());
                         },
                         [name = std::string(name), &counter] {
                           const auto value = static_cast<double>(counter.value());
                           return Family{name, Kind::counter, value, 0, {}};
                         }});
  }

  std::unique_ptr<MetricHandle> add(std::string_view name, const Summary& summary,
                                    SummaryDetail detail, PerUnit per_unit) override {
    VIVARIUM_ASSERT(detail != SummaryDetail::histogram || per_unit == 1,
                    "a histogram in another unit: " + std::string(name));
    const Summarized shown{std::string(name), summary, detail, per_unit};
    return metrics_.add({[shown](Samples& out) {
                           append_summary(out, shown);
                           if (shown.detail != SummaryDetail::plain) append_percentiles(out, shown);
                         },
                         [shown] { return family_of(shown); }});
  }

  std::unique_ptr<MetricHandle> add(std::string_view name, Gauge gauge) override {
    return metrics_.add({[name = std::string(name), gauge](Samples& out) {
                           const auto value = gauge();
                           out.push_back({name, value, is_integral(name, value)});
                         },
                         [name = std::string(name), gauge] {
                           return Family{name, Kind::gauge, gauge(), 0, {}};
                         }});
  }

  std::vector<Sample> samples() const override {
    Samples all;
    for (const auto& [number, metric] : metrics_.items()) metric.append_samples(all);
    return all;
  }

  std::vector<Family> families() const override {
    std::vector<Family> all;
    for (const auto& [number, metric] : metrics_.items()) all.push_back(metric.family());
    return all;
  }

 private:
  struct Registered {
    std::function<void(Samples&)> append_samples;
    std::function<Family()> family;
  };
  Roster<Registered, MetricHandle> metrics_;
};

}  // namespace

std::unique_ptr<Metrics> make_metrics() { return std::make_unique<MetricRegistry>(); }

}  // namespace vivarium
