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

struct CounterRow {
  const char* name;
  Counter ServerStats::*counter;
};

constexpr CounterRow kCounters[] = {
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

/// Of batches.
struct BatchCounterRow {
  const char* name;
  Counter BatchStats::*counter;
};

constexpr BatchCounterRow kBatchCounters[] = {
    {"prep_processor_request_queued", &BatchStats::prepared},
    {"sync_processor_request_queued", &BatchStats::appended},
    {"request_commit_queued", &BatchStats::committed},
    {"outstanding_changes_queued", &BatchStats::changes_begun},
    {"outstanding_changes_removed", &BatchStats::changes_ended},
};

struct SummaryRow {
  const char* name;
  Summary ServerStats::*summary;
};

constexpr SummaryRow kSummaries[] = {
    {"snapshottime", &ServerStats::snapshot_ms},
    {"dbinittime", &ServerStats::load_ms},
    {"startup_snap_load_time", &ServerStats::snapshot_load_ms},
    {"startup_txns_load_time", &ServerStats::log_load_ms},
    {"startup_txns_loaded", &ServerStats::log_entries_loaded},
    {"node_created_watch_count", &ServerStats::created_watches},
    {"node_deleted_watch_count", &ServerStats::deleted_watches},
    {"node_changed_watch_count", &ServerStats::changed_watches},
    {"node_children_watch_count", &ServerStats::children_watches},
    {"apply_batch_size", &ServerStats::apply_batch},  // Ours, and by what ZooKeeper calls it:
    {"commit_commit_proc_req_queued", &ServerStats::apply_batch},
    {"write_commit_proc_issued", &ServerStats::apply_batch},
};

/// Recorded in microseconds, and shown in milliseconds.
constexpr PerUnit kMicrosPerMilli = 1000;
constexpr PerUnit kAsRecorded = 1;

struct BatchSummaryRow {
  const char* name;
  Summary BatchStats::*summary;
  SummaryDetail detail;
  PerUnit per_unit;
};

/// ZooKeeper has several names for some, since it measures at each queue.
constexpr BatchSummaryRow kBatchSummaries[] = {
    {"prep_processor_queue_size", &BatchStats::proposed_together, SummaryDetail::plain, kAsRecorded},
    {"prep_processor_queue_time_ms", &BatchStats::awaits_preparer_us, SummaryDetail::percentiles, kMicrosPerMilli},
    {"prep_process_time", &BatchStats::prepare_us, SummaryDetail::plain, kMicrosPerMilli},
    {"proposal_process_time", &BatchStats::append_us, SummaryDetail::plain, kMicrosPerMilli},
    {"close_session_prep_time", &BatchStats::close_session_us, SummaryDetail::percentiles, kMicrosPerMilli},
    {"sync_processor_queue_size", &BatchStats::not_durable, SummaryDetail::plain, kAsRecorded},
    {"learner_request_processor_queue_size", &BatchStats::forwarded_together, SummaryDetail::plain, kAsRecorded},
    {"proposal_latency", &BatchStats::arrived_ms, SummaryDetail::percentiles, kAsRecorded},
    {"proposal_ack_creation_latency", &BatchStats::durable_ms, SummaryDetail::percentiles, kAsRecorded},
    {"commit_propagation_latency", &BatchStats::commit_known_ms, SummaryDetail::percentiles, kAsRecorded},
    {"read_commit_proc_req_queued", &BatchStats::waiting_reads, SummaryDetail::plain, kAsRecorded},
    {"write_commit_proc_req_queued", &BatchStats::waiting_writes, SummaryDetail::plain, kAsRecorded},
    {"pending_session_queue_size", &BatchStats::waiting_sessions, SummaryDetail::plain, kAsRecorded},
    {"commit_process_time", &BatchStats::apply_us, SummaryDetail::plain, kMicrosPerMilli},
    {"write_batch_time_in_commit_processor", &BatchStats::apply_us, SummaryDetail::plain, kMicrosPerMilli},
    {"write_final_proc_time_ms", &BatchStats::transaction_us, SummaryDetail::percentiles, kMicrosPerMilli},
    {"server_write_committed_time_ms", &BatchStats::foreign_us, SummaryDetail::percentiles, kMicrosPerMilli},
    {"session_queues_drained", &BatchStats::sessions_answered, SummaryDetail::plain, kAsRecorded},
    {"read_commit_proc_issued", &BatchStats::reads_behind, SummaryDetail::plain, kAsRecorded},
    {"reads_issued_from_session_queue", &BatchStats::reads_behind, SummaryDetail::plain, kAsRecorded},
    {"reads_after_write_in_session_queue", &BatchStats::reads_behind_one_write, SummaryDetail::plain, kAsRecorded},
    {"requests_in_session_queue", &BatchStats::requests_left, SummaryDetail::plain, kAsRecorded},
};
constexpr SummaryRow kLatencies[] = {
    {"readlatency", &ServerStats::read_latency_us},
    {"updatelatency", &ServerStats::update_latency_us},
};

/// Of the log and of transactions, there while stages are timed.
constexpr SummaryRow kStageLatencies[] = {
    {"sync_processor_queue_time_ms", &ServerStats::log_queue_us},
    {"sync_processor_queue_flush_time_ms", &ServerStats::sync_us},
    {"sync_processor_queue_and_flush_time_ms", &ServerStats::logged_us},
    {"write_commitproc_time_ms", &ServerStats::committed_us},
    {"request_throttle_queue_time_ms", &ServerStats::queued_us},
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
                                    stages_us[i], SummaryDetail::histogram));
  }
}

/// What ZooKeeper has of a stage.
void add_stage(Metrics& metrics, const char* name, std::array<Summary, kStages>& stages_us, Stage stage,
               Handles& handles) {
  handles.push_back(metrics.add(name, stages_us[static_cast<std::size_t>(stage)],
                                SummaryDetail::percentiles, kMicrosPerMilli));
}

void add_batch_metrics(Metrics& metrics, BatchStats& stats, Handles& handles) {
  for (const auto& row : kBatchCounters) handles.push_back(metrics.add(row.name, stats.*row.counter));
  for (const auto& row : kBatchSummaries)
    handles.push_back(metrics.add(row.name, stats.*row.summary, row.detail, row.per_unit));
}

void add_stage_metrics(Metrics& metrics, ServerStats& stats, Handles& handles) {
  add_stages(metrics, RequestKind::read, stats.read_stages_us, handles);
  add_stages(metrics, RequestKind::write, stats.write_stages_us, handles);
  handles.push_back(metrics.add("log_sync_us", stats.sync_us, SummaryDetail::histogram));
  for (const auto& row : kStageLatencies)
    handles.push_back(
        metrics.add(row.name, stats.*row.summary, SummaryDetail::percentiles, kMicrosPerMilli));
  add_stage(metrics, "read_commitproc_time_ms", stats.read_stages_us, Stage::behind, handles);
  add_stage(metrics, "read_final_proc_time_ms", stats.read_stages_us, Stage::reply, handles);
  add_stage(metrics, "local_write_committed_time_ms", stats.write_stages_us, Stage::apply, handles);
  handles.push_back(
      metrics.add("sync_process_time", stats.sync_us, SummaryDetail::plain, kMicrosPerMilli));
  handles.push_back(
      metrics.add("propagation_latency", stats.propagated_ms, SummaryDetail::percentiles));
  handles.push_back(
      metrics.add("sync_processor_batch_size", stats.sync_entries, SummaryDetail::plain));
  add_batch_metrics(metrics, stats.batches, handles);
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
  for (const auto& row : kCounters) handles.push_back(metrics.add(row.name, stats.*row.counter));
  for (const auto& row : kSummaries)
    handles.push_back(metrics.add(row.name, stats.*row.summary, SummaryDetail::plain));
  for (const auto& row : kLatencies)
    handles.push_back(
        metrics.add(row.name, stats.*row.summary, SummaryDetail::percentiles, kMicrosPerMilli));
  if (inspection.settings.stages) add_stage_metrics(metrics, stats, handles);
  for (auto& handle : add_quota_metrics(metrics, inspection.database))
    handles.push_back(std::move(handle));
  return handles;
}

}  // namespace vivarium
