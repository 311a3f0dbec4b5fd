#include "prometheus.hpp"

#include <charconv>
#include <cmath>
#include <limits>
#include <set>
#include <utility>

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

/// Within the quotes of a label.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '\\' || c == '"') out += '\\';
    out += c;
  }
  return out;
}

/// One metric's lines.
class Lines {
 public:
  Lines(std::string& out, std::string name, const Metrics::Family& family)
      : out_(out), name_(std::move(name)), family_(family) {}

  void append() const {
    switch (family_.kind) {
      case Metrics::Kind::summary: return append_summary();
      case Metrics::Kind::histogram: return append_histogram();
      default: return append("", "", family_.value);
    }
  }

 private:
  /// A summary that saw nothing has no quantiles, and says so.
  void append_summary() const {
    for (const auto& [share, value] : family_.quantiles)
      append("", "quantile=\"" + number(share) + "\"", family_.count > 0 ? value : kNaN);
    append_totals();
  }
  void append_histogram() const {
    for (const auto& [most, count] : family_.buckets)
      append("_bucket", "le=\"" + number(most) + "\"", static_cast<double>(count));
    append("_bucket", "le=\"+Inf\"", static_cast<double>(family_.count));
    append_totals();
  }
  void append_totals() const {
    append("_count", "", static_cast<double>(family_.count));
    append("_sum", "", family_.value);
  }
  void append(std::string_view ending, std::string label, double value) const {
    if (!family_.key.empty())
      label = "key=\"" + escaped(family_.key) + "\"" + (label.empty() ? "" : ",") + label;
    out_.append(name_).append(ending);
    if (!label.empty()) out_.append("{").append(label).append("}");
    out_.append(" ").append(number(value)).append("\n");
  }

  std::string& out_;
  std::string name_;
  const Metrics::Family& family_;
};

}  // namespace

std::string to_prometheus(const Metrics& metrics) {
  std::string out, last;
  std::set<std::string> told;
  std::set<std::pair<std::string, std::string>> told_keys;
  for (const auto& family : metrics.families()) {
    const auto name = legal_name(family.name);
    // A scraper would refuse all for what comes twice, or not in one piece.
    if (name != last && told.contains(name)) continue;
    if (!told_keys.emplace(name, family.key).second) continue;
    if (told.insert(name).second) {
      if (!family.help.empty())
        out.append("# HELP ").append(name).append(" ").append(family.help).append("\n");
      out.append("# TYPE ").append(name).append(" ").append(type_of(family.kind)).append("\n");
    }
    last = name;
    Lines(out, name, family).append();
  }
  return out;
}

}  // namespace vivarium::admin
