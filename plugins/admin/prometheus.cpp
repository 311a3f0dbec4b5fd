#include "prometheus.hpp"

#include <charconv>
#include <cmath>
#include <limits>
#include <set>

namespace vivarium::admin {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Inf" : "+Inf";
  char text[512];
  return {text, std::to_chars(text, text + sizeof text, value, std::chars_format::fixed).ptr};
}

/// A plugin may call its metric what it likes.
std::string legal_name(std::string name) {
  for (char& c : name) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':';
    const bool digit = c >= '0' && c <= '9';
    if (!letter && !digit) c = '_';
  }
  const bool begins_well = !name.empty() && !(name[0] >= '0' && name[0] <= '9');
  return begins_well ? name : "_" + name;
}

std::string_view type_of(Metrics::Kind kind) {
  switch (kind) {
    case Metrics::Kind::counter: return "counter";
    case Metrics::Kind::gauge: return "gauge";
    case Metrics::Kind::summary: return "summary";
    case Metrics::Kind::histogram: return "histogram";
  }
  return "untyped";
}

void append(std::string& out, std::string_view sample, double value) {
  out.append(sample).append(" ").append(number(value)).append("\n");
}

/// A summary that saw nothing has no quantiles, and says so.
void append_summary(std::string& out, const std::string& name, const Metrics::Family& family) {
  for (const auto& [share, value] : family.quantiles)
    append(out, name + "{quantile=\"" + number(share) + "\"}", family.count > 0 ? value : kNaN);
  append(out, name + "_count", static_cast<double>(family.count));
  append(out, name + "_sum", family.value);
}

void append_histogram(std::string& out, const std::string& name, const Metrics::Family& family) {
  for (const auto& [most, count] : family.buckets)
    append(out, name + "_bucket{le=\"" + number(most) + "\"}", static_cast<double>(count));
  append(out, name + "_bucket{le=\"+Inf\"}", static_cast<double>(family.count));
  append(out, name + "_count", static_cast<double>(family.count));
  append(out, name + "_sum", family.value);
}

}  // namespace

std::string to_prometheus(const Metrics& metrics) {
  std::string out;
  std::set<std::string> told;
  for (const auto& family : metrics.families()) {
    const auto name = legal_name(family.name);
    if (!told.insert(name).second) continue;  // A scraper would refuse all for a name that comes twice.
    out.append("# TYPE ").append(name).append(" ").append(type_of(family.kind)).append("\n");
    if (family.kind == Metrics::Kind::summary)
      append_summary(out, name, family);
    else if (family.kind == Metrics::Kind::histogram)
      append_histogram(out, name, family);
    else
      append(out, name, family.value);
  }
  return out;
}

}  // namespace vivarium::admin
