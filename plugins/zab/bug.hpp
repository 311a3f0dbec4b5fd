#pragma once
// Bugs that ZooKeeper had, or has, and that this protocol is written to avoid. Each can be put back, one at
// a time, so that the simulator is shown to see it: in the libraries that are built with VIVARIUM_BUGS for
// that, by the option `bug`. In all others has_bug() is false when it is compiled, and nothing is left.

#include <cstdint>
#include <string_view>

namespace vivarium::zab {

enum class Bug : std::uint8_t {
  none,
  zk261,   ///< A wiped server votes.
  zk335,   ///< An epoch is accepted without being kept.
  zk790,   ///< A leader applies its history before a quorum has it.
  zk962,   ///< What is committed while a learner is brought up to date does not reach it.
  zk1154,  ///< A learner's transactions that nobody else has stay.
  zk1282,  ///< currentEpoch is written at UPTODATE.
  zk1489,  ///< What is logged after a truncation is lost.
  zk1675,  ///< A sync is answered by a leader that may be deposed.
  zk2845,  ///< What is logged and not committed is forgotten in memory when an office ends.
  zk2846,  ///< A DIFF crosses a hole in the leader's log.
  zk3023,  ///< A learner serves before it has applied what it was brought.
  zk3104,  ///< NEWLEADER comes before what belongs to the snapshot.
  zk3642,  ///< A snapshot from the leader is kept in memory only.
  zk3911,  ///< What DIFF brings is logged after UPTODATE.
  zk4352,  ///< An empty learner is sent a DIFF of a history that does not begin at the first transaction.
  zk4541,  ///< A server votes with what it has not on its disk yet.
  zk4643,  ///< currentEpoch is kept before the history.
  zk4646,  ///< NEWLEADER is acknowledged before the history is on the disk.
  zk4685,  ///< A proposal that is acknowledged before NEWLEADER ends the connection.
  zk4785,  ///< What DIFF brings is logged at NEWLEADER, and not waited for.
  zk4882,  ///< A commit is applied that is not on the disk here.
};

/// "zk4643" to the bug; none for anything else.
constexpr Bug bug_named(std::string_view name) {
  struct Name {
    std::string_view text;
    Bug bug;
  };
  constexpr Name kNames[] = {
      {"zk261", Bug::zk261},   {"zk335", Bug::zk335},   {"zk790", Bug::zk790},
      {"zk962", Bug::zk962},   {"zk1154", Bug::zk1154}, {"zk1282", Bug::zk1282},
      {"zk1489", Bug::zk1489}, {"zk2846", Bug::zk2846},
      {"zk1675", Bug::zk1675}, {"zk2845", Bug::zk2845},
      {"zk3023", Bug::zk3023}, {"zk3104", Bug::zk3104}, {"zk3642", Bug::zk3642},
      {"zk3911", Bug::zk3911}, {"zk4352", Bug::zk4352}, {"zk4541", Bug::zk4541},
      {"zk4643", Bug::zk4643}, {"zk4646", Bug::zk4646}, {"zk4685", Bug::zk4685},
      {"zk4785", Bug::zk4785}, {"zk4882", Bug::zk4882},
  };
  for (const auto& [text, bug] : kNames)
    if (text == name) return bug;
  return Bug::none;
}

/// The bug that was put back, if any.
#ifdef VIVARIUM_BUGS
class PutBack {
 public:
  explicit PutBack(Bug bug = Bug::none) : bug_(bug) {}
  bool has_bug(Bug bug) const { return bug == bug_; }

 private:
  Bug bug_;
};
#else
class PutBack {
 public:
  constexpr explicit PutBack(Bug = Bug::none) {}
  constexpr bool has_bug(Bug) const { return false; }
};
#endif

}  // namespace vivarium::zab
