#pragma once
// What a server counts about its work, for `srvr`, `mntr` and `cons`. Plain numbers; the core adds.

#include "kernel/core/request_times.hpp"

#include <vivarium/ids.hpp>
#include <vivarium/metrics.hpp>

#include <array>
#include <cstdint>
#include <deque>
#include <utility>

namespace vivarium {

struct LatencyStats {
  std::int64_t count = 0, total_us = 0, min_us = 0, max_us = 0;

  void record(std::int64_t us, std::int64_t times = 1) {
    min_us = count ? (us < min_us ? us : min_us) : us;
    max_us = us > max_us ? us : max_us;
    count += times;
    total_us += us * times;
  }
  /// As ZooKeeper shows them: whole milliseconds, and an average with fractions.
  std::int64_t min_ms() const { return min_us / 1000; }
  std::int64_t max_ms() const { return max_us / 1000; }
  double average_ms() const {
    return count ? static_cast<double>(total_us) / static_cast<double>(count) / 1000.0 : 0.0;
  }
};

/// Bytes of the last, the smallest and the longest of a kind; -1 before the first.
struct SizeStats {
  std::int32_t last = -1, min = -1, max = -1;

  void record(std::int32_t bytes) {
    last = bytes;
    if (min < 0 || bytes < min) min = bytes;
    if (bytes > max) max = bytes;
  }
};

/// The newest snapshot; -1 where there is none or the time is not known.
struct LastSnapshot {
  Zxid zxid{-1};
  std::int64_t wall_ms = -1;
};

/// Tree digests at every 128th zxid, for `hash`: comparing those of two servers tells where they parted.
class DigestLog {
 public:
  static constexpr std::int64_t kInterval = 128;
  static constexpr std::size_t kEntriesMax = 1024;

  void record(Zxid zxid, std::uint64_t digest) {
    if (zxid.value % kInterval != 0) return;
    entries_.emplace_back(zxid, digest);
    if (entries_.size() > kEntriesMax) entries_.pop_front();
  }
  const std::deque<std::pair<Zxid, std::uint64_t>>& entries() const { return entries_; }

 private:
  std::deque<std::pair<Zxid, std::uint64_t>> entries_;
};

/// How requests and transactions go through in batches, which is what ZooKeeper tells of the queues between
/// its threads. Recorded while stages are timed.
struct BatchStats {
  Counter prepared, appended, committed;
  Counter changes_begun, changes_ended;  ///< Nodes that a prepared transaction changes, until it is applied.
  /// Writes that are handed over together, to the broadcast here or to the leader elsewhere.
  Tally proposed_together, forwarded_together;
  Summary awaits_preparer_us;  ///< Of a write of a client here: from when there was room until it is prepared.
  Tally prepare_us;            ///< Each transaction its share of the batch, until it is appended;
  Summary close_session_us;    ///< those that end a session, each for itself.
  Tally not_durable;           ///< Of the transactions before, when more are appended.
  /// Milliseconds by the clocks of two servers, from when the leader made a transaction.
  Summary arrived_ms,   ///< Appended by a learner,
      durable_ms,       ///< durable here, in an ensemble,
      committed_ms;     ///< by a learner, which knows it to be committed, applied.
  Tally waiting_reads, waiting_writes, waiting_sessions;  ///< When a batch is applied.
  Tally apply_us;           ///< A batch,
  Summary transaction_us,   ///< each transaction its share of that;
      foreign_us;           ///< a batch, for each that no client here has asked for.
  Tally sessions_answered, reads_behind, reads_behind_one_write, requests_left;
};

struct ServerStats {
  LatencyStats latency;
  std::int64_t packets_received = 0;
  std::int64_t packets_sent = 0;

  Counter connect_requests,     ///< Asked for a session, a new one or an old one.
      sessions_reconnected,     ///< Of these, for an old one.
      connections_dropped;      ///< Ended by the client, who did not close its session first.
  Counter response_bytes;       ///< Of replies to requests, without the lengths before them.
  Counter connections_rejected, sessionless_expired, sessions_expired, auth_failed, bytes_received,
      watch_bytes, digest_mismatches, snapshots_failed, writes_refused, unread_closed, proposals_made, commits_made, slow_requests;
  Counter handshakes_failed,    ///< Of TLS.
      closed_without_leader,    ///< Connections that came while none was known.
      held_for_room,            ///< Times that frames of a connection were left waiting.
      orphans_done;             ///< Writes done whose connection had ended.
  Summary read_latency_us, update_latency_us, apply_batch, snapshot_ms, created_watches,
      deleted_watches, changed_watches, children_watches;
  /// Stages, each by its number; those that a kind of request has not stay empty.
  std::array<Summary, kStages> read_stages_us, write_stages_us;
  Summary queued_us;  ///< The stage of both kinds.
  Summary committed_us,   ///< Writes of this server's clients: from the broadcast's hands to committed.
      propagated_ms,      ///< Every transaction: from the leader's clock to applied here, by this one's.
      logged_us,          ///< Every transaction: from its append to durable,
      log_queue_us,       ///< of that, until the disk was given it;
      sync_us,            ///< every sync: how long,
      sync_entries;       ///< and how many transactions shared it.
  /// What the store held when it was read: the snapshot, the log, both.
  Summary snapshot_load_ms, log_load_ms, log_entries_loaded, load_ms;
  BatchStats batches;
  SizeStats responses, proposals;
  DigestLog digests;
  LastSnapshot last_snapshot;

  /// `srst`: all but the failed authentications, as ZooKeeper has it, and what is no count.
  void reset() {
    ServerStats fresh;
    fresh.auth_failed = auth_failed;
    fresh.digests = std::move(digests);
    fresh.last_snapshot = last_snapshot;
    *this = std::move(fresh);
  }
};

}  // namespace vivarium
