#include "member_metrics.hpp"

namespace vivarium::zab {
namespace {

/// Recorded in microseconds, and shown in milliseconds.
constexpr PerUnit kMicrosPerMilli = 1000;

struct CounterRow {
  const char* name;
  Counter MemberMetrics::*counter;
};

constexpr CounterRow kCounters[] = {
    {"looking_count", &MemberMetrics::looked},
    {"diff_count", &MemberMetrics::diffs},
    {"snap_count", &MemberMetrics::snapshots},
    {"revalidate_count", &MemberMetrics::revalidations},
    {"learner_proposal_received_count", &MemberMetrics::proposals_received},
    {"learner_commit_received_count", &MemberMetrics::commits_received},
};

struct SummaryRow {
  const char* name;
  Summary MemberMetrics::*summary;
};

constexpr SummaryRow kSummaries[] = {
    {"election_time", &MemberMetrics::election_ms},
    {"unavailable_time", &MemberMetrics::unavailable_ms},
    {"leader_unavailable_time", &MemberMetrics::leader_unavailable_ms},
    {"follower_sync_time", &MemberMetrics::follower_sync_ms},
    {"observer_sync_time", &MemberMetrics::observer_sync_ms},
};

}  // namespace

MemberMetrics::MemberMetrics(Metrics& metrics) : metrics_(metrics) {
  for (const auto& row : kCounters) handles_.push_back(metrics.add(row.name, this->*row.counter));
  for (const auto& row : kSummaries)
    handles_.push_back(metrics.add(row.name, this->*row.summary, SummaryDetail::plain));
  handles_.push_back(metrics.add("quorum_ack_latency", quorum_ack_us, SummaryDetail::percentiles,
                                 kMicrosPerMilli));
}

}  // namespace vivarium::zab
