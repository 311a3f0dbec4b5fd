#pragma once
// A server's metrics in the text format of Prometheus, version 0.0.4, under the names and of the types that
// ZooKeeper's own exporter gives them.

#include <vivarium/metrics.hpp>

#include <string>
#include <string_view>

namespace vivarium::admin {

inline constexpr std::string_view kPrometheusType = "text/plain; version=0.0.4; charset=utf-8";

std::string to_prometheus(const Metrics& metrics);

}  // namespace vivarium::admin
