#pragma once
// When transactions were given to the log, and when they became durable by which sync: what the stages of a
// request are told by, and ZooKeeper's metrics of what leads up to the log and of its SyncRequestProcessor.
//
// It knows what is in the log and not applied, the transaction that is being applied, and the last syncs.

#include "kernel/core/slow_requests.hpp"
#include "kernel/core/stats.hpp"

#include <vivarium/broadcast.hpp>
#include <vivarium/log_store.hpp>
#include <vivarium/loop.hpp>

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

namespace vivarium {

/// Gets its transactions from a leader.
constexpr bool learns(ServingRole role) {
  return role == ServingRole::follower || role == ServingRole::observer;
}

class LogTimeline {
 public:
  LogTimeline(Loop& loop, ServerStats& stats) : loop_(loop), stats_(stats) {}

  void set_role(ServingRole role);
  /// Transactions are being made, which are appended next.
  bool preparing() const { return preparing_since_.has_value(); }
  void on_prepare(MonoTime now) { preparing_since_ = now; }
  void on_append(std::span<const LogEntry> entries, MonoTime now);
  /// What lies above is no part of the history any more.
  void on_truncate(Zxid last);
  void on_sync(const LogSync& sync);
  void on_durable(Zxid zxid, MonoTime now);
  /// It is applied next: those before it are not asked about again.
  void on_applying(Zxid zxid) {
    pass(appends_, zxid);
    pass(durables_, zxid);
  }

  /// Nothing where it is not known: of what was in the log when the server started, say.
  std::optional<MonoTime> appended(Zxid zxid) const { return time_of(appends_, zxid); }
  std::optional<MonoTime> durable(Zxid zxid) const { return time_of(durables_, zxid); }

  /// Of the syncs that ran between two moments, the one that took most of that time; nothing: none that
  /// is still known.
  std::optional<AwaitedSync> awaited(MonoTime from, MonoTime to) const;

 private:
  /// Up to `last`, from where the one before it ends.
  struct Mark {
    Zxid last;
    MonoTime at;
    std::int64_t entries = 0;
    std::int64_t made_ms = 0;  ///< The last of them, by the leader's clock.
  };
  using Marks = std::deque<Mark>;
  struct Known {
    LogSync sync;
    std::string file;
  };
  static constexpr std::size_t kSyncsKept = 64;

  /// What is asked about is being applied, mostly, and in the first one.
  static std::optional<MonoTime> time_of(const Marks& marks, Zxid zxid) {
    if (marks.empty() || marks.front().last < zxid) return time_of_later(marks, zxid);
    return marks.front().at;
  }
  static std::optional<MonoTime> time_of_later(const Marks& marks, Zxid zxid);
  static void pass(Marks& marks, Zxid zxid) {
    while (!marks.empty() && marks.front().last < zxid) marks.pop_front();
  }
  static void cut(Marks& marks, Zxid first);
  void cut_all(Zxid first);

  Loop& loop_;
  ServerStats& stats_;
  Marks appends_, durables_;
  Marks written_;  ///< Of appends: those that are not durable,
  std::int64_t not_durable_ = 0;  ///< which have so many entries.
  ServingRole role_ = ServingRole::none;
  std::optional<MonoTime> preparing_since_;
  std::optional<MonoTime> begun_;  ///< The sync that the next on_durable is about.
  std::vector<Known> syncs_;       ///< A ring.
  std::size_t next_sync_ = 0;
};

}  // namespace vivarium
