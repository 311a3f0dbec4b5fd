#include "file_store.hpp"

#include "change.hpp"
#include "epochs.hpp"
#include "file_sink.hpp"
#include "file_source.hpp"
#include "identity.hpp"
#include "log_scanner.hpp"
#include "purge.hpp"
#include "try.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>

#include <vivarium/assert.hpp>

namespace vivarium::file {
namespace {

constexpr std::int64_t kDefaultPreallocKib = 65536;
constexpr std::int64_t kDefaultSlowSyncMs = 1000;
constexpr auto kSpaceInterval = std::chrono::seconds(5);
/// While writes are refused or wait.
constexpr auto kShortSpaceInterval = std::chrono::seconds(1);
// So much of what was acknowledged the record may not know after a power failure. In that stretch a
// torn write is told from damage by its looks.
constexpr auto kRecordInterval = std::chrono::seconds(1);

/// A number in the server's config.
std::int64_t server_number(const PluginHost& host, std::string_view key, std::int64_t otherwise) {
  const std::string text = host.server_setting(key);
  std::from_chars(text.data(), text.data() + text.size(), otherwise);
  return otherwise;
}

/// Likewise one of KiB; 0 or less turns off what it sizes.
std::uint64_t server_kib(const PluginHost& host, std::string_view key, std::int64_t otherwise) {
  const std::int64_t kib = server_number(host, key, otherwise);
  return static_cast<std::uint64_t>(std::max<std::int64_t>(kib, 0)) << 10;
}

LogWriterSettings settings_of(PluginHost& host) {
  LogWriterSettings settings;
  settings.preallocate_bytes = host.options().has("prealloc")
                                   ? static_cast<std::uint64_t>(host.options().integer("prealloc"))
                                   : server_kib(host, "preAllocSize", kDefaultPreallocKib);
  if (host.server_setting("forceSync") == "no") settings.force_sync = ForceSync::no;
  settings.file_bytes_max = server_kib(host, "txnLogSizeLimitInKb", 0);
  return settings;
}

Compression snapshot_compression(const PluginHost& host) {
  const std::string method = host.server_setting("snapshot.compression.method");
  if (const auto compression = compression_named(method)) return *compression;
  throw std::runtime_error("snapshot.compression.method=" + method +
                           " is unknown; want gz or snappy, or leave it empty");
}

/// A server that is to have data and finds none has lost it, unless whoever made the directory says
/// that it is new. That is asked once, whatever was found, as ZooKeeper does: a mark that stayed
/// would excuse a later loss.
Result<void> check_fresh_start(FileSystem& files, const Directories& directories,
                               const OpenedLog& opened, FreshStart fresh_start) {
  const std::string mark = directories.data_log_dir() + "/initialize";
  if (files.exists(mark)) {
    TRY(files.remove(mark));
    return files.sync_directory(directories.data_log_dir());
  }
  if (!opened.fresh || fresh_start == FreshStart::allowed) return {};
  return Error(Errc::not_found,
               "there is no data in " + directories.snapshots() +
                   ", and db.autocreate=false keeps a server from beginning with nothing: mount the "
                   "disk of dataDir, or create the file " +
                   mark + " for a new server");
}

std::size_t bytes_on_disk(const LogEntry& entry) {
  return entry.payload.size() + kRecordOverheadBytes;
}

/// Above this a watermark is left behind: not at each small file that comes and goes.
std::uint64_t with_margin(std::uint64_t watermark) { return watermark + watermark / 8; }

std::string mebibytes(std::uint64_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

/// Where to begin to read for records above `zxid`: at the last mark that is not above it.
std::uint64_t offset_before(const std::vector<Mark>& marks, Zxid zxid) {
  const auto above =
      std::upper_bound(marks.begin(), marks.end(), zxid,
                       [](Zxid value, const Mark& mark) { return value < mark.zxid; });
  return above == marks.begin() ? marks.front().offset : std::prev(above)->offset;
}

/// Recovers directories that are not another server's, and makes them ours.
Result<Recovered> recover_ours(FileSystem& files, const Directories& directories,
                               const std::string& word) {
  TRY_LET(identity, identify(files, directories, word));
  TRY_LET(recovered, recover(files, directories));
  TRY(claim(files, directories, identity));
  auto& damage = recovered.opened.damage;
  damage.insert(damage.end(), identity.damage.begin(), identity.damage.end());
  return std::move(recovered);
}

/// What a truncation must have come to.
Result<Recovered> ending_at(Zxid zxid, Recovered recovered) {
  const Zxid last = recovered.opened.last_durable;
  if (last == zxid) return recovered;
  return Error(Errc::corrupt, "the history was cut behind " + text_of(zxid) + " and ends at " +
                                  text_of(last) +
                                  ": its files hold transactions that this server did not know "
                                  "of; move the data directory away and let it be filled by the "
                                  "others");
}

}  // namespace

FileStore::FileStore(PluginHost& host)
    : loop_(host.loop()), disk_(host.disk()), log_(host.log()),
      low_space_(static_cast<std::uint64_t>(host.options().integer("low_space"))),
      warn_space_(static_cast<std::uint64_t>(host.options().integer("warn_space"))),
      slow_sync_(server_number(host, "fsync.warningthresholdms", kDefaultSlowSyncMs)),
      fresh_start_(host.server_setting("db.autocreate") == "false" ? FreshStart::if_told
                                                                    : FreshStart::allowed),
      on_disk_(std::make_shared<OnDisk>(
          Directories(host.server_setting("dataDir"), host.server_setting("dataLogDir")),
          settings_of(host), snapshot_compression(host))),
      word_(std::to_string(host.loop().random())) {
  if (!on_disk_->directories.data_dir().starts_with('/'))
    throw std::runtime_error("dataDir=" + on_disk_->directories.data_dir() +
                             " is not an absolute path; the file storage needs one");
  fsync_metric_ = host.metrics().add("fsynctime", fsync_ms_, SummaryDetail::plain);
  space_metric_ = host.metrics().add("disk_free_bytes",
                                     [this] { return static_cast<double>(space_.bytes); });
  // A gauge, as ZooKeeper has it.
  slow_syncs_metric_ = host.metrics().add("fsync_threshold_exceed_count",
                                          [this] { return static_cast<double>(slow_syncs_.value()); });
}

FileStore::~FileStore() { stop(); }

void FileStore::stop() {
  if (record_due_ && !failed_) sync_record();
  record_due_ = false;
  alive_.reset();
  record_timer_.reset();
  events_ = nullptr;
  space_timer_.reset();
  held_reads_.clear();
  change_ = nullptr;
}

void FileStore::post(Task task) {
  loop_.post([this, task = std::move(task), alive = std::weak_ptr<void>(alive_)] {
    if (!alive.expired() && !failed_) task();
  });
}

void FileStore::fail(const Error& error) {
  failed_ = true;
  record_timer_.reset();
  space_timer_.reset();
  events_->on_failed(error);
}

// --- opening -------------------------------------------------------------------------------------

void FileStore::open(LogStoreEvents& events, Done<OpenedLog> done) {
  VIVARIUM_ASSERT(!events_, "open is called once");
  events_ = &events;
  // What is wrong at the start goes to `done`, and is not a failure of a store at work.
  struct Found {
    Recovered recovered;
    FreeSpace space;
  };
  attempt<Found>(
      Lane::log,
      [disk = on_disk_, word = word_,
       fresh_start = fresh_start_](FileSystem& files) -> Result<Found> {
        const Directories& directories = disk->directories;
        TRY(directories.create(files));
        const auto lock = [&] { return occupy(files, directories, word); };
        TRY_LET(locks, disk->reserve.spend(files, lock));
        disk->locks = std::move(locks);
        TRY(directories.check_separation(files));
        const auto find = [&] { return recover_ours(files, directories, word); };
        TRY_LET(recovered, disk->reserve.spend(files, find));
        TRY(check_fresh_start(files, directories, recovered.opened, fresh_start));
        TRY_LET(space, free_space(files, directories));
        return Found{std::move(recovered), std::move(space)};
      },
      [this, done = std::move(done)](Result<Found> found) {
        if (found.has_error()) return done(found.error());
        const OpenedLog opened = found->recovered.opened;
        adopt(std::move(found->recovered));
        record_timer_ = loop_.timer([this] { sync_record(); });
        space_timer_ = loop_.timer([this] { check_space(); });
        note_space(std::move(found->space));
        done(opened);
      });
}

void FileStore::adopt(Recovered recovered) {
  history_ = std::move(recovered.history);
  last_appended_ = history_.last;
  snapshots_ = std::move(recovered.snapshots);
  older_logs_ = std::move(recovered.older_logs);
  acknowledged_ = std::move(recovered.acknowledged);
  record_named_ = {};
  snapshot_ = recovered.opened.snapshot;
  snapshot_path_ = std::move(recovered.snapshot_path);
  epochs_ = recovered.opened.epochs;
  log_bytes_total_ = recovered.log_bytes_total;
  snapshot_bytes_total_ = recovered.snapshot_bytes_total;
  begin_extension();
}

void FileStore::begin_extension() {
  extension_.reset();
  if (older_logs_.empty() || history_.files.empty()) return;
  extension_ = std::make_shared<OlderLogs>(history_.files.front(), older_logs_, snapshots_,
                                           acknowledged_);
}

/// The logs below the snapshot are read, one after the other, while nothing else is: only peers
/// that lag behind need them, and a start has the snapshot and the log above it to read.
void FileStore::extend_back() {
  const bool reads = reads_in_flight_ > 0 || sources_.use_count() > 1;
  if (!extension_ || changing_ || reads || std::exchange(extending_, true)) return;
  run<bool>(
      Lane::bulk,
      [extension = extension_](FileSystem& files) -> Result<bool> {
        return extension->read_on(files);
      },
      [this, extension = extension_](bool more) {
        extending_ = false;
        if (!more && extension == extension_) extended();
        extend_back();
      });
}

void FileStore::extended() {
  auto older = std::exchange(extension_, nullptr)->run();
  older_logs_.clear();
  acknowledged_.clear();
  if (!older) return;
  history_.files.insert(history_.files.begin(), std::make_move_iterator(older->files.begin()),
                        std::make_move_iterator(older->files.end()));
  history_.first_contiguous = older->first_contiguous;
}

// --- space ---------------------------------------------------------------------------------------

Result<FileStore::FreeSpace> FileStore::free_space(FileSystem& files,
                                                   const Directories& directories) {
  FreeSpace least;
  // Each may be a file system of its own, or lead to one.
  for (const std::string& folder : {directories.snapshots(), directories.logs(), directories.own(),
                                    directories.own_beside_logs()}) {
    TRY_LET(bytes, files.free_bytes(folder));
    if (bytes < least.bytes) least = {bytes, folder};
  }
  return least;
}

void FileStore::check_space() {
  attempt<FreeSpace>(
      Lane::bulk,
      [disk = on_disk_](FileSystem& files) { return free_space(files, disk->directories); },
      [this](Result<FreeSpace> space) {
        // Nothing is lost with a figure: the last one holds.
        if (space.has_error())
          log_.warn(space.error().what);
        note_space(space.has_error() ? space_ : std::move(*space));
        extend_back();
      });
}

void FileStore::note_space(FreeSpace space) {
  space_ = std::move(space);
  low_ = space_.bytes < (low_ ? with_margin(low_space_) : low_space_);
  warn_of_space();
  report_space();
  // What waits need not wait for the watermark.
  if (stalled_) write_group();
  if (!stalled_ && space_.bytes >= kReserveRoomBytes)
    run<int>(
        Lane::log,
        [disk = on_disk_](FileSystem& files) -> Result<int> {
          TRY(disk->reserve.take(files));
          return 0;
        },
        [](int) {});
  space_timer_->arm(room() == Room::ample ? kSpaceInterval : kShortSpaceInterval);
}

void FileStore::warn_of_space() {
  if (space_.bytes >= with_margin(warn_space_)) warned_ = false;
  if (space_.bytes >= warn_space_ || std::exchange(warned_, true)) return;
  log_.warn("the disk of " + space_.directory + " has only " + mebibytes(space_.bytes) +
            " left, less than warn_space=" + mebibytes(warn_space_) + "; below low_space=" +
            mebibytes(low_space_) +
            " writes are refused: remove what is not needed there, or enlarge the disk");
}

void FileStore::report_space() {
  post([this] {
    const Room now = room();
    if (std::exchange(reported_, now) == now) return;
    const auto free_bytes = now == Room::none ? 0 : std::max<std::uint64_t>(space_.bytes, 1);
    events_->on_space(now != Room::ample, free_bytes);
  });
}

// --- appending -----------------------------------------------------------------------------------

void FileStore::append(std::span<const LogEntry> entries) {
  VIVARIUM_ASSERT(events_ && !changing_, "append comes after open, and not beside a change");
  for (const LogEntry& entry : entries) {
    VIVARIUM_ASSERT(entry.zxid > last_appended_, "entries come in the order of their zxids");
    VIVARIUM_ASSERT(entry.payload.size() >= kTxnHeaderBytes &&
                        entry.payload.size() <= kPayloadBytesMax &&
                        zxid_in(entry.payload.view()) == entry.zxid,
                    "the payload is a transaction with the entry's zxid");
    last_appended_ = entry.zxid;
  }
  waiting_.insert(waiting_.end(), entries.begin(), entries.end());
  if (waiting_.empty() || writing_ || stalled_ || std::exchange(group_due_, true)) return;
  // At the end of this turn of the loop: what else is appended in it goes along.
  post([this] {
    group_due_ = false;
    carry_on();
  });
}

std::vector<LogEntry> FileStore::take_group() {
  std::size_t bytes = 0;
  auto end = waiting_.begin();
  while (end != waiting_.end() && bytes < kGroupBytes) bytes += bytes_on_disk(*end++);
  if (end == waiting_.end()) return std::exchange(waiting_, {});
  std::vector<LogEntry> group(std::make_move_iterator(waiting_.begin()),
                              std::make_move_iterator(end));
  waiting_.erase(waiting_.begin(), end);
  return group;
}

void FileStore::carry_on() {
  if (writing_) return;
  if (changing_ && stalled_) set_aside();
  if (!waiting_.empty()) return stalled_ ? void() : write_group();
  if (change_ && reads_in_flight_ == 0) std::exchange(change_, nullptr)();
}

void FileStore::write_group() {
  if (writing_ || waiting_.empty()) return;
  writing_ = true;
  using Outcome = std::optional<LogWriter::Appended>;
  const auto group = std::make_shared<const std::vector<LogEntry>>(take_group());
  run<Outcome>(
      Lane::log,
      [disk = on_disk_, group](FileSystem& files) { return disk->writer.append(files, *group); },
      [this, group, submitted = loop_.now()](const Outcome& appended) {
        writing_ = false;
        appended ? written(*appended, submitted) : no_room(*group);
      });
}

/// The group goes back to the head of the queue, and nothing behind it is written before it.
void FileStore::no_room(const std::vector<LogEntry>& group) {
  waiting_.insert(waiting_.begin(), group.begin(), group.end());
  if (!std::exchange(stalled_, true)) {
    log_.error("the log's disk is full: there is no room in " + on_disk_->directories.logs() +
               " for transaction " + text_of(group.front().zxid) +
               "; what was not acknowledged waits, and is written and answered when there is "
               "room: remove what is not needed there, or enlarge the disk");
    report_space();
    space_timer_->arm(kShortSpaceInterval);
  }
  carry_on();
}

void FileStore::written(const LogWriter::Appended& appended, MonoTime submitted) {
  const LogFile& part = appended.part;
  const auto now = loop_.now();
  note_duration(std::chrono::duration_cast<Millis>(now - submitted), part);
  if (appended.begins_file) history_.files.push_back({part.path, part.first, part.first, 0, {}});
  LogFile& file = history_.files.back();
  for (const Mark& mark : part.marks) note_mark(file.marks, mark.zxid, mark.offset);
  const auto bytes = part.end - file.end;
  history_.bytes_above_base += bytes;
  log_bytes_total_ += bytes;
  file.end = part.end;
  file.last = history_.last = part.last;
  history_.entries_above_base += appended.entries;
  if (std::exchange(stalled_, false)) report_space();
  // The disk goes on before the events are handled.
  carry_on();
  record_changed();
  events_->on_sync({part.first, part.last, appended.entries, bytes, submitted, now, part.path});
  events_->on_durable(part.last);
}

void FileStore::record_changed() {
  if (!std::exchange(record_due_, true)) record_timer_->arm(kRecordInterval);
}

/// In the bulk lane: no group waits for it. Without on_disk_, whose locks end with the last job: a
/// stop does not wait for this one.
void FileStore::sync_record() {
  record_due_ = false;
  if (history_.files.empty()) return;
  const Zxid first = history_.files.back().first;
  const auto name = first == std::exchange(record_named_, first) ? RecordName::durable
                                                                 : RecordName::fresh;
  run<int>(
      Lane::bulk,
      [directories = on_disk_->directories, first, name](FileSystem& files) -> Result<int> {
        TRY(sync_acknowledged(files, directories, first, name));
        return 0;
      },
      [](int) {});
}

void FileStore::note_duration(Millis took, const LogFile& part) {
  fsync_ms_.record(took.count());
  if (took <= slow_sync_) return;
  slow_syncs_.add();
  log_.warn("writing and syncing transactions " + text_of(part.first) + " to " +
            text_of(part.last) + " took " + std::to_string(took.count()) +
            " ms, and every write waits for that; look for what else uses the disk of " + part.path +
            " (fsync.warningthresholdms=" + std::to_string(slow_sync_.count()) + ")");
}

// --- reading -------------------------------------------------------------------------------------

void FileStore::read(Zxid after, std::size_t bytes_max, Done<LogSlice> done) {
  Task begin = [this, after, bytes_max, done = std::move(done)] {
    begin_read(after, bytes_max, done);
  };
  changing_ ? held_reads_.push_back(std::move(begin)) : begin();
}

void FileStore::begin_read(Zxid after, std::size_t bytes_max, Done<LogSlice> done) {
  if (after < history_.first_contiguous)
    return post([done = std::move(done), after] {
      done(Error(Errc::out_of_range,
                 "the log does not reach back to what follows " + text_of(after)));
    });
  ++reads_in_flight_;
  run<std::vector<LogEntry>>(
      Lane::bulk,
      [stretches = stretches_above(after), after, bytes_max](FileSystem& files) {
        return read_stretches(files, stretches, after, bytes_max);
      },
      [this, after, done = std::move(done)](std::vector<LogEntry> entries) {
        LogSlice slice;
        slice.entries = std::move(entries);
        const Zxid last = slice.entries.empty() ? after : slice.entries.back().zxid;
        slice.end = last >= history_.last;
        end_read();
        if (slice.end) post([this] { extend_back(); });  // So ends what a start reads.
        done(std::move(slice));
      });
}

std::vector<FileStore::Stretch> FileStore::stretches_above(Zxid zxid) const {
  std::vector<Stretch> stretches;
  for (const LogFile& file : history_.files)
    if (file.last > zxid)
      stretches.push_back({file.path, offset_before(file.marks, zxid), file.end});
  return stretches;
}

Result<std::vector<LogEntry>> FileStore::read_stretches(FileSystem& files,
                                                        const std::vector<Stretch>& stretches,
                                                        Zxid after, std::size_t bytes_max) {
  std::vector<LogEntry> entries;
  std::size_t bytes = 0;
  for (const Stretch& stretch : stretches) {
    TRY_LET(file, files.open(stretch.path, OpenMode::read));
    LogScanner scanner(*file, stretch.from, stretch.to);
    while (true) {
      TRY_LET(found, scanner.next());
      if (!found) break;
      if (scanner.zxid() <= after) continue;
      bytes += scanner.payload().size();
      if (bytes > bytes_max && !entries.empty()) return entries;
      after = scanner.zxid();
      entries.push_back({after, SharedBytes::copy_of(scanner.payload())});
    }
    if (scanner.position() < stretch.to)
      return Error(Errc::corrupt,
                   stretch.path + " holds at offset " + std::to_string(scanner.position()) +
                       ", behind transaction " + text_of(after) + ", " +
                       std::string(name_of(scanner.end())) +
                       ", where this server has read or written a whole one; the disk "
                       "cannot be trusted");
  }
  return entries;
}

void FileStore::end_read() {
  --reads_in_flight_;
  if (change_) carry_on();
}

// --- changing history ----------------------------------------------------------------------------

void FileStore::change_history(Zxid end, Task change) {
  VIVARIUM_ASSERT(!changing_, "one change of the history at a time");
  changing_ = true;
  ++changes_;
  change_ = std::move(change);
  change_end_ = end;
  carry_on();
}

/// On a full disk a change that discards what waits must not wait for it.
void FileStore::set_aside() {
  const auto above =
      std::find_if(waiting_.begin(), waiting_.end(),
                   [this](const LogEntry& entry) { return entry.zxid > change_end_; });
  std::move(above, waiting_.end(), std::back_inserter(aside_));
  waiting_.erase(above, waiting_.end());
}

void FileStore::history_changed(Recovered recovered) {
  aside_.clear();
  if (std::exchange(stalled_, false)) report_space();
  adopt(std::move(recovered));
  end_change();
}

void FileStore::end_change() {
  changing_ = false;
  waiting_ = std::exchange(aside_, {});
  for (const Task& read : std::exchange(held_reads_, {})) read();
  carry_on();
}

void FileStore::truncate_after(Zxid zxid, Done<void> done) {
  if (const auto snapshot = sink_.lock()) snapshot->give_up();
  change_history(zxid, [this, zxid, done = std::move(done)] {
    attempt<Recovered>(
        Lane::log,
        [disk = on_disk_, zxid](FileSystem& files) -> Result<Recovered> {
          TRY(check_end(files, disk->directories, zxid));
          return disk->reserve.spend(files, [&]() -> Result<Recovered> {
            TRY(disk->writer.roll());
            TRY(make_change(files, disk->directories, {ChangeKind::truncate, zxid}));
            auto recovered = recover(files, disk->directories);
            return recovered.has_error() ? recovered : ending_at(zxid, std::move(*recovered));
          });
        },
        [this, done](Result<Recovered> outcome) {
          const bool impossible = outcome.has_error() && outcome.error().is(Errc::out_of_range);
          if (outcome.has_error() && !impossible) return fail(outcome.error());
          impossible ? end_change() : history_changed(std::move(*outcome));
          done(impossible ? Result<void>(outcome.error()) : Result<void>());
        });
  });
}

Result<std::unique_ptr<SnapshotSink>> FileStore::begin_snapshot(Zxid zxid) {
  return begin(zxid, Purpose::beside_history);
}

Result<std::unique_ptr<SnapshotSink>> FileStore::install_snapshot(Zxid zxid) {
  return begin(zxid, Purpose::instead_of_history);
}

Result<std::unique_ptr<SnapshotSink>> FileStore::begin(Zxid zxid, Purpose purpose) {
  if (failed_ || !events_) return Error(Errc::closed, "the storage has failed or was stopped");
  const auto other = sink_.lock();
  if (changing_ || (other && !other->ended()))
    return Error(Errc::in_use,
                 "another snapshot is being written, or the history is being changed");
  const auto snapshot = std::make_shared<SnapshotInProgress>(*this, zxid, purpose);
  sink_ = snapshot;
  // As Java does: logs of which every record lies below a snapshot can go when older snapshots go.
  if (purpose == Purpose::beside_history)
    run<int>(
        Lane::log,
        [disk = on_disk_](FileSystem& files) -> Result<int> {
          TRY(disk->reserve.spend(files, [&] { return disk->writer.roll(); }));
          return 0;
        },
        [](int) {});
  return std::unique_ptr<SnapshotSink>(new FileSink(snapshot));
}

void FileStore::snapshot_taken(const SnapshotInfo& info, std::string path,
                               std::uint64_t log_bytes, std::uint64_t log_entries) {
  snapshots_.insert(std::upper_bound(snapshots_.begin(), snapshots_.end(), info.zxid), info.zxid);
  snapshot_bytes_total_ += info.bytes;
  if (snapshot_ && snapshot_->zxid > info.zxid) return;
  snapshot_ = info;
  snapshot_path_ = std::move(path);
  history_.bytes_above_base -= log_bytes;
  history_.entries_above_base -= log_entries;
}

Result<std::unique_ptr<SnapshotSource>> FileStore::open_snapshot() {
  if (!snapshot_) return Error(Errc::not_found, "there is no snapshot");
  return std::unique_ptr<SnapshotSource>(new FileSource(*this, *snapshot_, snapshot_path_));
}

void FileStore::purge(unsigned snapshots_kept, Done<PurgeReport> done) {
  VIVARIUM_ASSERT(events_ && snapshots_kept > 0, "purge comes after open, and leaves a snapshot");
  if (!purge_.expired())
    return post([done = std::move(done)] {
      done(Error(Errc::in_use, "old snapshots and logs are being removed already"));
    });
  // What it would read may be gone a moment later.
  if (changing_)
    return post([done = std::move(done)] {
      done(Error(Errc::closed, "the history is being changed"));
    });
  const auto purge = std::make_shared<Purge>(*this, snapshots_kept, std::move(done));
  purge_ = purge;
  purge->begin();
}

void FileStore::set_epoch(EpochKind kind, Epoch epoch, Done<void> done) {
  auto& asked = kind == EpochKind::accepted ? epochs_.accepted : epochs_.current;
  if (asked && epoch < *asked)
    return post([done = std::move(done)] {
      done(Error(Errc::invalid_argument, "an epoch is never lowered"));
    });
  asked = epoch;
  run<int>(
      Lane::log,
      [disk = on_disk_, kind, epoch](FileSystem& files) -> Result<int> {
        TRY(disk->reserve.spend(
            files, [&] { return write_epoch(files, disk->directories, kind, epoch); }));
        return 0;
      },
      [done = std::move(done)](int) { done({}); });
}

LogStore::Sizes FileStore::sizes() const {
  Sizes sizes;
  sizes.log_bytes = history_.bytes_above_base;
  sizes.log_entries = history_.entries_above_base;
  sizes.snapshot_bytes = snapshot_ ? snapshot_->bytes : 0;
  sizes.log_bytes_total = log_bytes_total_;
  sizes.snapshot_bytes_total = snapshot_bytes_total_;
  return sizes;
}

}  // namespace vivarium::file
