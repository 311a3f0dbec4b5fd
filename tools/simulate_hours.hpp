#pragma once
// `vivarium simulate --hours N`: how available an ensemble was, and what forced every outage.

#include "simulator/hours.hpp"

namespace vivarium::tools {

/// The status of the program.
int simulate_hours(simulator::HoursSpec spec, const PluginCatalogue& catalogue);

}  // namespace vivarium::tools
