#pragma once
// A server's log as the protocol sees it: what was appended, what of it is durable, what of that is
// applied.
//
// Nothing is applied before it is durable here, nor before it is known to be committed, so that the
// state is always a committed prefix of the log; but for what was in the log when the process started,
// all of which the state holds.

#include "bug.hpp"

#include <vivarium/broadcast.hpp>

#include <deque>
#include <functional>
#include <memory>
#include <span>

namespace vivarium::zab {

class History {
 public:
  History(const BroadcastParts& parts, const PutBack& put_back);

  Zxid last_logged() const { return last_logged_; }
  Zxid last_durable() const { return last_durable_; }
  /// All that was appended is durable, and no change is under way.
  bool at_rest() const { return last_logged_ == last_durable_ && !changing_; }
  bool changing() const { return changing_; }
  /// Called whenever a change has ended, whoever had asked for it and may be gone.
  void on_changed(std::function<void()> callback) { on_changed_ = std::move(callback); }
  Zxid last_applied() const { return state_.last_applied(); }

  /// What the leader is told; zero after distrust().
  Zxid claimed() const {
    if (put_back_.has_bug(Bug::zk4541)) return last_logged_;
    return distrusted_ ? Zxid{} : last_durable_;
  }
  /// The leader cannot cut it where it must: it is asked for all of it, and the old one stays until then.
  void distrust() { distrusted_ = true; }

  /// May `zxid` follow the last one? The next number, or the first one of a higher epoch. The next number is
  /// that of a higher epoch where the counter of a Java server that stood alone has run over.
  bool continues(Zxid zxid) const;
  void append(std::span<const LogEntry> entries);
  void on_durable(Zxid zxid);

  /// Logged and not applied, oldest first.
  const std::deque<LogEntry>& unapplied() const { return unapplied_; }
  /// Applies what is durable, up to `committed`. `applied` hears of the batch before the state does.
  void apply(Zxid committed,
             const std::function<void(std::span<const LogEntry>)>& applied);

  /// Ends the history at `zxid`, in the log and in the state. What is not durable yet goes.
  void truncate(Zxid zxid, Done<void> done);
  /// Only for a bug that is put back.
  void forget_unapplied() { unapplied_.clear(); }
  /// Puts a snapshot in the place of all, in the log and in the state.
  void install(std::shared_ptr<SnapshotSink> sink, std::shared_ptr<SnapshotLoader> loader, Zxid zxid,
               Done<void> done);
  /// A snapshot of this zxid took the place of all.
  void replaced(Zxid zxid);

 private:
  Done<void> end_of_change(Done<void> done);

  const PutBack& put_back_;
  StateMachine& state_;
  LogStore& log_;
  Zxid last_logged_, last_durable_;
  std::deque<LogEntry> unapplied_;
  bool changing_ = false;
  std::function<void()> on_changed_;
  bool distrusted_ = false;
  bool loses_ = false;  ///< A bug that is put back.
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace vivarium::zab
