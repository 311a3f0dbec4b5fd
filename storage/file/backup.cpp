#include "backup.hpp"

#include "change.hpp"
#include "epochs.hpp"
#include "format.hpp"
#include "history.hpp"
#include "log_reader.hpp"
#include "snapshot_reader.hpp"
#include "try.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include <zlib.h>

namespace vivarium::file {
namespace {

constexpr std::uint64_t kPieceBytes = std::uint64_t{1} << 20;
constexpr std::string_view kHistoryFolder = "version-2/";
constexpr std::string_view kOwnFolder = "vivarium/";
constexpr std::string_view kAcknowledgedFolder = "acknowledged/";

std::string folder_of(const std::string& path) { return path.substr(0, path.rfind('/')); }
std::string name_in(const std::string& path) { return path.substr(path.rfind('/') + 1); }

Error changed_meanwhile(const std::string& path) {
  return {Errc::in_use, path + " was changed while it was copied: its server purged or cut its "
                               "history; try again"};
}

/// Of no use in another place or at another time.
bool is_passing(const std::string& name) {
  return name == "lock" || name == "reserve" || name.ends_with(".tmp") ||
         name.starts_with("unfinished.");
}

/// A file that was there a moment ago.
Error meanwhile(const Error& error, const std::string& path) {
  return error.is(Errc::not_found) ? changed_meanwhile(path) : error;
}

Result<std::uint64_t> size_of(FileSystem& files, const std::string& path) {
  TRY_LET(file, files.open(path, OpenMode::read));
  return file->size();
}

/// One attempt.
class Copy {
 public:
  Copy(FileSystem& files, const Directories& source, std::string target, const BytesSeen& seen)
      : files_(files),
        source_(source),
        target_(std::move(target)),
        seen_(seen) {}

  Result<Manifest> run(std::size_t snapshots_max) {
    TRY(files_.create_directories(target_ + "/version-2"));
    TRY(refuse_change());
    TRY_LET(logs_at_begin, source_.list_logs(files_));
    TRY(copy_snapshots(snapshots_max));
    TRY(copy_acknowledged());  // It may lag behind the log, and never lead.
    TRY(copy_logs(logs_at_begin));
    TRY(check_still_there());
    TRY(check_end());
    TRY(copy_epochs());
    TRY(copy_own());
    TRY(add_if_there(source_.data_dir() + "/myid", "myid"));
    TRY(check_epochs());
    TRY(refuse_change());
    TRY(drop_unreachable());
    TRY(check_copy());
    for (const std::string& folder : folders_) TRY(files_.sync_directory(folder));
    manifest_.source = source_.data_dir();
    return std::move(manifest_);
  }

 private:
  /// The last record of a log as it was copied.
  struct LastRecord {
    NamedFile log;
    std::uint64_t offset = 0;
    Zxid zxid;
    std::uint32_t checksum = 0;
  };

  /// A change of the whole history is under way, or was interrupted.
  Result<void> refuse_change() const {
    if (!files_.exists(change_path(source_))) return {};
    return Error(Errc::in_use,
                 change_path(source_) +
                     " is there: the server is changing its history as a whole; try again, or, if "
                     "no server runs, start it once, so that it completes the change");
  }

  Result<void> add(const std::string& from, const std::string& name, std::uint64_t bytes) {
    auto crc = copy_file(files_, from, target_ + "/" + name, bytes, seen_);
    if (crc.has_error()) return meanwhile(crc.error(), from);
    manifest_.files.push_back({name, bytes, *crc});
    folders_.insert(folder_of(target_ + "/" + name));
    return {};
  }

  Result<void> remove(const std::string& name) {
    const auto named = [&](const BackupFile& file) { return file.name == name; };
    const bool there = std::erase_if(manifest_.files, named) > 0;
    return there ? files_.remove(target_ + "/" + name) : Result<void>();
  }

  Result<void> copy_snapshots(std::size_t snapshots_max) {
    TRY_LET(named, source_.list_snapshots(files_));
    for (auto one = named.rbegin(); one != named.rend() && snapshots_.size() < snapshots_max; ++one)
      TRY(copy_snapshot(*one));
    std::reverse(snapshots_.begin(), snapshots_.end());
    if (!snapshots_.empty()) return {};
    if (!named.empty() && problem_.empty()) return changed_meanwhile(source_.snapshots());
    return Error(
        named.empty() ? Errc::not_found : Errc::corrupt,
        source_.snapshots() + " holds no whole snapshot" +
            (problem_.empty() ? "" : " (" + problem_ + ")") +
            ": there is nothing that a backup could begin with; name a data directory, or the "
            "config, of a server that has run, or restore an earlier backup");
  }

  Result<void> copy_snapshot(const NamedFile& snapshot) {
    auto bytes = size_of(files_, snapshot.path);
    // An old one may be purged while newer ones are copied.
    if (bytes.has_error() && bytes.error().is(Errc::not_found)) return {};
    if (bytes.has_error()) return bytes.error();
    const std::string name = std::string(kHistoryFolder) + name_in(snapshot.path);
    const auto added = add(snapshot.path, name, *bytes);
    if (added.has_error() && !added.error().is(Errc::in_use)) return added;
    const NamedFile copy{snapshot.zxid, target_ + "/" + name};
    if (added.has_error())  // Likewise.
      return files_.exists(copy.path) ? files_.remove(copy.path) : Result<void>();
    const auto whole = verify_snapshot(files_, copy);
    if (whole.has_value()) {
      snapshots_.push_back(copy);
      return {};
    }
    // A Java server may just be writing it: it is no snapshot yet.
    if (broken_.empty()) problem_ = whole.error().what;
    broken_.push_back(snapshot);
    return remove(name);
  }

  Result<void> copy_logs(const std::vector<NamedFile>& at_begin) {
    TRY_LET(logs, source_.list_logs(files_));
    // The newest one held what a snapshot may hold by now that was not there to be copied.
    const auto same = [&](const NamedFile& log) { return log.path == at_begin.back().path; };
    if (!at_begin.empty() && std::none_of(logs.begin(), logs.end(), same))
      return changed_meanwhile(at_begin.back().path);
    for (const NamedFile& log : logs) TRY(copy_log(log));
    return {};
  }

  /// Up to its last whole record.
  Result<void> copy_log(const NamedFile& log) {
    LogReader reader(files_, {log}, {});
    std::optional<LastRecord> last;
    std::uint64_t end = 0;
    while (true) {
      TRY_LET(found, reader.next());
      if (!found) break;
      last = {log, reader.offset(), reader.zxid(), adler(kAdlerBegin, reader.payload())};
      end = reader.position();
    }
    for (const LogFinding& finding : reader.findings()) {
      if (finding.kind == LogFinding::Kind::vanished) return changed_meanwhile(log.path);
      if (finding.kind == LogFinding::Kind::damage) damage_.push_back({log.zxid, finding});
    }
    if (!last) return {};
    TRY(add(log.path, std::string(kHistoryFolder) + name_in(log.path), end));
    last_records_.push_back(*last);
    return {};
  }

  /// Whether the logs have only grown since, or gone as a whole from the old end.
  Result<void> check_still_there() const {
    TRY_LET(logs, source_.list_logs(files_));
    for (const LastRecord& last : last_records_) {
      const auto newer = [&](const NamedFile& log) { return log.zxid > last.log.zxid; };
      if (!files_.exists(last.log.path) && std::any_of(logs.begin(), logs.end(), newer)) continue;
      TRY(check_still_there(last));
    }
    return {};
  }

  Result<void> check_still_there(const LastRecord& last) const {
    auto file = files_.open(last.log.path, OpenMode::read);
    if (file.has_error()) return meanwhile(file.error(), last.log.path);
    TRY_LET(size, (*file)->size());
    if (size <= last.offset) return changed_meanwhile(last.log.path);
    LogScanner scanner(**file, last.offset, size);
    TRY_LET(found, scanner.next());
    if (found && scanner.zxid() == last.zxid &&
        adler(kAdlerBegin, scanner.payload()) == last.checksum)
      return {};
    return changed_meanwhile(last.log.path);
  }

  /// Whether what was copied goes as far as what was there at the beginning.
  Result<void> check_end() const {
    const Zxid newest = snapshots_.back().zxid;
    for (const auto& [first, finding] : damage_)
      if (finding.after >= newest || first > newest) return damaged(finding);
    Zxid end = newest;
    for (const LastRecord& last : last_records_) end = std::max(end, last.zxid);
    if (broken_.empty() || broken_.front().zxid <= end) return {};
    return Error(Errc::corrupt, problem_ + ", and the log ends before it, at " + text_of(end) +
                                    ": transactions are missing; restore an earlier backup");
  }

  static Error damaged(const LogFinding& finding) {
    return {Errc::corrupt, text_of(finding) +
                               ": a backup would lack what follows; see `vivarium log "
                               "--verify`, and restore an earlier backup"};
  }

  Result<void> copy_epochs() {
    for (const std::string_view name : kEpochFiles)
      TRY(add_if_there(epoch_path(name), std::string(kHistoryFolder) + std::string(name)));
    return {};
  }

  /// Whether they have stayed as they were copied: ours lie there twice.
  Result<void> check_epochs() const {
    for (const std::string_view name : kEpochFiles) {
      const std::string copy = target_ + "/" + std::string(kHistoryFolder) + std::string(name);
      if (text_in(copy) != text_in(epoch_path(name))) return changed_meanwhile(epoch_path(name));
    }
    return {};
  }

  std::optional<std::string> text_in(const std::string& path) const {
    const auto text = read_file(files_, path);
    return text.has_value() ? std::optional(*text) : std::nullopt;
  }

  std::string epoch_path(std::string_view name) const {
    return source_.snapshots() + "/" + std::string(name);
  }

  /// How far the log was acknowledged; it lies beside the logs.
  Result<void> copy_acknowledged() {
    return copy_own(source_.own_beside_logs(), "", [](const std::string& name) {
      return name.starts_with(kAcknowledgedFolder);
    });
  }

  /// What else is ours alone. Of a directory for logs alone there is nothing that counts elsewhere.
  Result<void> copy_own() {
    return copy_own(source_.own(), "", [](const std::string& name) {
      return !name.starts_with(kAcknowledgedFolder);
    });
  }

  /// `pick` chooses by the path below vivarium/.
  template <class Pick>
  Result<void> copy_own(const std::string& folder, const std::string& below, const Pick& pick) {
    if (!files_.exists(folder)) return {};
    TRY_LET(entries, files_.list(folder));
    for (const DirectoryEntry& entry : entries) {
      const std::string name = below + entry.name;
      if (entry.directory) TRY(copy_own(folder + "/" + entry.name, name + "/", pick));
      if (entry.directory || is_passing(entry.name) || !pick(name)) continue;
      TRY(files_.create_directories(target_ + "/" + std::string(kOwnFolder) + below));
      TRY(add_if_there(folder + "/" + entry.name, std::string(kOwnFolder) + name));
    }
    return {};
  }

  Result<void> add_if_there(const std::string& from, const std::string& name) {
    if (!files_.exists(from)) return {};
    auto bytes = size_of(files_, from);
    if (bytes.has_error()) return meanwhile(bytes.error(), from);
    return add(from, name, *bytes);
  }

  /// Removes snapshots and logs from which nothing leads to the end without a hole.
  Result<void> drop_unreachable() {
    TRY_LET(begin, begin_of_run());
    while (snapshots_.size() > 1 && snapshots_.front().zxid < begin) {
      TRY(remove(std::string(kHistoryFolder) + name_in(snapshots_.front().path)));
      snapshots_.erase(snapshots_.begin());
    }
    const Zxid first = snapshots_.front().zxid;
    const Directories copied = backup_directories(target_);
    TRY_LET(logs, copied.list_logs(files_));
    const auto needed = logs_above(logs, first);
    for (const NamedFile& log : logs) {
      if (!needed.empty() && log.zxid >= needed.front().zxid) break;
      TRY(remove(std::string(kHistoryFolder) + name_in(log.path)));
      TRY(remove(std::string(kOwnFolder) + std::string(kAcknowledgedFolder) + name_in(log.path)));
    }
    manifest_.first = first;
    return {};
  }

  /// The copied logs hold everything above this zxid. Fails on a hole that matters.
  Result<Zxid> begin_of_run() {
    const Directories copied = backup_directories(target_);
    TRY_LET(logs, copied.list_logs(files_));
    auto snapshots = snapshots_;
    snapshots.insert(snapshots.end(), broken_.begin(), broken_.end());
    LogReader reader(files_, logs, std::move(snapshots));
    const Zxid newest = snapshots_.back().zxid;
    Zxid begin = newest;
    manifest_.last = newest;
    std::optional<Zxid> before;
    while (true) {
      TRY_LET(found, reader.next());
      if (!found) break;
      if (reader.repeated()) continue;
      if (!reader.continues()) {
        const bool behind_newest =
            before.value_or(newest) <= newest && follows(newest, reader.zxid());
        if (reader.zxid() > newest && !behind_newest) return hole(reader);
        begin = reader.zxid() > newest ? newest : Zxid{reader.zxid().value - 1};
      }
      before = reader.zxid();
      manifest_.last = std::max(manifest_.last, reader.zxid());
    }
    // What lies between the end of the logs and the newest snapshot is in none of them.
    return before.value_or(newest) < newest ? newest : begin;
  }

  Error hole(const LogReader& reader) const {
    return {
        Errc::corrupt,
        source_.logs() + "/" + name_in(reader.path()) + " holds at offset " +
            std::to_string(reader.offset()) + " transaction " + text_of(reader.zxid()) +
            ", which is not the next one behind " + text_of(manifest_.last) +
            ": transactions are missing or damaged before it, and a backup would lack them; see "
            "`vivarium log --verify`, and restore an earlier backup"};
  }

  Result<void> check_copy() const {
    const Directories copied = backup_directories(target_);
    TRY_LET(epochs, read_epochs(files_, copied));
    for (const auto& [number, name] :
         {std::pair(epochs.current, kEpochFiles[0]), std::pair(epochs.accepted, kEpochFiles[1])})
      if (number.state == FileState::damaged) return damaged_epoch(epoch_path(name));
    return check_files(files_, target_, manifest_, seen_);
  }

  static Error damaged_epoch(const std::string& path) {
    return {Errc::corrupt, path +
                               " does not hold an epoch: wanted a decimal number; a server that is "
                               "started once on it mends it, or says what to do"};
  }

  FileSystem& files_;
  const Directories& source_;
  const std::string target_;
  const BytesSeen& seen_;
  Manifest manifest_;
  std::vector<NamedFile> snapshots_;  ///< Whole copies, in the order of their zxids.
  std::vector<LastRecord> last_records_;
  std::set<std::string> folders_;                    ///< In which copies lie.
  std::vector<std::pair<Zxid, LogFinding>> damage_;  ///< With the name of the log.
  std::vector<NamedFile> broken_;  ///< Snapshots that are not whole, the newest first,
  std::string problem_;            ///< and what is wrong with that.
};

Result<void> check_target(FileSystem& files, const std::string& target) {
  if (!files.exists(target)) return {};
  TRY_LET(entries, files.list(target));
  if (entries.empty()) return {};
  return Error(Errc::already_exists, target + " is not empty, found " + entries.front().name +
                                         "; name a directory that is not there yet");
}

Result<std::uint32_t> crc_of_file(FileSystem& files, const std::string& path, const BytesSeen& seen,
                                  std::uint64_t& bytes) {
  TRY_LET(file, files.open(path, OpenMode::read));
  std::string piece(kPieceBytes, '\0');
  std::uint32_t crc = 0;
  bytes = 0;
  while (true) {
    TRY_LET(got, file->read_at(bytes, piece.data(), piece.size()));
    crc = static_cast<std::uint32_t>(
        ::crc32_z(crc, reinterpret_cast<const Bytef*>(piece.data()), got));
    bytes += got;
    seen(got);
    if (got < piece.size()) return crc;
  }
}

}  // namespace

Result<std::uint32_t> copy_file(FileSystem& files, const std::string& from, const std::string& to,
                                std::uint64_t bytes, const BytesSeen& seen) {
  TRY_LET(source, files.open(from, OpenMode::read));
  TRY_LET(target, files.open(to, OpenMode::create_new));
  std::string piece;
  std::uint32_t crc = 0;
  for (std::uint64_t at = 0; at < bytes; at += piece.size()) {
    piece.resize(static_cast<std::size_t>(std::min(kPieceBytes, bytes - at)));
    TRY_LET(got, source->read_at(at, piece.data(), piece.size()));
    if (got < piece.size()) return changed_meanwhile(from);
    TRY(target->write_at(at, piece));
    crc = static_cast<std::uint32_t>(
        ::crc32_z(crc, reinterpret_cast<const Bytef*>(piece.data()), piece.size()));
    seen(piece.size());
  }
  TRY(target->sync());
  return crc;
}

Result<Manifest> copy_history(FileSystem& files, const Directories& source,
                              const std::string& target, std::size_t snapshots_max,
                              const BytesSeen& seen) {
  TRY(check_target(files, target));
  auto copied = Copy(files, source, target, seen).run(snapshots_max);
  // The reason for the failure is the one to report, whatever comes of this.
  if (copied.has_error()) static_cast<void>(discard_copy(files, target));
  return copied;
}

Result<void> discard_copy(FileSystem& files, const std::string& target) {
  if (!files.exists(target)) return {};
  TRY_LET(entries, files.list(target));
  for (const DirectoryEntry& entry : entries) {
    const std::string path = target + "/" + entry.name;
    if (entry.directory) TRY(discard_copy(files, path));
    TRY(files.remove(path));
  }
  return {};
}

Result<std::uint64_t> bytes_to_copy(FileSystem& files, const Directories& source) {
  TRY_LET(named, source.list_snapshots(files));
  TRY_LET(logs, source.list_logs(files));
  named.insert(named.end(), logs.begin(), logs.end());
  std::uint64_t sum = 0;
  for (const NamedFile& one : named) {
    const auto size = size_of(files, one.path);
    if (size.has_value()) sum += *size;
  }
  return 2 * sum;  // Copied, and then read again.
}

Result<void> check_files(FileSystem& files, const std::string& backup, const Manifest& manifest,
                         const BytesSeen& seen) {
  for (const BackupFile& file : manifest.files) {
    const std::string path = backup + "/" + file.name;
    std::uint64_t bytes = 0;
    TRY_LET(crc, crc_of_file(files, path, seen, bytes));
    if (bytes != file.bytes || crc != file.crc)
      return Error(Errc::corrupt, path + " is not as it was backed up: found " +
                                      std::to_string(bytes) + " bytes with CRC-32 " +
                                      text_of(Zxid{crc}) + ", wanted " +
                                      std::to_string(file.bytes) + " with " +
                                      text_of(Zxid{file.crc}) + "; use another backup");
  }
  return {};
}

}  // namespace vivarium::file
