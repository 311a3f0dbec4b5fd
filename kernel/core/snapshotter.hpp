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

/// When the log since the last snapshot has grown enough for the next. With neither limit: when it
/// is larger than that snapshot, and than 1 GiB.
struct SnapshotRule {
  std::int64_t entries = 0;    ///< snapCount; 0: none.
  std::int64_t log_bytes = 0;  ///< snapSizeLimitInKb; 0: none.
};

class Snapshotter {
 public:
  /// `again` is called some time after a snapshot has failed.
  Snapshotter(Loop& loop, Log& log, LogStore& store, ServerStats& stats, SnapshotRule rule,
              std::function<void()> again);

  /// Begins to write what the cursor gives, unless a snapshot is under way. `ended` comes when it has an
  /// outcome; not when it is abandoned.
  void start(std::unique_ptr<SnapshotCursor> cursor, Task ended = {});
  bool running() const { return sink_ != nullptr; }
  /// Abandons the one under way.
  void cancel();
  /// Nothing is begun any more.
  void stop();
  Zxid last() const { return last_; }

  /// Is it time for one? Servers of an ensemble log the same, and shall not all write at once: so
  /// each limit counts for a half to the whole of it, by chance, as in ZooKeeper.
  bool due(const LogStore::Sizes& sizes) const;

 private:
  void pump();
  void commit();
  void failed(const std::string& what);
  void draw();
  std::uint64_t half_to_whole(std::int64_t limit);

  Loop& loop_;
  Log& log_;
  LogStore& store_;
  ServerStats& stats_;
  SnapshotRule rule_;
  std::uint64_t entries_wanted_ = 0, bytes_wanted_ = 0;
  std::function<void()> again_;
  std::unique_ptr<Timer> retry_;
  bool waiting_ = false;  ///< For a failed one to be tried again.
  std::unique_ptr<SnapshotCursor> cursor_;
  std::unique_ptr<SnapshotSink> sink_;
  std::unique_ptr<Timer> next_turn_;
  Task ended_;
  MonoTime began_{};
  Zxid last_;
};

}  // namespace vivarium
