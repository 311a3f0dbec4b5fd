#pragma once
// What a member of an ensemble counts and times beside its quorum, under ZooKeeper's names and in its
// units. Outlives the offices, which borrow it.

#include <vivarium/ids.hpp>
#include <vivarium/metrics.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

namespace vivarium::zab {

/// Learners that are brought up to date in one way.
class Syncs {
 public:
  void begin() {
    begun_.add();
    at_once_.record(++under_way_);
  }
  void end() { at_once_.record(--under_way_); }

 private:
  friend class MemberMetrics;
  Counter begun_;
  Summary at_once_;  ///< Whenever one begins or ends.
  std::int64_t under_way_ = 0;
};

/// What a leader sees of one learner.
struct LearnerMetrics {
  Summary under_way;  ///< Transactions proposed and not acknowledged, when more are proposed.
  Summary ping_us;    ///< A ping's way there and back, through all that waits before it.
  Summary ack_us;     ///< From a proposal to its acknowledgement.
  std::vector<std::unique_ptr<MetricHandle>> handles;
};

class MemberMetrics {
 public:
  explicit MemberMetrics(Metrics& metrics);
  LearnerMetrics& of(ServerId learner);
  /// What one office alone knows.
  std::unique_ptr<MetricHandle> add(const char* name, Metrics::Gauge gauge) {
    return metrics_.add(name, std::move(gauge));
  }

  /// Looked for a leader, and found one so long afterwards.
  Counter looked;
  Summary election_ms;
  /// From when no leader was established here to when one was; and of that, when it was this server.
  Summary unavailable_ms, leader_unavailable_ms;
  /// Of a leader: how learners were brought up to date (a TRUNC goes with a DIFF), and how many sessions
  /// they asked about.
  Syncs diffs, snapshots;
  Counter revalidations;
  Counter offices_given_up;  ///< Before they served, since voters had gone.
  /// Of a learner: from the first word about its history to a state that serves.
  Summary follower_sync_ms, observer_sync_ms;
  Counter proposals_received, commits_received;
  Summary quorum_ack_us;  ///< Of a leader: from a proposal to its acknowledgement by a quorum.

 private:
  Metrics& metrics_;
  std::map<ServerId, LearnerMetrics> learners_;
  std::vector<std::unique_ptr<MetricHandle>> handles_;
};

}  // namespace vivarium::zab
