#include "restore.hpp"

#include "change.hpp"
#include "epochs.hpp"
#include "format.hpp"
#include "history.hpp"
#include "log_reader.hpp"
#include "occupancy.hpp"
#include "snapshot_reader.hpp"
#include "try.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace vivarium::file {
namespace {

std::string name_in(const std::string& path) { return path.substr(path.rfind('/') + 1); }

/// Notes how much of each log lies at or before the end of the plan.
class Cut {
 public:
  Cut(RestorePlan& plan, LogReader& reader) : plan_(plan), reader_(reader) {}

  Result<void> make() {
    while (true) {
      TRY_LET(found, reader_.next());
      if (!found) break;
      if (reader_.zxid() > plan_.end) {
        behind_ = reader_.zxid();
        break;
      }
      TRY(take());
    }
    if (last_ == plan_.end || plan_.base().zxid == plan_.end) return {};
    return out_of_range();
  }

 private:
  Result<void> take() {
    const Zxid base = plan_.base().zxid;
    if (!reader_.repeated()) {
      const bool begins = last_.value_or(base) <= base && follows(base, reader_.zxid());
      if (reader_.zxid() > base && !reader_.continues() && !begins) {
        behind_ = reader_.zxid();  // A hole.
        return out_of_range();
      }
      last_ = reader_.zxid();
    }
    auto& logs = plan_.logs;
    if (logs.empty() || logs.back().file.path != reader_.path())
      logs.push_back({{reader_.zxid(), reader_.path()}, 0});
    logs.back().bytes = reader_.position();
    return {};
  }

  Error out_of_range() const {
    const Zxid before = std::max(last_.value_or(Zxid{}), plan_.base().zxid);
    return {Errc::out_of_range,
            "the history in this backup cannot end at " + text_of(plan_.end) + ": behind " +
                text_of(before) + " comes " +
                (behind_ ? text_of(*behind_) : std::string("nothing")) +
                "; name the zxid of a transaction that it holds (`vivarium log` lists them)"};
  }

  RestorePlan& plan_;
  LogReader& reader_;
  std::optional<Zxid> last_, behind_;
};

/// One restore.
class Restore {
 public:
  Restore(FileSystem& files, std::string backup, const RestorePlan& plan, const Directories& into,
          const BytesSeen& seen)
      : files_(files),
        backup_(std::move(backup)),
        plan_(plan),
        into_(into),
        seen_(seen) {}

  Result<void> run(Existing existing, const std::string& word) {
    TRY_LET(found, find_existing());
    if (found && existing == Existing::refuse) return refusal(*found);
    TRY(refuse_backup());
    TRY(into_.create(files_));
    const auto locks = occupy(files_, into_, word);  // Until this function returns.
    if (locks.has_error()) return locks.error();
    if (found) TRY(end_change());
    TRY(into_.remove_unfinished(files_));
    TRY(check_space());
    TRY(bring_back_id());
    if (!found) TRY(announce_restore(files_, into_, plan_.end));
    TRY(write_files());
    TRY(check_written());
    for (const std::string& folder : {into_.own(), into_.snapshots(), into_.logs()})
      TRY(files_.sync_directory(folder));
    return make_change(files_, into_,
                       {found ? ChangeKind::replace : ChangeKind::restore, plan_.end});
  }

 private:
  /// Something that belongs to a history; what an interrupted restore left is nothing.
  Result<std::optional<std::string>> find_existing() const {
    TRY_LET(announced, restore_announced(files_, into_));
    const auto leftover = [announced = announced](const std::string& name) {
      if (name == "lock" || name == "change.tmp") return true;
      return announced &&
             (name == "change" || is_guard(name) || name.starts_with("unfinished."));
    };
    for (const std::string& folder :
         {into_.snapshots(), into_.logs(), into_.own(), into_.own_beside_logs()}) {
      TRY_LET(found, find_file(folder, leftover));
      if (found) return found;
    }
    return std::optional<std::string>();
  }

  template <class Leftover>
  Result<std::optional<std::string>> find_file(const std::string& folder,
                                               const Leftover& leftover) const {
    if (!files_.exists(folder)) return std::optional<std::string>();
    TRY_LET(entries, files_.list(folder));
    for (const DirectoryEntry& entry : entries) {
      const std::string path = folder + "/" + entry.name;
      if (!entry.directory && !leftover(entry.name)) return std::optional(path);
      if (!entry.directory) continue;
      TRY_LET(inside, find_file(path, leftover));
      if (inside) return inside;
    }
    return std::optional<std::string>();
  }

  /// What was interrupted needs the unfinished files, which are removed next. If it cannot be
  /// completed, no start may try it any more.
  Result<void> end_change() const {
    if (finish_change(files_, into_).has_value()) return {};
    return announce_restore(files_, into_, plan_.end);
  }

  Error refusal(const std::string& found) const {
    return {Errc::already_exists, into_.data_dir() + " holds a history already, found " + found +
                                      "; restore into an empty directory (mv " + into_.data_dir() +
                                      " " + into_.data_dir() +
                                      ".old), or say --replace to lose what is there"};
  }

  /// Against `vivarium restore B B --replace`.
  Result<void> refuse_backup() const {
    for (const std::string& folder : {into_.data_dir(), into_.data_log_dir()})
      if (files_.exists(folder + "/manifest"))
        return Error(Errc::already_exists,
                     folder + " is a backup itself, found " + folder +
                         "/manifest; name the data directory of the server that is to run");
    return {};
  }

  Result<void> check_space() const {
    std::uint64_t snapshots = 0, logs = 0;
    for (const NamedFile& snapshot : plan_.snapshots) {
      TRY_LET(file, files_.open(snapshot.path, OpenMode::read));
      TRY_LET(size, file->size());
      snapshots += size;
    }
    for (const auto& log : plan_.logs) logs += log.bytes;
    if (!into_.separate_logs()) snapshots += logs;
    TRY(check_space(into_.snapshots(), snapshots));
    return check_space(into_.logs(), logs);
  }

  Result<void> check_space(const std::string& folder, std::uint64_t wanted) const {
    TRY_LET(free, files_.free_bytes(folder));
    if (free > wanted) return {};
    return Error(Errc::no_space, folder + " has " + std::to_string(free) + " bytes free, wanted " +
                                     std::to_string(wanted) + "; make room, or restore elsewhere");
  }

  /// Of a server that has none.
  Result<void> bring_back_id() const {
    const std::string from = backup_ + "/myid";
    if (!files_.exists(from) || files_.exists(into_.data_dir() + "/myid")) return {};
    TRY_LET(text, read_file(files_, from));
    return replace_file(files_, into_.data_dir(), "myid", text);
  }

  Result<void> write_files() {
    for (const NamedFile& snapshot : plan_.snapshots)
      TRY(write_whole(snapshot.path, into_.snapshots()));
    for (const auto& log : plan_.logs)
      TRY(write(log.file.path, Directories::unfinished_path(into_.logs(), name_in(log.file.path)),
                log.bytes));
    return write_epochs();
  }

  /// All that a server must not forget of its promises. What else is ours alone speaks of the history
  /// as it was, and is made anew at the next start.
  Result<void> write_epochs() {
    const Directories from = backup_directories(backup_);
    for (const std::string_view name : kEpochFiles) {
      const std::string path = from.snapshots() + "/" + std::string(name);
      if (files_.exists(path)) TRY(write_whole(path, into_.snapshots()));
    }
    const std::string copy = epochs_copy_path(from);
    return files_.exists(copy) ? write_whole(copy, into_.own()) : Result<void>();
  }

  Result<void> write_whole(const std::string& from, const std::string& folder) {
    TRY_LET(file, files_.open(from, OpenMode::read));
    TRY_LET(size, file->size());
    return write(from, Directories::unfinished_path(folder, name_in(from)), size);
  }

  Result<void> write(const std::string& from, const std::string& to, std::uint64_t bytes) {
    TRY_LET(crc, copy_file(files_, from, to, bytes, seen_));
    static_cast<void>(crc);  // What was written is read again below.
    return {};
  }

  /// Reads what was written, as a start will.
  Result<void> check_written() const {
    for (const NamedFile& snapshot : plan_.snapshots)
      TRY(verify_snapshot(files_, {snapshot.zxid, Directories::unfinished_path(
                                                      into_.snapshots(), name_in(snapshot.path))}));
    std::vector<NamedFile> logs;
    for (const auto& log : plan_.logs)
      logs.push_back(
          {log.file.zxid, Directories::unfinished_path(into_.logs(), name_in(log.file.path))});
    LogReader reader(files_, logs, plan_.snapshots);
    Zxid last = plan_.base().zxid;
    while (true) {
      TRY_LET(found, reader.next());
      if (!found) break;
      last = std::max(last, reader.zxid());
    }
    const auto& findings = reader.findings();
    const auto bad = std::find_if(findings.begin(), findings.end(), [](const LogFinding& finding) {
      return finding.kind == LogFinding::Kind::damage || finding.kind == LogFinding::Kind::torn;
    });
    if (bad == findings.end() && last == plan_.end) return {};
    return Error(Errc::corrupt,
                 "what was written to " + into_.data_dir() + " is not what was read: " +
                     (bad != findings.end() ? text_of(*bad) : "it ends at " + text_of(last)) +
                     "; check the disk and restore again");
  }

  FileSystem& files_;
  const std::string backup_;
  const RestorePlan& plan_;
  const Directories& into_;
  const BytesSeen& seen_;
};

}  // namespace

Result<RestorePlan> plan_restore(FileSystem& files, const std::string& backup, Zxid end,
                                 Zxid newest_snapshot) {
  const Directories from = backup_directories(backup);
  TRY_LET(snapshots, from.list_snapshots(files));
  TRY_LET(logs, from.list_logs(files));
  RestorePlan plan;
  plan.end = end;
  for (const NamedFile& snapshot : snapshots)
    if (snapshot.zxid <= std::min(end, newest_snapshot)) plan.snapshots.push_back(snapshot);
  if (plan.snapshots.empty())
    return Error(Errc::out_of_range,
                 backup + " cannot be brought back to " + text_of(end) + ": its oldest snapshot " +
                     (snapshots.empty() ? "is missing" : "is " + snapshots.front().path) +
                     ", and what came before is not known; name a later zxid, or an older backup");
  LogReader reader(files, logs, plan.snapshots);
  TRY(Cut(plan, reader).make());
  return plan;
}

Result<void> restore(FileSystem& files, const std::string& backup, const RestorePlan& plan,
                     const Directories& into, Existing existing, const std::string& word,
                     const BytesSeen& seen) {
  return Restore(files, backup, plan, into, seen).run(existing, word);
}

}  // namespace vivarium::file
