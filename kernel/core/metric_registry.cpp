#include "kernel/core/java_text.hpp"
#include "kernel/core/metric_catalog.hpp"
#include "kernel/core/roster.hpp"
#include "kernel/core/server.hpp"

#include <vivarium/assert.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

namespace vivarium {
namespace {

using Samples = std::vector<Metrics::Sample>;

/// What a histogram tells apart: of microseconds, from 16 us to 67 s.
constexpr std::int64_t kFirstLimit = 1 << 4, kLastLimit = 1 << 26;

void append(Samples& out, std::string name, std::int64_t value) {
  out.push_back({std::move(name), static_cast<double>(value), true});
}

/// As `mntr` calls it: of a set, with its key.
std::string full_name(const MetricName& name) {
  return name.key.empty() ? name.name : name.key + "_" + name.name;
}

std::string_view help_of(std::string_view name) {
  const auto* const known = find_known_metric(name);
  return known ? known->help : std::string_view();
}

void append_tally(Samples& out, const std::string& name, const Tally& tally, PerUnit per_unit) {
  const auto average = tally.average() / static_cast<double>(per_unit);
  out.push_back({"avg_" + name, four_decimals(average), false});
  append(out, "min_" + name, tally.min() / per_unit);
  append(out, "max_" + name, tally.max() / per_unit);
  append(out, "cnt_" + name, tally.count());
  append(out, "sum_" + name, tally.sum() / per_unit);
}

/// A summary as its owner had it registered.
struct Summarized {
  MetricName name;
  const Summary& summary;
  SummaryDetail detail;
  PerUnit per_unit;

  std::int64_t percentile(double fraction) const {
    return summary.percentile(fraction) / per_unit;
  }
};

void append_summary(Samples& out, const Summarized& shown) {
  const auto name = full_name(shown.name);
  append_tally(out, name, shown.summary, shown.per_unit);
  if (shown.detail == SummaryDetail::plain) return;
  append(out, "p50_" + name, shown.percentile(0.5));
  append(out, "p95_" + name, shown.percentile(0.95));
  append(out, "p99_" + name, shown.percentile(0.99));
  append(out, "p999_" + name, shown.percentile(0.999));
}

Metrics::Family family_of(const MetricName& name, Metrics::Kind kind, double value) {
  Metrics::Family family;
  family.name = name.name;
  family.key = name.key;
  family.kind = kind;
  family.value = value;
  family.help = help_of(name.name);
  return family;
}

/// Ours alone: ZooKeeper has none.
Metrics::Family histogram_of(const Summarized& shown) {
  const auto& summary = shown.summary;
  auto family =
      family_of(shown.name, Metrics::Kind::histogram, static_cast<double>(summary.sum()));
  family.count = summary.count();
  for (std::int64_t limit = kFirstLimit; limit <= kLastLimit; limit *= 2)
    family.buckets.emplace_back(static_cast<double>(limit - 1), summary.count_below(limit));
  return family;
}

/// Those of ZooKeeper's exporters, of the old one and of the new one.
Metrics::Family family_of(const Summarized& shown) {
  if (shown.detail == SummaryDetail::histogram) return histogram_of(shown);
  auto family = family_of(shown.name, Metrics::Kind::summary,
                          static_cast<double>(shown.summary.sum() / shown.per_unit));
  family.count = shown.summary.count();
  const bool all = shown.detail == SummaryDetail::percentiles;
  for (const double share : all ? std::vector{0.5, 0.9, 0.95, 0.99} : std::vector{0.5})
    family.quantiles.emplace_back(share, static_cast<double>(shown.percentile(share)));
  return family;
}

/// A gauge does not say whether it counts or measures. An average, among others, is shown with its fraction
/// even when that happens to be zero, so that a reader who parses it as a decimal number finds one.
bool is_integral(std::string_view name, double value) {
  constexpr double kMost = 9.2e18;  // Fits into 64 bits.
  const auto* const known = find_known_metric(name);
  const bool measures =
      name.starts_with("avg_") || (known && known->shape == KnownMetric::Shape::fraction);
  return !measures && std::trunc(value) == value && std::fabs(value) < kMost;
}

class MetricRegistry final : public Metrics {
 public:
  explicit MetricRegistry(std::span<const KnownMetric> known) : known_(known) {}

  std::unique_ptr<MetricHandle> add(MetricName name, Counter& counter) override {
    return add(counter_of(std::move(name), counter), [&counter] { counter.reset(); });
  }
  std::unique_ptr<MetricHandle> add(MetricName name, Tally& tally, PerUnit per_unit) override {
    return add({name.name,
                [name, &tally, per_unit](Samples& out) {
                  append_tally(out, full_name(name), tally, per_unit);
                },
                [name, &tally, per_unit](Families& out) {
                  out.push_back(family_of(name, Kind::summary,
                                          static_cast<double>(tally.sum() / per_unit)));
                  out.back().count = tally.count();
                },
                {}},
               [&tally] { tally.reset(); });
  }
  std::unique_ptr<MetricHandle> add(MetricName name, Summary& summary, SummaryDetail detail,
                                    PerUnit per_unit) override {
    VIVARIUM_ASSERT(detail != SummaryDetail::histogram || per_unit == 1,
                    "a histogram in another unit: " + name.name);
    return add(summary_of({std::move(name), summary, detail, per_unit}),
               [&summary] { summary.reset(); });
  }
  std::unique_ptr<MetricHandle> add(MetricName name, Gauge gauge) override {
    return add(gauge_of(std::move(name), std::move(gauge)), [] {});
  }
  std::unique_ptr<MetricHandle> add_set(std::string_view name, GaugeSet set) override {
    return add({std::string(name),
                [name = std::string(name), set](Samples& out) {
                  for (auto& [key, value] : set())
                    out.push_back({full_name({name, key}), value, is_integral(name, value)});
                },
                [name = std::string(name), set](Families& out) {
                  for (auto& [key, value] : set())
                    out.push_back(family_of({name, key}, Kind::gauge, value));
                },
                {}},
               [] {});
  }

  std::vector<Sample> samples() const override {
    Samples all;
    for (const auto& [number, metric] : metrics_.items()) metric.append_samples(all);
    for (const auto& metric : missing()) metric.append_samples(all);
    return all;
  }

  std::vector<Family> families() const override {
    Families all;
    for (const auto& [number, metric] : metrics_.items()) metric.append_families(all);
    for (const auto& metric : missing()) metric.append_families(all);
    return brought_together(std::move(all));
  }

  std::optional<double> value(std::string_view name) const override {
    for (const auto& [number, metric] : metrics_.items()) {
      if (metric.name != name) continue;
      Samples samples;
      metric.append_samples(samples);
      if (samples.size() == 1) return samples.front().value;
    }
    return std::nullopt;
  }

  void reset() override {
    for (const auto& [number, metric] : metrics_.items()) metric.reset();
  }

 private:
  using Families = std::vector<Family>;
  struct Registered {
    std::string name;
    std::function<void(Samples&)> append_samples;
    std::function<void(Families&)> append_families;
    std::function<void()> reset;
  };

  std::unique_ptr<MetricHandle> add(Registered metric, std::function<void()> reset) {
    metric.reset = std::move(reset);
    return metrics_.add(std::move(metric));
  }

  static Registered counter_of(MetricName name, const Counter& counter) {
    return {name.name,
            [name, &counter](Samples& out) { append(out, full_name(name), counter.value()); },
            [name, &counter](Families& out) {
              out.push_back(
                  family_of(name, Kind::counter, static_cast<double>(counter.value())));
            },
            {}};
  }
  static Registered summary_of(const Summarized& shown) {
    return {shown.name.name, [shown](Samples& out) { append_summary(out, shown); },
            [shown](Families& out) { out.push_back(family_of(shown)); },
            {}};
  }
  static Registered gauge_of(MetricName name, Gauge gauge) {
    return {name.name,
            [name, gauge](Samples& out) {
              const auto value = gauge();
              out.push_back({full_name(name), value, is_integral(name.name, value)});
            },
            [name, gauge](Families& out) {
              out.push_back(family_of(name, Kind::gauge, gauge()));
            },
            {}};
  }

  /// What is known to be shown always, and has not been registered.
  std::vector<Registered> missing() const {
    std::set<std::string_view> registered;
    for (const auto& [number, metric] : metrics_.items()) registered.insert(metric.name);
    std::vector<Registered> all;
    for (const auto& known : known_)
      if (known.shown == KnownMetric::Shown::always && !registered.contains(known.name))
        all.push_back(empty_one(known));
    return all;
  }

  Registered empty_one(const KnownMetric& known) const {
    switch (known.shape) {
      case KnownMetric::Shape::counter: return counter_of(known.name, nothing_counted_);
      case KnownMetric::Shape::summary:
        return summary_of({known.name, nothing_recorded_, SummaryDetail::plain, 1});
      case KnownMetric::Shape::percentiles:
        return summary_of({known.name, nothing_recorded_, SummaryDetail::percentiles, 1});
      default: return gauge_of(known.name, [] { return 0.0; });
    }
  }

  /// Sets whose members were registered with others between them.
  static Families brought_together(Families all) {
    std::map<std::string, std::size_t, std::less<>> first;
    for (std::size_t i = 0; i < all.size(); ++i) first.try_emplace(all[i].name, i);
    std::stable_sort(all.begin(), all.end(), [&](const Family& a, const Family& b) {
      return first.find(a.name)->second < first.find(b.name)->second;
    });
    return all;
  }

  std::span<const KnownMetric> known_;
  const Counter nothing_counted_;
  const Summary nothing_recorded_;
  Roster<Registered, MetricHandle> metrics_;
};

}  // namespace

std::unique_ptr<Metrics> make_metrics() { return make_metrics(known_metrics()); }

std::unique_ptr<Metrics> make_metrics(std::span<const KnownMetric> known) {
  return std::make_unique<MetricRegistry>(known);
}

}  // namespace vivarium
