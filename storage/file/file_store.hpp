#pragma once
// ZooKeeper's data directory as a LogStore: its logs, snapshots and epoch files, byte for byte.
//
// The object lives on the core thread and holds the index of the log. All work on files happens in
// jobs: the log's, epochs' and changes of the history in the log lane, one behind the other;
// snapshots and reads in the bulk lane. Entries that are appended while a group is being written
// and synced make the next group. README.md names the files to read.

#include "acknowledged.hpp"
#include "compression.hpp"
#include "directories.hpp"
#include "history.hpp"
#include "log_writer.hpp"
#include "occupancy.hpp"
#include "recovery.hpp"
#include "reserve.hpp"

#include <vivarium/disk.hpp>
#include <vivarium/log.hpp>
#include <vivarium/log_store.hpp>
#include <vivarium/loop.hpp>
#include <vivarium/metrics.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace vivarium::file {

/// Options of the plugin.
inline constexpr OptionSpec kFileOptions[] = {
    {"prealloc", OptionType::bytes, "", 0, std::int64_t{4} << 30, "bytes",
     "By how much a log file grows ahead of what is written, 0 for not ahead; when unset, "
     "preAllocSize of the server.",
     false, false, false},
    {"low_space", OptionType::bytes, "256M", 0, std::int64_t{1} << 50, "bytes",
     "Below how much free space on the disks of the data directories writes are refused, until an "
     "eighth more than that is free again; reads go on, and sessions may end. 0: only when a disk "
     "is full.",
     false, false, false},
    {"warn_space", OptionType::bytes, "1G", 0, std::int64_t{1} << 50, "bytes",
     "Below how much free space the log warns of it. 0: never.", false, false, false},
};

/// Whether a server may begin with nothing.
enum class FreshStart : std::uint8_t {
  allowed,
  if_told,  ///< Only when the file `initialize` in the directory of the logs says so.
};

/// What jobs share. What is not constant belongs to the log lane.
struct OnDisk {
  OnDisk(Directories where, const LogWriterSettings& settings, Compression of_snapshots)
      : directories(std::move(where)), compression(of_snapshots), writer(directories, settings),
        reserve(directories) {}

  const Directories directories;
  const Compression compression;  ///< Of the snapshots that are written.
  LogWriter writer;
  Reserve reserve;
  Locks locks;  ///< Held until the last job has ended.
};

class SnapshotInProgress;
class Purge;

class FileStore final : public LogStore {
 public:
  explicit FileStore(PluginHost& host);
  ~FileStore() override;

  bool durable() const override { return true; }
  void open(LogStoreEvents& events, Done<OpenedLog> done) override;
  void append(std::span<const LogEntry> entries) override;
  void read(Zxid after, std::size_t bytes_max, Done<LogSlice> done) override;
  Zxid first_contiguous() const override { return history_.first_contiguous; }
  void truncate_after(Zxid zxid, Done<void> done) override;
  Result<std::unique_ptr<SnapshotSink>> begin_snapshot(Zxid zxid) override;
  Result<std::unique_ptr<SnapshotSink>> install_snapshot(Zxid zxid) override;
  Result<std::unique_ptr<SnapshotSource>> open_snapshot() override;
  void purge(unsigned snapshots_kept, Done<PurgeReport> done) override;
  void set_epoch(EpochKind kind, Epoch epoch, Done<void> done) override;
  Sizes sizes() const override;
  void stop() override;

 private:
  friend class SnapshotInProgress;
  friend class FileSource;
  friend class Purge;

  template <class T>
  using Job = std::function<Result<T>(FileSystem&)>;
  /// Runs `job` in the lane and hands its outcome to `then`, unless the store has failed or was
  /// stopped by then.
  template <class T>
  void attempt(Lane lane, Job<T> job, Done<T> then);
  /// Likewise with its value. A failure of the job is the failure of the store.
  template <class T>
  void run(Lane lane, Job<T> job, std::function<void(T)> then);
  void post(Task task);
  void fail(const Error& error);

  // --- opening
  void adopt(Recovered recovered);
  void begin_extension();
  void extend_back();
  void extended();

  // --- space
  struct FreeSpace {
    std::uint64_t bytes = ~std::uint64_t{0};
    std::string directory;  ///< Whose disk it is: the fullest one.
  };
  static Result<FreeSpace> free_space(FileSystem& files, const Directories& directories);
  void check_space();
  void note_space(FreeSpace space);
  void warn_of_space();
  /// Tells the user, from the loop, if it has not been told so.
  void report_space();

  // --- appending
  void write_group();
  /// Does what is due when no group is being written: the next group, or the change that waits.
  void carry_on();
  void no_room(const std::vector<LogEntry>& group);
  std::vector<LogEntry> take_group();
  void written(const LogWriter::Appended& appended, MonoTime submitted);
  void record_changed();
  void sync_record();
  void note_duration(Millis took, const LogFile& part);

  // --- reading
  struct Stretch {
    std::string path;
    std::uint64_t from = 0, to = 0;
  };
  std::vector<Stretch> stretches_above(Zxid zxid) const;
  static Result<std::vector<LogEntry>> read_stretches(FileSystem& files,
                                                      const std::vector<Stretch>& stretches,
                                                      Zxid after, std::size_t bytes_max);
  void begin_read(Zxid after, std::size_t bytes_max, Done<LogSlice> done);
  void end_read();

  // --- changing history
  enum class Purpose : std::uint8_t { beside_history, instead_of_history };
  /// Runs `change` when all that was appended is durable and no read is under way. What waits for
  /// room on a full disk and lies above `end`, where the change ends this history, is set aside.
  void change_history(Zxid end, Task change);
  void set_aside();
  void history_changed(Recovered recovered);
  void end_change();
  Result<std::unique_ptr<SnapshotSink>> begin(Zxid zxid, Purpose purpose);
  void snapshot_taken(const SnapshotInfo& info, std::string path, std::uint64_t log_bytes,
                      std::uint64_t log_entries);

  Loop& loop_;
  Disk& disk_;
  Log& log_;
  std::uint64_t low_space_, warn_space_;
  Millis slow_sync_;
  FreshStart fresh_start_;
  std::shared_ptr<OnDisk> on_disk_;
  std::string word_;
  LogStoreEvents* events_ = nullptr;
  bool failed_ = false;

  std::vector<LogEntry> waiting_;  ///< Appended, and not handed to the disk yet.
  bool group_due_ = false;         ///< Posted: the next group is written at the end of this turn.
  bool writing_ = false;           ///< A group is in the log lane.
  bool stalled_ = false;           ///< The disk was full: what waits is tried again at each check.
  Zxid last_appended_;

  History history_;  ///< What is durable.
  std::vector<Zxid> snapshots_;
  std::vector<NamedFile> older_logs_;
  std::map<Zxid, Acknowledged> acknowledged_;  ///< Of the older logs, among others.
  std::shared_ptr<OlderLogs> extension_;       ///< What of them is still to be read. Bulk lane.
  bool extending_ = false;                     ///< One of them is being read.
  std::optional<SnapshotInfo> snapshot_;
  std::string snapshot_path_;
  std::shared_ptr<void> sources_ = std::make_shared<int>();  ///< Each of them holds it as well.
  std::weak_ptr<SnapshotInProgress> sink_;  ///< The one that was begun last.
  std::weak_ptr<Purge> purge_;              ///< The one that is under way.
  Epochs epochs_;                           ///< As asked for last.
  std::uint64_t log_bytes_total_ = 0, snapshot_bytes_total_ = 0;

  unsigned reads_in_flight_ = 0;  ///< And the removal of files by a purge.
  bool changing_ = false;
  Task change_;                   ///< Waits for the reads and appends that are under way.
  Zxid change_end_;
  std::vector<LogEntry> aside_;   ///< Goes with the change, or comes back if it is impossible.
  std::vector<Task> held_reads_;  ///< Wait for the change.
  std::uint64_t changes_ = 0;     ///< Counts them.

  std::unique_ptr<Timer> record_timer_;  ///< Armed when the record was changed and not synced.
  bool record_due_ = false;
  Zxid record_named_;  ///< The record whose name is durable, or about to be.
  std::unique_ptr<Timer> space_timer_;
  FreeSpace space_;
  enum class Room : std::uint8_t { ample, low, none };
  Room room() const { return stalled_ ? Room::none : low_ ? Room::low : Room::ample; }
  bool low_ = false, warned_ = false;
  Room reported_ = Room::ample;
  std::unique_ptr<MetricHandle> space_metric_;
  Summary fsync_ms_;
  Counter slow_syncs_;
  std::unique_ptr<MetricHandle> fsync_metric_, slow_syncs_metric_;
  /// Completions hold it weakly, so that none runs after stop().
  std::shared_ptr<void> alive_ = std::make_shared<int>();
};

template <class T>
void FileStore::attempt(Lane lane, Job<T> job, Done<T> then) {
  const auto outcome = std::make_shared<std::optional<Result<T>>>();
  disk_.submit(
      lane, [outcome, job = std::move(job)](FileSystem& files) { outcome->emplace(job(files)); },
      [this, outcome, then = std::move(then), alive = std::weak_ptr<void>(alive_)] {
        if (!alive.expired() && !failed_) then(std::move(**outcome));
      });
}

template <class T>
void FileStore::run(Lane lane, Job<T> job, std::function<void(T)> then) {
  attempt<T>(lane, std::move(job), [this, then = std::move(then)](Result<T> outcome) {
    outcome.has_error() ? fail(outcome.error()) : then(std::move(*outcome));
  });
}

}  // namespace vivarium::file
