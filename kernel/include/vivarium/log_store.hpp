#pragma once
// The history on disk: transactions, snapshots and epochs.
//
// A LogStore keeps one contiguous history. Its `durable` event is the only base for acknowledgements,
// votes and replies: what was appended and not yet reported durable may be gone after a crash, what was
// reported may not. Any failure is final: the store reports it once and does nothing more, because a
// disk that failed a sync can no longer be believed. Two things may fail without it, since the history
// is none the worse: writing a snapshot, unless a sync failed, and a purge. A full disk is no failure
// either: what finds no room waits, and a snapshot is given up.
//
// Threads: every method is called, and every event delivered, on the core thread. No event and no Done
// comes inside the call that caused it.
// Source: reliability.md 3.1 (S-1 to S-10) and 4; sections F.8 and G of the ZooKeeper reference.

#include <vivarium/bytes.hpp>
#include <vivarium/ids.hpp>
#include <vivarium/loop.hpp>
#include <vivarium/plugin.hpp>
#include <vivarium/result.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace vivarium {

/// A transaction as it is logged and proposed: TxnHeader, body, and the tree digest after it. The
/// store does not look inside.
struct LogEntry {
  Zxid zxid;
  SharedBytes payload;
};

enum class EpochKind : std::uint8_t { accepted, current };

/// The two promises of Zab. Absent: never written.
struct Epochs {
  std::optional<Epoch> accepted;
  std::optional<Epoch> current;
};

struct SnapshotInfo {
  Zxid zxid;                 ///< The last transaction whose effects it holds.
  std::uint64_t bytes = 0;   ///< Size on disk.
  std::optional<std::uint64_t> digest;
  std::string file = {};  ///< What messages call it; empty when it lies in no file.
  /// Above `zxid` in a fuzzy snapshot of a Java server: with this transaction replayed the tree is that
  /// of the history, and not before.
  Zxid consistent_from = zxid;
};

/// Something on the disk that is not as it was written.
struct Damage {
  std::string file;
  std::uint64_t offset = 0;
  Zxid zxid;            ///< The last good one before it.
  std::string message;  ///< What it is, what it means, what to do.
  /// True when what is lost was never reported durable, so that a server may go on without it.
  bool harmless = false;
};

struct OpenedLog {
  std::optional<SnapshotInfo> snapshot;  ///< The newest one that is whole and on the history.
  Zxid last_durable;                     ///< 0 when there is nothing.
  Epochs epochs;
  /// No file of a history was there. The first thing to write is then a snapshot: a Java server
  /// refuses logs that have none before them.
  bool fresh = false;
  std::vector<Damage> damage;
  /// False when a promise to the ensemble may be lost, such as an epoch; `damage` says why. A server
  /// that stands alone can go on. A member must not vote, nor count as having acknowledged an epoch,
  /// until an established leader has brought it up to date. Stays false over restarts, until
  /// set_epoch(EpochKind::current) succeeds.
  bool may_vote = true;
};

/// A stretch of history, oldest first.
struct LogSlice {
  std::vector<LogEntry> entries;
  bool end = false;  ///< Nothing durable follows the last entry.
};

/// What made a stretch of the history durable: one write and one sync, for those who measure.
struct LogSync {
  Zxid first, last;
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;    ///< As they lie on the disk.
  MonoTime begun{}, ended{};  ///< By Loop::now(): given to the disk, and heard of from it.
  std::string_view file;      ///< What messages call it; valid during the call.
};

/// What the user of a store implements.
class LogStoreEvents {
 public:
  virtual ~LogStoreEvents() = default;
  /// Tells of the sync that the next on_durable is about. A store that has none to tell of does not call it.
  virtual void on_sync(const LogSync&) {}
  /// All up to `zxid` is durable. Never goes back; one event may cover many appends.
  virtual void on_durable(Zxid zxid) = 0;
  /// The last event: no other one and no Done comes after it. The server must stop without
  /// acknowledging anything more.
  virtual void on_failed(const Error& error) = 0;
  /// Free space fell below the watermark (`low`), rose above it, or ran out. The user refuses writes
  /// from the time it hears `low` until it hears `low == false`; the end of a session it may still
  /// append, for locks depend on it.
  ///
  /// `free_bytes` is 0 when an append found no room. That one and all that follow then wait in the
  /// store, in their order, and their on_durable comes when there is room again. Bounding what waits
  /// is the user's business. Meanwhile everything else goes on: reads, epochs, and truncations, which
  /// discard what waits above their zxid, and wait with what lies up to it.
  virtual void on_space(bool low, std::uint64_t free_bytes) = 0;
};

/// Takes a snapshot's body (sessions, ACL table, nodes, terminator: section G.4) piece by piece.
/// Destroying it before commit() leaves nothing behind.
class SnapshotSink {
 public:
  virtual ~SnapshotSink() = default;
  virtual void write(SharedBytes piece) = 0;
  /// Bytes accepted and not yet written. The writer pauses above a bound of its own, and goes on when
  /// the callback given to on_drained is called.
  virtual std::size_t queued_bytes() const = 0;
  virtual void on_drained(std::function<void()> callback) = 0;
  /// Ends the body. `done` comes when the snapshot is whole, durable and findable, or when it could not
  /// be written (Errc::no_space: the disk is full), and then nothing of it is left. A sink whose writes
  /// failed says so here and not before.
  virtual void commit(std::optional<std::uint64_t> digest, Done<SnapshotInfo> done) = 0;
};

/// Gives a snapshot's body piece by piece.
class SnapshotSource {
 public:
  virtual ~SnapshotSource() = default;
  virtual const SnapshotInfo& info() const = 0;
  /// The next piece, empty at the end. A snapshot whose seal does not match fails at the latest there;
  /// the caller then drops what it has built. One call at a time.
  virtual void read(Done<SharedBytes> done) = 0;
};

/// What purge() removed.
struct PurgeReport {
  std::uint32_t snapshots = 0;
  std::uint32_t logs = 0;   ///< Files, or what the store calls so.
  std::uint64_t bytes = 0;  ///< Of both.
};

class LogStore : public Plugin {
 public:
  static constexpr InterfaceKind kKind = InterfaceKind::log_store;
  static constexpr std::uint32_t kRevision = 1;

  /// False for one that forgets at a crash: Zab then treats this server as wiped at each start.
  virtual bool durable() const = 0;

  /// Finds, locks and checks what is there. `events` is borrowed until stop(). Called once, first.
  virtual void open(LogStoreEvents& events, Done<OpenedLog> done) = 0;

  /// Appends in zxid order, each above the last (asserts). Several calls in one turn of the loop share
  /// one sync. on_durable follows. Not between a truncation, or the commit of an install, and its
  /// outcome (asserts).
  virtual void append(std::span<const LogEntry> entries) = 0;

  /// The durable entries above `after`, as many as fit into `bytes_max`, at least one if there is one.
  /// Errc::out_of_range when `after` lies before first_contiguous().
  virtual void read(Zxid after, std::size_t bytes_max, Done<LogSlice> done) = 0;

  /// read() can give every entry above this zxid, without a hole up to the newest.
  virtual Zxid first_contiguous() const = 0;

  /// Ends the history at exactly `zxid`, which must be in it or be the zxid of a snapshot, and have a
  /// snapshot or the very beginning to load from (Errc::out_of_range otherwise, and nothing changed).
  /// Newer snapshots go too, and one that is being written is given up: its commit fails with
  /// Errc::closed. Atomic across a crash: afterwards either nothing or all of it happened.
  virtual void truncate_after(Zxid zxid, Done<void> done) = 0;

  /// Begins a snapshot that stands beside the history. One at a time, installs included
  /// (Errc::in_use), until its sink is destroyed or its commit has an outcome.
  virtual Result<std::unique_ptr<SnapshotSink>> begin_snapshot(Zxid zxid) = 0;
  /// Begins a snapshot that, at commit, replaces history and snapshots as a whole, atomically.
  virtual Result<std::unique_ptr<SnapshotSink>> install_snapshot(Zxid zxid) = 0;
  /// Opens the newest snapshot for reading; Errc::not_found when there is none.
  virtual Result<std::unique_ptr<SnapshotSource>> open_snapshot() = 0;

  /// Removes what lies before the oldest of the `snapshots_kept` newest snapshots, one at least, that
  /// are whole: they are read and verified first, and while there are fewer nothing goes. Each of those
  /// that stay can be loaded, and has all of the history behind it; first_contiguous() may rise up to
  /// the oldest. Reads and sources that were begun before are served whole, and appends do not wait.
  /// One at a time (Errc::in_use). A change of the history that is under way, or comes between, ends it
  /// with nothing removed (Errc::closed); one that comes while files are being removed waits for that.
  virtual void purge(unsigned snapshots_kept, Done<PurgeReport> done) = 0;

  /// Durable when `done` says so. Never lowers an epoch (Errc::invalid_argument).
  virtual void set_epoch(EpochKind kind, Epoch epoch, Done<void> done) = 0;

  /// Bytes of log since the newest snapshot, and of that snapshot: from which the kernel decides when
  /// to take the next one.
  struct Sizes {
    std::uint64_t log_bytes = 0;        ///< Since the newest snapshot.
    std::uint64_t log_entries = 0;      ///< Likewise.
    std::uint64_t snapshot_bytes = 0;   ///< The newest one's.
    std::uint64_t log_bytes_total = 0;  ///< All log files, as they lie on disk.
    std::uint64_t snapshot_bytes_total = 0;
  };
  virtual Sizes sizes() const = 0;
};

}  // namespace vivarium
