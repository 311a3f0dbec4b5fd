#pragma once
// When a service was asked for in vain.
//
// A time without answers begins when somebody waits for one: at the last answer, or when it is asked for the
// first time after it. It ends with the next answer, to whomever. What is shorter than `in_time` is the time
// that an answer may take; anything longer is an outage, all of it.

#include <vivarium/loop.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace vivarium::simulator {

struct Outage {
  MonoTime begins{}, ends{};
  MonoTime length() const { return ends - begins; }
  /// Calendar seconds, from the beginning of the run, in which there was no answer at all.
  std::int64_t whole_seconds() const;
  bool operator==(const Outage&) const = default;
};

class Availability {
 public:
  explicit Availability(MonoTime in_time) : in_time_(in_time) {}

  void on_asked(MonoTime now);
  /// The outage that ends with this answer, if there was one.
  std::optional<Outage> on_answered(MonoTime now);
  /// That one will not be answered any more.
  void on_failed() { --outstanding_; }
  /// The outage that lasts, if there is one.
  std::optional<Outage> lasting(MonoTime now) const;
  /// Nobody waits any more: for what has ended by itself.
  void rest();

  const std::vector<Outage>& outages() const { return outages_; }
  MonoTime without() const;  ///< All outages added up.
  std::int64_t seconds_without() const;
  MonoTime longest() const;

 private:
  const MonoTime in_time_;
  std::size_t outstanding_ = 0;
  std::optional<MonoTime> waiting_since_;
  std::vector<Outage> outages_;
};

/// "01:02:03.456"
std::string clock_text(MonoTime at);
/// "12.345 s"
std::string seconds_text(MonoTime duration);

}  // namespace vivarium::simulator
