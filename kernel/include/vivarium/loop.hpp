#pragma once
// Door 1 of 4: time, events and chance.
//
// The core thread runs one Loop. Everything that decides anything runs on it, and learns the time,
// random numbers and readiness of descriptors from it only, so that the same code runs under the
// simulated Loop as a pure function of the seed.
//
// Threads: every method is called on the core thread, except post(), which any thread may call.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

namespace vivarium {

using Millis = std::chrono::milliseconds;
using Micros = std::chrono::microseconds;

/// Time since an unspecified start. Never goes back, whatever happens to the wall clock.
using MonoTime = std::chrono::nanoseconds;

using Task = std::function<void()>;

/// A timer that fires once each time it is armed. Destroying it cancels it.
class Timer {
 public:
  virtual ~Timer() = default;
  /// Calls the task `after` from now, instead of at any earlier armed time.
  virtual void arm(Micros after) = 0;
  virtual void cancel() = 0;
};

/// Interest in a descriptor. Destroying it ends the interest and leaves the descriptor open. It may be
/// destroyed inside its own callback.
class DescriptorWatch {
 public:
  virtual ~DescriptorWatch() = default;
  /// The callback is called, again and again, while a wanted condition holds.
  virtual void want(bool readable, bool writable) = 0;
};

/// What a descriptor became ready for. An error or hang-up reports both.
struct Readiness {
  bool readable = false;
  bool writable = false;
};

class Loop {
 public:
  virtual ~Loop() = default;

  virtual MonoTime now() const = 0;
  /// Milliseconds since 1970-01-01 UTC. May jump in either direction: for ctime, mtime and people only.
  virtual std::int64_t wall_ms() const = 0;

  /// 64 random bits. The real Loop seeds its generator from the system, the simulated one from the run.
  virtual std::uint64_t random() = 0;
  /// Fills `bytes` from the system's cryptographic source (under simulation: from the seed).
  virtual void random_bytes(void* bytes, std::size_t size) = 0;

  virtual std::unique_ptr<Timer> timer(Task task) = 0;

  /// Runs the task on the core thread, after what is already queued there. Any thread. Tasks that are
  /// still queued when the loop ends are destroyed without being run.
  virtual void post(Task task) = 0;

  /// Watches an open non-blocking descriptor. Unavailable under simulation (asserts).
  virtual std::unique_ptr<DescriptorWatch> watch(int descriptor,
                                                 std::function<void(Readiness)> callback) = 0;

  /// True on the core thread: for asserts.
  virtual bool on_core_thread() const = 0;
};

}  // namespace vivarium
