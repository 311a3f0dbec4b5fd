#include "purge.hpp"

#include "try.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

namespace vivarium::file {
namespace {

// What one job reads of a snapshot at least.
constexpr std::size_t kPortionBytes = std::size_t{8} << 20;

}  // namespace

Purge::Names Purge::Names::below(Zxid oldest_kept) const {
  Names going = *this;
  std::erase_if(going.snapshots, [&](const NamedFile& one) { return one.zxid >= oldest_kept; });
  std::erase_if(going.logs, [&](const NamedFile& one) { return one.zxid > oldest_kept; });
  if (!going.logs.empty()) going.logs.pop_back();
  return going;
}

void Purge::begin() {
  store_.attempt<Names>(
      Lane::bulk, [disk = on_disk_](FileSystem& files) { return list(files, disk->directories); },
      [self = shared_from_this()](Result<Names> names) {
        if (names.has_error()) return self->ends(names.error());
        self->names_ = std::move(*names);
        self->enough_by_name() ? self->verify() : self->ends(PurgeReport{});
      });
}

Result<Purge::Names> Purge::list(FileSystem& files, const Directories& directories) {
  TRY_LET(snapshots, directories.list_snapshots(files));
  TRY_LET(logs, directories.list_logs(files));
  return Names{std::move(snapshots), std::move(logs)};
}

/// Whether anything could go if all snapshots were whole. If not they need not be read.
bool Purge::enough_by_name() {
  std::set<Zxid> zxids;
  for (const NamedFile& snapshot : names_.snapshots) zxids.insert(snapshot.zxid);
  return zxids.size() >= kept_ && !names_.below(*std::prev(zxids.end(), kept_)).empty();
}

void Purge::verify() {
  if (next_ == names_.snapshots.size()) return ends(PurgeReport{});
  store_.run<Verdict>(
      Lane::bulk, [self = shared_from_this()](FileSystem& files) { return self->read_on(files); },
      [self = shared_from_this()](Verdict verdict) { self->judged(verdict); });
}

Result<Purge::Verdict> Purge::read_on(FileSystem& files) {
  const NamedFile& snapshot = *(names_.snapshots.rbegin() + static_cast<std::ptrdiff_t>(next_));
  if (!reader_) {
    TRY(sync_file(files, snapshot.path));
    auto opened = SnapshotReader::open(files, snapshot);
    if (opened.has_error()) return Verdict::damaged;
    reader_.emplace(std::move(*opened));
  }
  for (std::size_t bytes = 0; bytes < kPortionBytes;) {
    const auto piece = reader_->next();
    if (piece.has_error()) return Verdict::damaged;
    if (piece->empty()) return Verdict::whole;
    bytes += piece->size();
  }
  return Verdict::not_yet;
}

Result<void> Purge::sync_file(FileSystem& files, const std::string& path) {
  const auto file = files.open(path, OpenMode::read);
  // What cannot be opened will not be found whole.
  return file.has_error() ? Result<void>() : (*file)->sync();
}

void Purge::judged(Verdict verdict) {
  if (verdict == Verdict::not_yet) return verify();
  reader_.reset();
  const Zxid zxid = (names_.snapshots.rbegin() + static_cast<std::ptrdiff_t>(next_))->zxid;
  ++next_;
  if (verdict == Verdict::whole && (whole_.empty() || whole_.back() != zxid))
    whole_.push_back(zxid);
  whole_.size() == kept_ ? begin_removal(zxid) : verify();
}

void Purge::begin_removal(Zxid oldest_kept) {
  if (store_.changing_ || store_.changes_ != changes_)
    return ends(Error(Errc::closed, "the history was changed while snapshots were verified"));
  going_ = names_.below(oldest_kept);
  if (going_.empty()) return ends(PurgeReport{});
  forget_removed_logs();
  forget_older_logs();
  std::erase_if(store_.snapshots_, [&](Zxid zxid) { return zxid < oldest_kept; });
  // Reads that know the files are before it in the lane; a change of the history waits for it.
  ++store_.reads_in_flight_;
  store_.run<Removal>(
      Lane::bulk, [self = shared_from_this()](FileSystem& files) { return self->remove(files); },
      [self = shared_from_this()](const Removal& removal) { self->removed(removal); });
}

void Purge::forget_removed_logs() {
  History& history = store_.history_;
  const auto stays =
      std::find_if(history.files.begin(), history.files.end(), [&](const auto& file) {
        return std::none_of(going_.logs.begin(), going_.logs.end(),
                            [&](const NamedFile& log) { return log.path == file.path; });
      });
  if (stays == history.files.begin()) return;
  history.first_contiguous = std::prev(stays)->last;
  history.files.erase(history.files.begin(), stays);
}

/// Those that the store has not read yet.
void Purge::forget_older_logs() {
  if (going_.logs.empty() || store_.older_logs_.empty()) return;
  std::erase_if(store_.older_logs_,
                [&](const NamedFile& log) { return log.zxid <= going_.logs.back().zxid; });
  store_.begin_extension();
}

Result<Purge::Removal> Purge::remove(FileSystem& files) const {
  const Directories& directories = on_disk_->directories;
  // Of logs that are gone there is nothing left to be missed. What a crash leaves of these records
  // the next start drops.
  std::vector<NamedFile> records;
  for (const NamedFile& log : going_.logs)
    records.push_back({log.zxid, directories.acknowledged_log_path(log.zxid)});
  Removal removal;
  const auto remove_all = [&](const std::vector<NamedFile>& named, Removed& removed,
                              const std::string& directory) -> Result<void> {
    if (removal.stopped_by) return {};
    removal.stopped_by = remove_named(files, named, removed);
    return files.sync_directory(directory);
  };
  Removed of_records;
  TRY(remove_all(going_.snapshots, removal.snapshots, directories.snapshots()));
  TRY(remove_all(going_.logs, removal.logs, directories.logs()));
  TRY(remove_all(records, of_records, directories.acknowledged()));
  return removal;
}

std::optional<Error> Purge::remove_named(FileSystem& files, const std::vector<NamedFile>& named,
                                         Removed& removed) {
  for (const NamedFile& one : named) {
    const auto file = files.open(one.path, OpenMode::read);
    if (file.has_error() && file.error().is(Errc::not_found)) continue;
    const auto size = file.has_error() ? Result<std::uint64_t>(file.error()) : (*file)->size();
    const auto outcome = files.remove(one.path);
    if (outcome.has_error()) return outcome.error();
    ++removed.files;
    removed.bytes += size.has_value() ? *size : 0;
  }
  return std::nullopt;
}

void Purge::removed(const Removal& removal) {
  const auto lower = [](std::uint64_t& total, std::uint64_t by) { total -= std::min(total, by); };
  lower(store_.snapshot_bytes_total_, removal.snapshots.bytes);
  lower(store_.log_bytes_total_, removal.logs.bytes);
  store_.end_read();
  removal.stopped_by ? ends(*removal.stopped_by)
                     : ends(PurgeReport{removal.snapshots.files, removal.logs.files,
                                        removal.snapshots.bytes + removal.logs.bytes});
}

void Purge::ends(Result<PurgeReport> outcome) {
  // From now on another one may be begun, from within the call below too.
  store_.purge_.reset();
  done_(std::move(outcome));
}

}  // namespace vivarium::file
