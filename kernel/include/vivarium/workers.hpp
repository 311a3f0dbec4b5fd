#pragma once
// Door 3 of 4: work that would burn or block the core thread: compression, name lookup, key stretching,
// Kerberos steps.
//
// A job is pure: it owns its input, leaves its output in what it owns, and has no sight of live state.
// Under simulation it runs at a seeded later time.

#include <functional>

namespace vivarium {

class Workers {
 public:
  virtual ~Workers() = default;
  /// Runs `job` on some worker thread, then posts `done` to the loop. Order between jobs is not kept.
  /// Jobs and completions that are pending when the Workers end are destroyed unrun.
  virtual void submit(std::function<void()> job, std::function<void()> done) = 0;
};

}  // namespace vivarium
