#pragma once
// The two epochs a server has promised: accepted (it follows no leader of a lower one) and current (its
// history is that of this one's leader, or longer).

#include <vivarium/log_store.hpp>

#include <algorithm>
#include <memory>

namespace vivarium::zab {

class Promises {
 public:
  Promises(LogStore& log, const OpenedLog& opened);

  Epoch accepted() const { return accepted_; }
  /// The highest one that it has accepted, or is about to: an office may end before its epoch is durable.
  Epoch accepting() const { return accepting_; }
  Epoch current() const { return current_; }
  /// It was part of an established epoch once, or of an ensemble that was known to be all new.
  bool ever_kept() const { return ever_kept_; }

  /// Durable when `done` says so, and not counted before.
  void accept(Epoch epoch, Done<void> done);
  void enter(Epoch epoch, Done<void> done);

 private:
  void keep(EpochKind kind, Epoch epoch, Epoch& kept_in, Done<void> done);

  LogStore& log_;
  Epoch accepted_, accepting_, current_;
  bool ever_kept_;
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace vivarium::zab
