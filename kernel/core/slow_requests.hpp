#pragma once
// Requests that took longer than a threshold: a line to the operator that says where their time went, and
// the last of them for those who ask.
//
// There are no more than a few lines in a while; how many were left out is told at its end.

#include "kernel/core/request_times.hpp"

#include <vivarium/ids.hpp>
#include <vivarium/log.hpp>
#include <vivarium/loop.hpp>
#include <vivarium/opcodes.hpp>

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace vivarium {

/// The sync that a write waited for longest, in `sync`: its own, or the one before that.
struct AwaitedSync {
  Zxid first, last;
  std::uint64_t entries = 0, bytes = 0;
  std::int64_t took_us = 0;
  std::int64_t waited_us = 0;  ///< How much of that the request waited for it.
  std::string file;
};

struct SlowRequest {
  RequestKind kind = RequestKind::read;
  Op op = Op::error;
  std::int32_t xid = 0;
  Zxid zxid;  ///< Of a write, as it was applied; of others, what the server had applied by then.
  std::string path = {};  ///< Empty: not known, or none. Not longer than kPathBytesMax.
  bool path_cut = false;
  SessionId session = {};
  std::string client = {};    ///< host:port
  std::int64_t wall_ms = 0;   ///< When it was answered.
  std::int64_t total_us = 0;
  RequestTimes times = {};
  std::optional<AwaitedSync> sync = {};
};

class SlowRequests {
 public:
  static constexpr std::size_t kKept = 100;
  static constexpr std::size_t kPathBytesMax = 512;
  static constexpr std::int64_t kLinesMax = 10;  ///< In each
  static constexpr Millis kWindow{10'000};       ///< of these.

  /// 0: no request is slow.
  SlowRequests(Loop& loop, Log& log, Millis threshold);

  /// Is a request slow that has taken so long?
  bool are_slow(MonoTime took) const { return took >= threshold_; }
  Millis threshold() const { return given_; }
  void note(SlowRequest request);

  /// Oldest first.
  const std::deque<SlowRequest>& kept() const { return kept_; }

 private:
  void end_window();

  Log& log_;
  const Millis given_;
  const MonoTime threshold_;
  std::unique_ptr<Timer> window_;
  std::int64_t in_window_ = 0;
  std::deque<SlowRequest> kept_;
};

/// As `vivarium log` calls it: "setData".
std::string_view name_of(Op op);
/// The line, for tests.
std::string line_of(const SlowRequest& request);

}  // namespace vivarium
