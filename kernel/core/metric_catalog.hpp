#pragma once
// What metrics mean: those of ZooKeeper 3.8 (section H.2), and the kernel's own. ZooKeeper's are shown by every
// server, also where nothing of the kind can happen, since their readers look for them.

#include <vivarium/metrics.hpp>

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace vivarium {

struct KnownMetric {
  enum class Shape : std::uint8_t {
    counter, gauge,
    fraction,     ///< A gauge that is shown with its fraction.
    summary, percentiles, histogram,
    set,          ///< Of any shape: there when it has keys.
  };
  enum class Shown : std::uint8_t { always, when_registered };

  std::string_view name;
  Shape shape;
  Shown shown;
  std::string_view help;
};

/// Sorted by name.
std::span<const KnownMetric> known_metrics();
/// nullptr: nothing is known of it.
const KnownMetric* find_known_metric(std::string_view name);

/// The metrics of one server, which shows those of `known` as well; make_metrics() knows all of them.
std::unique_ptr<Metrics> make_metrics(std::span<const KnownMetric> known);

}  // namespace vivarium
