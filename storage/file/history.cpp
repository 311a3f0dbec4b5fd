#include "history.hpp"

#include "log_tail.hpp"
#include "try.hpp"

#include <algorithm>
#include <utility>

namespace vivarium::file {

void note_mark(std::vector<Mark>& marks, Zxid zxid, std::uint64_t offset) {
  if (marks.empty() || offset - marks.back().offset >= kMarkBytes) marks.push_back({zxid, offset});
}

bool follows(Zxid zxid, Zxid next) {
  if (next == zxid.next()) return true;
  return next.epoch() > zxid.epoch() && next.counter() <= 1;
}

HistoryScan::HistoryScan(Zxid base, std::vector<Zxid> snapshots, Zxid limit)
    : base_(base), limit_(limit), snapshots_(std::move(snapshots)) {
  history_.first_contiguous = history_.last = base;
}

void HistoryScan::skip() {
  last_seen_.reset();
  torn_.reset();
  history_.files.clear();
}

void HistoryScan::end() {
  if (!last_seen_ || *last_seen_ >= base_) return;
  history_.files.clear();
  history_.first_contiguous = base_;
}

void HistoryScan::expect(std::map<Zxid, Acknowledged> logs, Shorter shorter) {
  acknowledged_ = std::move(logs);
  shorter_ = shorter;
}

const Acknowledged* HistoryScan::acknowledged(const NamedFile& file) const {
  const auto known = acknowledged_.find(file.zxid);
  return known == acknowledged_.end() ? nullptr : &known->second;
}

Result<void> HistoryScan::read(FileSystem& files, const NamedFile& file) {
  empty_.push_back(file);
  const auto open = files.open(file.path, OpenMode::read);
  if (open.has_error()) return not_read(file, 0, open.error());
  const auto whole = read_header(**open);
  if (whole.has_error()) return not_read(file, 0, whole.error());
  return *whole ? read_records(file, **open) : read_headless(file, **open);
}

Result<bool> HistoryScan::read_header(File& open) {
  std::string header(kFileHeaderBytes, '\0');
  TRY_LET(got, open.read_at(0, header.data(), header.size()));
  return got == header.size() && header.starts_with(kLogMagic);
}

Result<void> HistoryScan::read_records(const NamedFile& file, File& open) {
  TRY_LET(size, open.size());
  LogScanner scanner(open, kFileHeaderBytes, size);
  const Acknowledged* known = acknowledged(file);
  highest_in_file_.reset();
  Chain chain(file.zxid);
  Acknowledged found{file.zxid, kFileHeaderBytes, {}, chain.value()};
  while (true) {
    const auto next = scanner.next();
    if (next.has_error()) return not_read(file, scanner.position(), next.error());
    if (!*next) break;
    if (scanner.zxid() > limit_) return {};
    chain.add(scanner.offset(), scanner.prefix());
    found = {file.zxid, scanner.position(), scanner.zxid(), chain.value()};
    if (known && scanner.offset() < known->end && scanner.position() >= known->end)
      TRY(check_acknowledged(file, found));
    TRY(take(file, scanner.zxid(), scanner.offset(), scanner.position()));
  }
  if (known && found.end < known->end) TRY(check_acknowledged(file, found));
  TRY(read_tail(file, open, scanner.position(), scanner.end()));
  if (found.end > kFileHeaderBytes) found_.push_back(found);
  return {};
}

/// `found` is the first record at or behind the end of what was acknowledged, or the last of all.
Result<void> HistoryScan::check_acknowledged(const NamedFile& file,
                                             const Acknowledged& found) const {
  const Acknowledged& known = *acknowledged(file);
  if (found.end < known.end) {
    if (shorter_ == Shorter::cut_by_java) return {};
    return damaged(file, found.end,
                   "no good record, and transactions up to " + text_of(known.last) +
                       " at offset " + std::to_string(known.end) + " were acknowledged");
  }
  if (found.end == known.end && found.last == known.last && found.chain == known.chain) return {};
  return damaged(file, kFileHeaderBytes,
                 "records, up to offset " + std::to_string(known.end) +
                     ", that are not those which were acknowledged there: good ones in a wrong "
                     "place, or of an older time");
}

Result<void> HistoryScan::read_headless(const NamedFile& file, File& open) {
  if (const Acknowledged* known = acknowledged(file))
    return damaged(file, 0,
                   "no header of a transaction log, and transactions up to " +
                       text_of(known->last) + " were acknowledged");
  const auto tail = examine_headless(open);
  if (tail.has_error()) return not_read(file, 0, tail.error());
  if (*tail == Tail::damaged) return damaged(file, 0, "no header of a transaction log");
  torn_ = TornTail{file.path, 0, ScanEnd::cut_short};
  return {};
}

Result<void> HistoryScan::read_tail(const NamedFile& file, File& open, std::uint64_t offset,
                                    ScanEnd found) {
  const auto tail = examine_tail(open, offset);
  if (tail.has_error()) return not_read(file, offset, tail.error());
  if (*tail == Tail::damaged)
    return damaged(file, offset,
                   std::string(name_of(found)) + ", and not as an interrupted write leaves it");
  if (*tail == Tail::torn) torn_ = TornTail{file.path, offset, found};
  return {};
}

std::optional<Zxid> HistoryScan::snapshot_between(Zxid low, Zxid high) const {
  const auto above = std::upper_bound(snapshots_.begin(), snapshots_.end(), low);
  return above != snapshots_.end() && *above < high ? std::optional(*above) : std::nullopt;
}

Result<void> HistoryScan::take(const NamedFile& file, Zxid zxid, std::uint64_t offset,
                               std::uint64_t end) {
  if (zxid <= Zxid{})
    return damaged(file, offset, "transaction " + text_of(zxid) + ", a number that none has");
  // A Java server may log again what it had logged before it lost its leader, also in a file that
  // it began with a later one.
  const bool repeated = last_seen_ && zxid <= *last_seen_;
  const bool first_in_file = offset == kFileHeaderBytes;
  if (zxid < file.zxid && (first_in_file || !repeated))
    return damaged(file, offset,
                   "transaction " + text_of(zxid) + ", older than the file is by its name");
  if (repeated) {
    highest_in_file_ = std::max(highest_in_file_.value_or(zxid), zxid);
    return {};
  }
  const bool contradicted = contradicts(zxid);
  const bool continues = last_seen_ && follows(*last_seen_, zxid) && !contradicted &&
                         !snapshot_between(*last_seen_, zxid);
  if (contradicted && *last_seen_ > base_)
    return damaged(file, offset,
                   "transaction " + text_of(zxid) + " behind " + text_of(*highest_in_file_) +
                       ", while " + history_.files.back().path + " goes on to " +
                       text_of(*last_seen_) + ", which then was never committed");
  if (!continues) TRY(begin_run(file, zxid, offset));
  highest_in_file_ = zxid;
  if (history_.files.empty() || history_.files.back().path != file.path)
    history_.files.push_back({file.path, zxid, zxid, end, {}});
  LogFile& part = history_.files.back();
  note_mark(part.marks, zxid, offset);
  part.last = zxid;
  part.end = end;
  last_seen_ = zxid;
  torn_.reset();  // The tail of an earlier file: what it lost was written again.
  empty_.clear();
  if (zxid <= base_) return {};
  history_.last = zxid;
  history_.bytes_above_base += end - offset;
  ++history_.entries_above_base;
  return {};
}

/// Whether the epoch before that of `zxid` ended earlier than another file has it: what a Java
/// server had logged when it lost its leader, and the next one did not have.
bool HistoryScan::contradicts(Zxid zxid) const {
  return highest_in_file_ && *highest_in_file_ < *last_seen_ &&
         zxid.epoch() > highest_in_file_->epoch();
}

Result<void> HistoryScan::begin_run(const NamedFile& file, Zxid zxid, std::uint64_t offset) {
  const Zxid before = std::max(last_seen_.value_or(base_), base_);
  const auto unread = snapshot_between(before, zxid);  // Above the base none could be read.
  const bool behind_base = before == base_ && follows(base_, zxid) && !unread;
  if (zxid > base_ && !behind_base) {
    const bool at_beginning = !last_seen_ && base_ == Zxid{};
    return damaged(file, offset,
                   "transaction " + text_of(zxid) +
                       (unread && follows(before, zxid)
                            ? ", and the snapshot at " + text_of(*unread) +
                                  ", which may hold what came before, cannot be read"
                        : at_beginning ? ", and no snapshot holds what came before"
                                       : ", which is not the next one"));
  }
  history_.files.clear();
  // The predecessor of the first record of an epoch is known only when it is the base.
  history_.first_contiguous = zxid > base_ ? base_ : Zxid{zxid.value - 1};
  return {};
}

Error HistoryScan::damaged(const NamedFile& file, std::uint64_t offset,
                           const std::string& what) const {
  const Zxid last_good = last_seen_.value_or(base_);
  return {Errc::corrupt,
          file.path + " holds at offset " + std::to_string(offset) + ", behind transaction " +
              text_of(last_good) + ", " + what +
              ": acknowledged transactions are missing or damaged; restore the file from a backup, "
              "or, in an ensemble, move the data directory away and let this server be filled by "
              "the others"};
}

Error HistoryScan::not_read(const NamedFile& file, std::uint64_t offset, const Error& cause) const {
  Error error = cause;
  error.what = file.path + " cannot be read at offset " + std::to_string(offset) +
               ", behind transaction " + text_of(last_seen_.value_or(base_)) + " (" + cause.what +
               "): acknowledged transactions may be behind it; look into the system's log and "
               "replace the disk, then restore the file from a backup, or, in an ensemble, move "
               "the data directory away and let this server be filled by the others";
  return error;
}

}  // namespace vivarium::file
