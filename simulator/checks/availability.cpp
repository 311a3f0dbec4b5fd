#include "simulator/checks/availability.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace vivarium::simulator {

std::int64_t Outage::whole_seconds() const {
  const auto first = std::chrono::ceil<std::chrono::seconds>(begins);
  const auto last = std::chrono::floor<std::chrono::seconds>(ends);
  return std::max<std::int64_t>((last - first).count(), 0);
}

void Availability::on_asked(MonoTime now) {
  ++outstanding_;
  if (!waiting_since_) waiting_since_ = now;
}

std::optional<Outage> Availability::on_answered(MonoTime now) {
  const auto ended = lasting(now);
  if (ended) outages_.push_back(*ended);
  --outstanding_;
  waiting_since_.reset();
  if (outstanding_ > 0) waiting_since_ = now;
  return ended;
}

std::optional<Outage> Availability::lasting(MonoTime now) const {
  if (!waiting_since_ || now - *waiting_since_ <= in_time_) return std::nullopt;
  return Outage{*waiting_since_, now};
}

void Availability::rest() {
  outstanding_ = 0;
  waiting_since_.reset();
}

MonoTime Availability::without() const {
  MonoTime sum{};
  for (const auto& outage : outages_) sum += outage.length();
  return sum;
}

std::int64_t Availability::seconds_without() const {
  std::int64_t sum = 0;
  for (const auto& outage : outages_) sum += outage.whole_seconds();
  return sum;
}

MonoTime Availability::longest() const {
  MonoTime longest{};
  for (const auto& outage : outages_) longest = std::max(longest, outage.length());
  return longest;
}

std::string clock_text(MonoTime at) {
  const auto ms = std::chrono::duration_cast<Millis>(at).count();
  return fmt::format("{:02}:{:02}:{:02}.{:03}", ms / 3'600'000, ms / 60'000 % 60, ms / 1'000 % 60, ms % 1'000);
}

std::string seconds_text(MonoTime duration) {
  return fmt::format("{:.3f} s", std::chrono::duration<double>(duration).count());
}

}  // namespace vivarium::simulator
