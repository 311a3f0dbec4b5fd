#pragma once
// Writes snapshots while the server works: piece by piece from a cursor into the store's sink, pausing
// while the sink is full, and after each piece for a while that leaves the core to its requests. One
// at a time.

#include "kernel/core/stats.hpp"

#include <vivarium/log.hpp>
#include <vivarium/log_store.hpp>
#include <vivarium/loop.hpp>
#include <vivarium/state_machine.hpp>

#include <functional>
#include <memory>

namespace vivarium {

class Snapshotter {
 public:
  Snapshotter(Loop& loop, Log& log, LogStore& store, ServerStats& stats)
      : loop_(loop), log_(log), store_(store), stats_(stats) {}

  /// Begins to write what the cursor gives, unless a snapshot is under way. `ended` comes when it has an
  /// outcome; not when it is abandoned.
  void start(std::unique_ptr<SnapshotCursor> cursor, Task ended = {});
  bool running() const { return sink_ != nullptr; }
  /// Abandons the one under way.
  void cancel();
  Zxid last() const { return last_; }

  /// Has the log since the last snapshot grown enough for the next? By entries when `entries` > 0, by
  /// size otherwise: more than that snapshot, and more than 1 GiB.
  static bool due(const LogStore::Sizes& sizes, std::int64_t entries);

 private:
  void pump();
  void commit();

  Loop& loop_;
  Log& log_;
  LogStore& store_;
  ServerStats& stats_;
  std::unique_ptr<SnapshotCursor> cursor_;
  std::unique_ptr<SnapshotSink> sink_;
  std::unique_ptr<Timer> next_turn_;
  Task ended_;
  MonoTime began_{};
  Zxid last_;
};

}  // namespace vivarium
