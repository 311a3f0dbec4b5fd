#include "kernel/core/java_text.hpp"
#include "kernel/core/roster.hpp"
#include "kernel/core/server.hpp"

#include <cmath>

namespace vivarium {
namespace {

using Samples = std::vector<Metrics::Sample>;

void append(Samples& out, std::string name, std::int64_t value) {
  out.push_back({std::move(name), static_cast<double>(value), true});
}

void append_summary(Samples& out, const std::string& name, const Summary& summary) {
  out.push_back({"avg_" + name, four_decimals(summary.average()), false});
  append(out, "min_" + name, summary.min());
  append(out, "max_" + name, summary.max());
  append(out, "cnt_" + name, summary.count());
  append(out, "sum_" + name, summary.sum());
}

void append_percentiles(Samples& out, const std::string& name, const Summary& summary) {
  append(out, "p50_" + name, summary.percentile(0.5));
  append(out, "p95_" + name, summary.percentile(0.95));
  append(out, "p99_" + name, summary.percentile(0.99));
  append(out, "p999_" + name, summary.percentile(0.999));
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
    return metrics_.add([name = std::string(name), &counter](Samples& out) {
      append(out, name, counter.value());
    });
  }

  std::unique_ptr<MetricHandle> add(std::string_view name, const Summary& summary,
                                    SummaryDetail detail) override {
    return metrics_.add([name = std::string(name), &summary, detail](Samples& out) {
      append_summary(out, name, summary);
      if (detail == SummaryDetail::percentiles) append_percentiles(out, name, summary);
    });
  }

  std::unique_ptr<MetricHandle> add(std::string_view name, Gauge gauge) override {
    return metrics_.add([name = std::string(name), gauge = std::move(gauge)](Samples& out) {
      const auto value = gauge();
      out.push_back({name, value, is_integral(name, value)});
    });
  }

  std::vector<Sample> samples() const override {
    Samples all;
    for (const auto& [number, append_samples] : metrics_.items()) append_samples(all);
    return all;
  }

 private:
  Roster<std::function<void(Samples&)>, MetricHandle> metrics_;
};

}  // namespace

std::unique_ptr<Metrics> make_metrics() { return std::make_unique<MetricRegistry>(); }

}  // namespace vivarium
