#include "simulator/trace.hpp"

#include <fmt/format.h>

namespace vivarium::simulator {

void Trace::add(std::string_view who, std::string_view what) {
  if (!on()) return;
  const auto us = std::chrono::duration_cast<Micros>(loop_.now()).count();
  lines_.push_back(fmt::format("{:>6}.{:03} ms  {:<9} {}", us / 1000, us % 1000, who, what));
  if (lines_.size() > lines_kept_) lines_.pop_front();
}

}  // namespace vivarium::simulator
