#include "log_reader.hpp"

#include "history.hpp"
#include "try.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace vivarium::file {
namespace {

// A writer that is at work makes a record whole soon after half of it was seen, ...
constexpr int kLooksMax = 3;
// ... and may go on for as long as somebody looks.
constexpr int kGrowthsMax = 3;

/// For progress alone.
std::uint64_t size_of(File& file) {
  const auto size = file.size();
  return size.has_value() ? *size : 0;
}

}  // namespace

std::string_view name_of(LogFinding::Kind kind) {
  switch (kind) {
  case LogFinding::Kind::torn: return "torn";
  case LogFinding::Kind::empty: return "empty";
  case LogFinding::Kind::vanished: return "vanished";
  case LogFinding::Kind::repeated: return "repeated";
  case LogFinding::Kind::covered: return "covered";
  case LogFinding::Kind::gap: return "gap";
  case LogFinding::Kind::misnamed: return "misnamed";
  case LogFinding::Kind::damage: return "damage";
  }
  return "unknown";
}

bool is_damage(LogFinding::Kind kind) {
  return kind == LogFinding::Kind::gap || kind == LogFinding::Kind::misnamed ||
         kind == LogFinding::Kind::damage;
}

std::string text_of(const LogFinding& finding) {
  return finding.path + " at offset " + std::to_string(finding.offset) + ", behind " +
         text_of(finding.after) + ": " + finding.message;
}

LogReader::LogReader(FileSystem& files, std::vector<NamedFile> logs,
                     std::vector<NamedFile> snapshots)
    : files_(files),
      logs_(std::move(logs)),
      snapshots_(std::move(snapshots)) {
  for (const NamedFile& log : logs_)
    if (const auto file = files_.open(log.path, OpenMode::read); file.has_value())
      bytes_total_ += size_of(**file);
}

std::uint64_t LogReader::bytes_read() const {
  return bytes_before_ + (scanner_ ? scanner_->position() : 0);
}

Result<bool> LogReader::next() {
  while (true) {
    if (!scanner_) {
      TRY_LET(begun, begin_file());
      if (!begun && at_ == logs_.size()) return false;
      if (!begun) continue;
    }
    TRY_LET(found, go_on());
    if (found) return true;
    end_file();
    // Only here: whoever holds a payload keeps the scanner until the next call.
    bytes_before_ += size_of(*file_);
    scanner_.reset();
    file_.reset();
  }
}

Result<bool> LogReader::begin_file() {
  if (at_ == logs_.size()) return false;
  const NamedFile& log = logs_[at_++];
  auto file = files_.open(log.path, OpenMode::read);
  if (file.has_error() && file.error().is(Errc::not_found)) {
    report(LogFinding::Kind::vanished, 0, "the file was removed before it was read");
    return false;
  }
  if (file.has_error()) return file.error();
  file_ = std::move(*file);
  std::string header(kFileHeaderBytes, '\0');
  TRY_LET(got, file_->read_at(0, header.data(), header.size()));
  if (got < header.size() || !header.starts_with(kLogMagic)) {
    TRY(end_headless());
    return false;
  }
  TRY_LET(size, file_->size());
  scanner_.emplace(*file_, kFileHeaderBytes, size);
  looks_ = growths_ = 0;
  first_in_file_ = true;
  return true;
}

/// The next record of this file. At the end, what stands behind the last one is in tail_.
Result<bool> LogReader::go_on() {
  while (true) {
    TRY_LET(found, scanner_->next());
    if (found) {
      if (std::exchange(looks_, 0) > 0) ++growths_;
      place(scanner_->zxid());
      return true;
    }
    // Nothing has come since the last look, so that holds.
    if (looks_ == kLooksMax) return false;
    const auto position = scanner_->position();
    tail_ = Tail::clean;
    // A server that writes faster than its file is read again is left behind.
    if (growths_ < kGrowthsMax) TRY(look_behind(position));
    if (tail_ == Tail::clean) return false;
    ++looks_;
    TRY_LET(size, file_->size());
    scanner_.emplace(*file_, position, size);
  }
}

Result<void> LogReader::look_behind(std::uint64_t position) {
  TRY_LET(tail, examine_tail(*file_, position));
  tail_ = tail;
  return {};
}

void LogReader::end_file() {
  const auto offset = scanner_->position();
  const auto found = scanner_->end();
  const std::string what(found == ScanEnd::clean ? "zeros with data behind them" : name_of(found));
  if (tail_ == Tail::torn)
    report(LogFinding::Kind::torn, offset,
           what + ", as an interrupted or unfinished write leaves it");
  if (tail_ == Tail::damaged)
    report(LogFinding::Kind::damage, offset,
           what + ", and not as an interrupted write leaves it: wanted a whole record or zeros");
  if (tail_ == Tail::clean && first_in_file_)
    report(LogFinding::Kind::empty, offset, "the file holds no transaction");
}

Result<void> LogReader::end_headless() {
  TRY_LET(tail, examine_headless(*file_));
  if (tail == Tail::damaged)
    report(LogFinding::Kind::damage, 0,
           "no header of a transaction log: wanted the bytes " + std::string(kLogMagic));
  else
    report(LogFinding::Kind::empty, 0, "the file was begun, and holds no transaction");
  file_.reset();
  return {};
}

void LogReader::place(Zxid zxid) {
  if (std::exchange(first_in_file_, false)) place_first(zxid);
  repeated_ = last_ && zxid <= *last_;
  if (repeated_) {
    const bool known = !findings_.empty() && findings_.back().kind == LogFinding::Kind::repeated &&
                       findings_.back().path == path();
    if (!known)
      report(LogFinding::Kind::repeated, offset(),
             "transaction " + text_of(zxid) + " and perhaps more, which came before");
    return;
  }
  const bool next = last_ && follows(*last_, zxid);
  continues_ = next && !snapshot_between(*last_, zxid);
  if (last_ && !next) {
    const bool covered = snapshot_leads(*last_, zxid);
    report(
        covered ? LogFinding::Kind::covered : LogFinding::Kind::gap, offset(),
        "transaction " + text_of(zxid) + ", which is not the next one" +
            (covered ? "; a snapshot holds what lies between" : ": what lies between is missing"));
  }
  last_ = zxid;
}

void LogReader::place_first(Zxid zxid) {
  const Zxid named = logs_[at_ - 1].zxid;
  if (named != zxid)
    report(LogFinding::Kind::misnamed, offset(),
           "transaction " + text_of(zxid) + " as the first one: wanted " + text_of(named) +
               ", which the file is named after");
}

bool LogReader::snapshot_between(Zxid low, Zxid high) const {
  return std::any_of(snapshots_.begin(), snapshots_.end(), [&](const NamedFile& snapshot) {
    return low < snapshot.zxid && snapshot.zxid < high;
  });
}

/// Whether one holds all that comes before `high`.
bool LogReader::snapshot_leads(Zxid low, Zxid high) const {
  return std::any_of(snapshots_.begin(), snapshots_.end(), [&](const NamedFile& snapshot) {
    return low < snapshot.zxid && follows(snapshot.zxid, high);
  });
}

void LogReader::report(LogFinding::Kind kind, std::uint64_t offset, std::string message) {
  findings_.push_back(
      {kind, logs_[at_ - 1].path, offset, last_.value_or(Zxid{}), std::move(message)});
}

std::vector<NamedFile> logs_above(std::vector<NamedFile> logs, Zxid zxid) {
  const auto later = std::find_if(logs.begin(), logs.end(),
                                  [&](const NamedFile& log) { return log.zxid > zxid.next(); });
  if (later != logs.begin()) logs.erase(logs.begin(), std::prev(later));
  return logs;
}

}  // namespace vivarium::file
