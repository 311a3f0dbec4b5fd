#include "kernel/core/inspection.hpp"
#include "kernel/core/java_text.hpp"
#include "kernel/core/namespaces.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <string>

namespace vivarium {
namespace {

struct GaugeRow {
  const char* name;
  double (*read)(const Inspection& server);
};

template <class Integer>
double as_double(Integer n) {
  return static_cast<double>(n);
}

constexpr GaugeRow kGauges[] = {
    {"avg_latency",
     [](const Inspection& s) { return four_decimals(s.stats.latency.average_ms()); }},
    {"max_latency", [](const Inspection& s) { return as_double(s.stats.latency.max_ms()); }},
    {"min_latency", [](const Inspection& s) { return as_double(s.stats.latency.min_ms()); }},
    {"packets_received", [](const Inspection& s) { return as_double(s.stats.packets_received); }},
    {"packets_sent", [](const Inspection& s) { return as_double(s.stats.packets_sent); }},
    {"num_alive_connections", [](const Inspection& s) { return as_double(s.clients.size()); }},
    {"outstanding_requests", [](const Inspection& s) { return as_double(s.clients.outstanding().requests); }},
    {"uptime", [](const Inspection& s) { return as_double(s.uptime_ms()); }},
    {"znode_count", [](const Inspection& s) { return as_double(s.znode_count()); }},
    {"watch_count", [](const Inspection& s) { return as_double(s.watches.count()); }},
    {"ephemerals_count",
     [](const Inspection& s) { return as_double(s.database().ephemeral_count()); }},
    {"approximate_data_size",
     [](const Inspection& s) { return as_double(s.database().tree().data_bytes()); }},
    {"global_sessions",
     [](const Inspection& s) { return as_double(s.database().sessions().size()); }},
    {"outstanding_tls_handshake", [](const Inspection& s) { return as_double(s.handshakes()); }},
    {"auth_failed_count", [](const Inspection& s) { return as_double(s.stats.auth_failed.value()); }},
    {"writes_refused",  // Ours: 1 while the log's disk has too little room.
     [](const Inspection& s) { return s.clients.log_room() == LogRoom::ample ? 0.0 : 1.0; }},
    {"growth_refused",  // Ours: 1 while more memory is in use than the ceiling allows.
     [](const Inspection& s) { return s.clients.parts().memory.reached() ? 1.0 : 0.0; }},
    {"memory_in_use_bytes",  // Ours: what the ceiling is held against; 0 without one.
     [](const Inspection& s) { return as_double(s.clients.parts().memory.in_use_bytes()); }},
    {"last_client_response_size",
     [](const Inspection& s) { return as_double(s.stats.responses.last); }},
    {"max_client_response_size",
     [](const Inspection& s) { return as_double(s.stats.responses.max); }},
    {"min_client_response_size",
     [](const Inspection& s) { return as_double(s.stats.responses.min); }},
};

double count_peers(const Inspection& server, bool (*counts)(const Broadcast::PeerStatus&)) {
  const auto peers = server.broadcast.peers();
  return as_double(std::count_if(peers.begin(), peers.end(), counts));
}

/// There while the server leads.
constexpr GaugeRow kLeaderGauges[] = {
    {"learners", [](const Inspection& s) { return as_double(s.broadcast.peers().size()); }},
    {"synced_followers",
     [](const Inspection& s) {
       return count_peers(s, [](const auto& peer) { return peer.synced && peer.voter; });
     }},
    {"synced_non_voting_followers",  // Whoever joins and does not vote is an observer here.
     [](const Inspection&) { return 0.0; }},
    {"synced_observers",
     [](const Inspection& s) {
       return count_peers(s, [](const auto& peer) { return peer.synced && !peer.voter; });
     }},
    {"leader_uptime",
     [](const Inspection& s) {
       return as_double(
           std::chrono::duration_cast<Millis>(s.loop.now() - s.leading_since).count());
     }},
    {"last_proposal_size", [](const Inspection& s) { return as_double(s.stats.proposals.last); }},
    {"max_proposal_size", [](const Inspection& s) { return as_double(s.stats.proposals.max); }},
    {"min_proposal_size", [](const Inspection& s) { return as_double(s.stats.proposals.min); }},
};

/// There in an ensemble.
constexpr GaugeRow kMemberGauges[] = {
    {"quorum_size", [](const Inspection& s) { return as_double(s.settings.ensemble->voters); }},
};

template <class Stats>
struct CounterRow {
  const char* name;
  Counter Stats::*counter;
};

constexpr CounterRow<ServerStats> kCounters[] = {
    {"bytes_received_count", &ServerStats::bytes_received},
    {"response_bytes", &ServerStats::response_bytes},
    {"watch_bytes", &ServerStats::watch_bytes},
    {"connection_request_count", &ServerStats::connect_requests},
    {"connection_revalidate_count", &ServerStats::sessions_reconnected},
    {"connection_rejected", &ServerStats::connections_rejected},
    {"connection_drop_count", &ServerStats::connections_dropped},
    {"sessionless_connections_expired", &ServerStats::sessionless_expired},
    {"stale_sessions_expired", &ServerStats::sessions_expired},
    {"proposal_count", &ServerStats::proposals_made},
    {"commit_count", &ServerStats::commits_made},
    {"digest_mismatches_count", &ServerStats::digest_mismatches},
    {"snapshot_error_count", &ServerStats::snapshots_failed},
    {"writes_refused_count", &ServerStats::writes_refused},  // Ours: disk or memory is nearly full.
    {"slow_requests_count", &ServerStats::slow_requests},    // Ours.
    {"unread_replies_closed_count", &ServerStats::unread_closed},  // Ours.
    {"unsuccessful_handshake", &ServerStats::handshakes_failed},
    {"cnxn_closed_without_zk_server_running", &ServerStats::closed_without_leader},
    {"request_throttle_wait_count", &ServerStats::held_for_room},
    {"stale_replies", &ServerStats::orphans_done},
};

constexpr CounterRow<BatchStats> kBatchCounters[] = {
    {"prep_processor_request_queued", &BatchStats::prepared},
    {"sync_processor_request_queued", &BatchStats::appended},
    {"request_commit_queued", &BatchStats::committed},
    {"outstanding_changes_queued", &BatchStats::changes_begun},
    {"outstanding_changes_removed", &BatchStats::changes_ended},
};

using enum SummaryDetail;
constexpr PerUnit kAsRecorded = 1;
/// Recorded in microseconds, and shown in milliseconds.
constexpr PerUnit kMicrosPerMilli = 1000;

template <class Stats>
struct SummaryRow {
  const char* name;
  Summary Stats::*summary;
  SummaryDetail detail;
  PerUnit per_unit;
};

constexpr SummaryRow<ServerStats> kSummaries[] = {
    {"snapshottime", &ServerStats::snapshot_ms, plain, kAsRecorded},
    {"dbinittime", &ServerStats::load_ms, plain, kAsRecorded},
    {"startup_snap_load_time", &ServerStats::snapshot_load_ms, plain, kAsRecorded},
    {"startup_txns_load_time", &ServerStats::log_load_ms, plain, kAsRecorded},
    {"startup_txns_loaded", &ServerStats::log_entries_loaded, plain, kAsRecorded},
    {"node_created_watch_count", &ServerStats::created_watches, plain, kAsRecorded},
    {"node_deleted_watch_count", &ServerStats::deleted_watches, plain, kAsRecorded},
    {"node_changed_watch_count", &ServerStats::changed_watches, plain, kAsRecorded},
    {"node_children_watch_count", &ServerStats::children_watches, plain, kAsRecorded},
    {"apply_batch_size", &ServerStats::apply_batch, plain, kAsRecorded},  // Ours; ZooKeeper's are:
    {"commit_commit_proc_req_queued", &ServerStats::apply_batch, plain, kAsRecorded},
    {"write_commit_proc_issued", &ServerStats::apply_batch, plain, kAsRecorded},
    {"readlatency", &ServerStats::read_latency_us, percentiles, kMicrosPerMilli},
    {"updatelatency", &ServerStats::update_latency_us, percentiles, kMicrosPerMilli},
};

/// Of the log and of transactions, there while stages are timed.
constexpr SummaryRow<ServerStats> kStageSummaries[] = {
    {"sync_processor_queue_time_ms", &ServerStats::log_queue_us, percentiles, kMicrosPerMilli},
    {"sync_processor_queue_flush_time_ms", &ServerStats::sync_us, percentiles, kMicrosPerMilli},
    {"sync_processor_queue_and_flush_time_ms", &ServerStats::logged_us, percentiles, kMicrosPerMilli},
    {"write_commitproc_time_ms", &ServerStats::committed_us, percentiles, kMicrosPerMilli},
    {"request_throttle_queue_time_ms", &ServerStats::queued_us, percentiles, kMicrosPerMilli},
    {"propagation_latency", &ServerStats::propagated_ms, percentiles, kAsRecorded},
    {"sync_process_time", &ServerStats::sync_us, plain, kMicrosPerMilli},
    {"sync_processor_batch_size", &ServerStats::sync_entries, plain, kAsRecorded},
};

constexpr SummaryRow<BatchStats> kBatchSummaries[] = {
    {"prep_processor_queue_time_ms", &BatchStats::awaits_preparer_us, percentiles, kMicrosPerMilli},
    {"close_session_prep_time", &BatchStats::close_session_us, percentiles, kMicrosPerMilli},
    {"proposal_latency", &BatchStats::arrived_ms, percentiles, kAsRecorded},
    {"proposal_ack_creation_latency", &BatchStats::durable_ms, percentiles, kAsRecorded},
    {"commit_propagation_latency", &BatchStats::committed_ms, percentiles, kAsRecorded},
    {"write_final_proc_time_ms", &BatchStats::transaction_us, percentiles, kMicrosPerMilli},
    {"server_write_committed_time_ms", &BatchStats::foreign_us, percentiles, kMicrosPerMilli},
};

struct TallyRow {
  const char* name;
  Tally BatchStats::*tally;
  PerUnit per_unit;
};

/// ZooKeeper has several names for some, since it measures at each queue.
constexpr TallyRow kBatchTallies[] = {
    {"prep_processor_queue_size", &BatchStats::proposed_together, kAsRecorded},
    {"prep_process_time", &BatchStats::prepare_us, kMicrosPerMilli},
    {"sync_processor_queue_size", &BatchStats::not_durable, kAsRecorded},
    {"learner_request_processor_queue_size", &BatchStats::forwarded_together, kAsRecorded},
    {"read_commit_proc_req_queued", &BatchStats::waiting_reads, kAsRecorded},
    {"write_commit_proc_req_queued", &BatchStats::waiting_writes, kAsRecorded},
    {"pending_session_queue_size", &BatchStats::waiting_sessions, kAsRecorded},
    {"commit_process_time", &BatchStats::apply_us, kMicrosPerMilli},
    {"write_batch_time_in_commit_processor", &BatchStats::apply_us, kMicrosPerMilli},
    {"session_queues_drained", &BatchStats::sessions_answered, kAsRecorded},
    {"read_commit_proc_issued", &BatchStats::reads_behind, kAsRecorded},
    {"reads_issued_from_session_queue", &BatchStats::reads_behind, kAsRecorded},
    {"reads_after_write_in_session_queue", &BatchStats::reads_behind_one_write, kAsRecorded},
    {"requests_in_session_queue", &BatchStats::requests_left, kAsRecorded},
};

using Handles = std::vector<std::unique_ptr<MetricHandle>>;

void add_gauges(std::span<const GaugeRow> rows, Metrics& metrics, const Inspection& inspection,
                Handles& handles) {
  for (const auto& row : rows)
    handles.push_back(
        metrics.add(row.name, [&inspection, read = row.read] { return read(inspection); }));
}

/// Each by its own name, in microseconds: "write_sync_us".
void add_stages(Metrics& metrics, RequestKind kind, std::array<Summary, kStages>& stages_us,
                Handles& handles) {
  const std::string kind_name = kind == RequestKind::read ? "read" : "write";
  for (std::size_t i = 0; i < kStages; ++i) {
    const auto stage = static_cast<Stage>(i);
    if (has_stage(kind, stage))
      handles.push_back(metrics.add(kind_name + "_" + std::string(name_of(stage)) + "_us",
                                    stages_us[i], histogram));
  }
}

/// What ZooKeeper has of a stage.
void add_stage(Metrics& metrics, const char* name, std::array<Summary, kStages>& stages_us, Stage stage,
               Handles& handles) {
  handles.push_back(metrics.add(name, stages_us[static_cast<std::size_t>(stage)],
                                percentiles, kMicrosPerMilli));
}

template <class Stats>
void add_counters(std::span<const CounterRow<Stats>> rows, Metrics& metrics, Stats& stats,
                  Handles& handles) {
  for (const auto& row : rows) handles.push_back(metrics.add(row.name, stats.*row.counter));
}

template <class Stats>
void add_summaries(std::span<const SummaryRow<Stats>> rows, Metrics& metrics, Stats& stats,
                   Handles& handles) {
  for (const auto& row : rows)
    handles.push_back(metrics.add(row.name, stats.*row.summary, row.detail, row.per_unit));
}

void add_stage_metrics(Metrics& metrics, ServerStats& stats, Handles& handles) {
  add_stages(metrics, RequestKind::read, stats.read_stages_us, handles);
  add_stages(metrics, RequestKind::write, stats.write_stages_us, handles);
  add_stage(metrics, "read_commitproc_time_ms", stats.read_stages_us, Stage::behind, handles);
  add_stage(metrics, "read_final_proc_time_ms", stats.read_stages_us, Stage::reply, handles);
  add_stage(metrics, "local_write_committed_time_ms", stats.write_stages_us, Stage::apply, handles);
  handles.push_back(metrics.add("log_sync_us", stats.sync_us, histogram));
  add_summaries<ServerStats>(kStageSummaries, metrics, stats, handles);
  add_counters<BatchStats>(kBatchCounters, metrics, stats.batches, handles);
  add_summaries<BatchStats>(kBatchSummaries, metrics, stats.batches, handles);
  for (const auto& row : kBatchTallies)
    handles.push_back(metrics.add(row.name, stats.batches.*row.tally, row.per_unit));
}

}  // namespace

Handles add_leader_metrics(Metrics& metrics, const Inspection& inspection) {
  Handles handles;
  add_gauges(kLeaderGauges, metrics, inspection, handles);
  return handles;
}

Handles add_metrics(Metrics& metrics, const Inspection& inspection) {
  Handles handles;
  auto& stats = inspection.stats;
  add_gauges(kGauges, metrics, inspection, handles);
  if (inspection.settings.ensemble) add_gauges(kMemberGauges, metrics, inspection, handles);
  add_counters<ServerStats>(kCounters, metrics, stats, handles);
  add_summaries<ServerStats>(kSummaries, metrics, stats, handles);
  if (inspection.settings.stages) add_stage_metrics(metrics, stats, handles);
  for (auto& handle : add_quota_metrics(metrics, inspection.database))
    handles.push_back(std::move(handle));
  return handles;
}

}  // namespace vivarium
