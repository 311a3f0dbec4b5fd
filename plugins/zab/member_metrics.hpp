#pragma once
// What a member of an ensemble counts and times beside its quorum, under ZooKeeper's names and in its
// units. Outlives the offices, which borrow it.

#include <vivarium/metrics.hpp>

#include <memory>
#include <utility>
#include <vector>

namespace vivarium::zab {

class MemberMetrics {
 public:
  explicit MemberMetrics(Metrics& metrics);
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
  Counter diffs, snapshots, revalidations;
  /// Of a learner: from the first word about its history to a state that serves.
  Summary follower_sync_ms, observer_sync_ms;
  Counter proposals_received, commits_received;
  Summary quorum_ack_us;  ///< Of a leader: from a proposal to its acknowledgement by a quorum.

 private:
  Metrics& metrics_;
  std::vector<std::unique_ptr<MetricHandle>> handles_;
};

}  // namespace vivarium::zab
