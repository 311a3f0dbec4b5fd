#include "file_store.hpp"

#include "change.hpp"
#include "epochs.hpp"
#include "file_sink.hpp"
#include "file_source.hpp"
#include "identity.hpp"
#include "log_scanner.hpp"
#include "try.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>

#include <vivarium/assert.hpp>

namespace vivarium::file {
namespace {

constexpr std::int64_t kDefaultPreallocKib = 65536;
constexpr auto kSpaceInterval = std::chrono::seconds(5);
// So much of what was acknowledged the record may not know after a power failure. In that stretch a
// torn write is told from damage by its looks.
constexpr auto kRecordInterval = std::chrono::seconds(1);

/// preAllocSize of the server, which is in KiB; 0 or less turns it off.
std::uint64_t server_prealloc(const PluginHost& host) {
  const std::string text = host.server_setting("preAllocSize");
  std::int64_t kib = kDefaultPreallocKib;
  std::from_chars(text.data(), text.data() + text.size(), kib);
  return static_cast<std::uint64_t>(std::max<std::int64_t>(kib, 0)) << 10;
}

LogWriterSettings settings_of(PluginHost& host) {
  LogWriterSettings settings;
  settings.preallocate_bytes = host.options().has("prealloc")
                                   ? static_cast<std::uint64_t>(host.options().integer("prealloc"))
                                   : server_prealloc(host);
  if (host.server_setting("forceSync") == "no") settings.force_sync = ForceSync::no;
  return settings;
}

std::size_t bytes_on_disk(const LogEntry& entry) {
  return entry.payload.size() + kRecordOverheadBytes;
}

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

}  // namespace

FileStore::FileStore(PluginHost& host)
    : loop_(host.loop()), disk_(host.disk()),
      low_space_(static_cast<std::uint64_t>(host.options().integer("low_space"))),
      on_disk_(std::make_shared<OnDisk>(
          Directories(host.server_setting("dataDir"), host.server_setting("dataLogDir")),
          settings_of(host))),
      word_(std::to_string(host.loop().random())) {
  if (!on_disk_->directories.data_dir().starts_with('/'))
    throw std::runtime_error("dataDir=" + on_disk_->directories.data_dir() +
                             " is not an absolute path; the file storage needs one");
  fsync_metric_ = host.metrics().add("fsynctime", fsync_ms_, SummaryDetail::plain);
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
  attempt<Recovered>(
      Lane::log,
      [disk = on_disk_, word = word_](FileSystem& files) -> Result<Recovered> {
        TRY(disk->directories.create(files));
        TRY_LET(locks, occupy(files, disk->directories, word));
        disk->locks = std::move(locks);
        TRY(disk->directories.check_separation(files));
        return recover_ours(files, disk->directories, word);
      },
      [this, done = std::move(done)](Result<Recovered> outcome) {
        if (outcome.has_error()) return done(outcome.error());
        const OpenedLog opened = outcome->opened;
        adopt(std::move(*outcome));
        record_timer_ = loop_.timer([this] { sync_record(); });
        watch_space();
        extend_back();
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
  epochs_ = recovered.opened.epochs;
  log_bytes_total_ = recovered.log_bytes_total;
  snapshot_bytes_total_ = recovered.snapshot_bytes_total;
}

/// The logs below the snapshot are read when the server already serves: only peers that lag behind
/// need them.
void FileStore::extend_back() {
  if (older_logs_.empty()) return;
  Recovered known;
  known.history = history_;
  known.snapshots = snapshots_;
  known.older_logs = std::exchange(older_logs_, {});
  known.acknowledged = std::exchange(acknowledged_, {});
  run<History>(
      Lane::bulk,
      [known = std::move(known)](FileSystem& files) -> Result<History> {
        return file::extend_back(files, known);
      },
      [this, changes = changes_, front = history_.first_contiguous](History whole) {
        if (changes != changes_ || whole.first_contiguous >= front) return;
        const auto older = std::find_if(
            whole.files.begin(), whole.files.end(),
            [&](const auto& file) { return file.path == history_.files.front().path; });
        history_.files.insert(history_.files.begin(), whole.files.begin(), older);
        history_.first_contiguous = whole.first_contiguous;
      });
}

void FileStore::watch_space() {
  space_timer_ = loop_.timer([this] { check_space(); });
  check_space();
}

void FileStore::check_space() {
  run<std::uint64_t>(
      Lane::bulk,
      [disk = on_disk_](FileSystem& files) -> Result<std::uint64_t> {
        TRY_LET(beside_data, files.free_bytes(disk->directories.data_dir()));
        TRY_LET(beside_logs, files.free_bytes(disk->directories.data_log_dir()));
        return std::min(beside_data, beside_logs);
      },
      [this](std::uint64_t free_bytes) {
        space_timer_->arm(kSpaceInterval);
        const bool low = free_bytes < low_space_;
        if (low != std::exchange(space_low_, low)) events_->on_space(low, free_bytes);
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
  if (waiting_.empty() || groups_in_flight_ > 0 || std::exchange(group_due_, true)) return;
  // At the end of this turn of the loop: what else is appended in it goes along.
  post([this] {
    group_due_ = false;
    if (groups_in_flight_ == 0) write_group();
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

void FileStore::write_group() {
  if (waiting_.empty()) return;
  ++groups_in_flight_;
  run<LogWriter::Appended>(
      Lane::log,
      [disk = on_disk_, group = take_group()](FileSystem& files) {
        return disk->writer.append(files, group);
      },
      [this, submitted = loop_.now()](LogWriter::Appended appended) {
        written(appended, submitted);
      });
}

void FileStore::written(const LogWriter::Appended& appended, MonoTime submitted) {
  const LogFile& part = appended.part;
  fsync_ms_.record(std::chrono::duration_cast<Millis>(loop_.now() - submitted).count());
  if (appended.begins_file) history_.files.push_back({part.path, part.first, part.first, 0, {}});
  LogFile& file = history_.files.back();
  for (const Mark& mark : part.marks) note_mark(file.marks, mark.zxid, mark.offset);
  history_.bytes_above_base += part.end - file.end;
  log_bytes_total_ += part.end - file.end;
  file.end = part.end;
  file.last = history_.last = part.last;
  history_.entries_above_base += appended.entries;
  // The disk goes on before the events are handled.
  if (--groups_in_flight_ == 0) write_group();
  record_changed();
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
  if (--reads_in_flight_ == 0 && change_) std::exchange(change_, nullptr)();
}

// --- changing history ----------------------------------------------------------------------------

void FileStore::change_history(Task change) {
  VIVARIUM_ASSERT(!changing_, "one change of the history at a time");
  changing_ = true;
  ++changes_;
  while (!waiting_.empty()) write_group();
  reads_in_flight_ == 0 ? change() : void(change_ = std::move(change));
}

void FileStore::history_changed(Recovered recovered) {
  adopt(std::move(recovered));
  extend_back();
  end_change();
}

void FileStore::end_change() {
  changing_ = false;
  for (const Task& read : std::exchange(held_reads_, {})) read();
}

void FileStore::truncate_after(Zxid zxid, Done<void> done) {
  if (const auto snapshot = sink_.lock()) snapshot->give_up();
  change_history([this, zxid, done = std::move(done)] {
    attempt<Recovered>(
        Lane::log,
        [disk = on_disk_, zxid](FileSystem& files) -> Result<Recovered> {
          TRY(check_end(files, disk->directories, zxid));
          TRY(disk->writer.roll());
          TRY(make_change(files, disk->directories, {ChangeKind::truncate, zxid}));
          return recover(files, disk->directories);
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
        [disk = on_disk_](FileSystem&) -> Result<int> {
          TRY(disk->writer.roll());
          return 0;
        },
        [](int) {});
  return std::unique_ptr<SnapshotSink>(new FileSink(snapshot));
}

void FileStore::snapshot_taken(const SnapshotInfo& info, std::uint64_t log_bytes,
                               std::uint64_t log_entries) {
  snapshots_.insert(std::upper_bound(snapshots_.begin(), snapshots_.end(), info.zxid), info.zxid);
  snapshot_bytes_total_ += info.bytes;
  if (snapshot_ && snapshot_->zxid > info.zxid) return;
  snapshot_ = info;
  history_.bytes_above_base -= log_bytes;
  history_.entries_above_base -= log_entries;
}

Result<std::unique_ptr<SnapshotSource>> FileStore::open_snapshot() {
  if (!snapshot_) return Error(Errc::not_found, "there is no snapshot");
  return std::unique_ptr<SnapshotSource>(new FileSource(*this, *snapshot_));
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
        TRY(write_epoch(files, disk->directories, kind, epoch));
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
