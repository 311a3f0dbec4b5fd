#include "member_metrics.hpp"

#include <string>

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
    {"revalidate_count", &MemberMetrics::revalidations},
    {"learner_proposal_received_count", &MemberMetrics::proposals_received},
    {"learner_commit_received_count", &MemberMetrics::commits_received},
    {"quit_leading_due_to_disloyal_voter", &MemberMetrics::offices_given_up},
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
  handles_.push_back(metrics.add("diff_count", diffs.begun_));
  handles_.push_back(metrics.add("snap_count", snapshots.begun_));
  handles_.push_back(metrics.add("inflight_diff_count", diffs.at_once_, SummaryDetail::plain));
  handles_.push_back(metrics.add("inflight_snap_count", snapshots.at_once_, SummaryDetail::plain));
}

LearnerMetrics& MemberMetrics::of(ServerId learner) {
  const auto [found, is_new] = learners_.try_emplace(learner);
  auto& its = found->second;
  if (!is_new) return its;
  const auto key = std::to_string(learner.value);
  const auto add = [&](const char* name, Summary& summary, SummaryDetail detail, PerUnit per_unit) {
    its.handles.push_back(metrics_.add({name, key}, summary, detail, per_unit));
  };
  add("learner_handler_qp_size", its.under_way, SummaryDetail::plain, 1);
  add("learner_handler_qp_time_ms", its.ping_us, SummaryDetail::percentiles, kMicrosPerMilli);
  add("ack_latency", its.ack_us, SummaryDetail::percentiles, kMicrosPerMilli);
  return its;
}

}  // namespace vivarium::zab
