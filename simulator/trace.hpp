#pragma once
// The last things that happened in a run, for whoever reads a failure. Off unless asked for: a run that
// fails is run again with it, and is the same.

#include "kernel/simulation/simulated_loop.hpp"

#include <vivarium/log.hpp>

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <utility>

namespace vivarium::simulator {

enum class Tracing : std::uint8_t { off, on };

class Trace {
 public:
  Trace(const SimulatedLoop& loop, Tracing tracing, std::size_t lines_kept)
      : loop_(loop), tracing_(tracing), lines_kept_(lines_kept) {}

  MonoTime now() const { return loop_.now(); }
  bool on() const { return tracing_ == Tracing::on; }
  void add(std::string_view who, std::string_view what);
  const std::deque<std::string>& lines() const { return lines_; }

 private:
  const SimulatedLoop& loop_;
  Tracing tracing_;
  std::size_t lines_kept_;
  std::deque<std::string> lines_;
};

/// What a server logs, in the trace.
class TraceLog final : public Log {
 public:
  TraceLog(Trace& trace, std::string who) : trace_(trace), who_(std::move(who)) {}
  bool enabled(LogLevel) const override { return trace_.on(); }
  void write(LogLevel, std::string_view line) override { trace_.add(who_, line); }

 private:
  Trace& trace_;
  std::string who_;
};

}  // namespace vivarium::simulator
