#include "log_writer.hpp"

#include "format.hpp"
#include "try.hpp"

#include <utility>

namespace vivarium::file {
namespace {

// ZooKeeper's distance from the known end at which the file grows.
constexpr std::uint64_t kRoomBytes = 4096;
// What the buffer keeps of its capacity between groups.
constexpr std::size_t kBufferBytesKept = 2 * kGroupBytes;

bool is_full(const Result<void>& outcome) {
  return outcome.has_error() && outcome.error().is(Errc::no_space);
}

}  // namespace

Result<std::optional<LogWriter::Appended>> LogWriter::append(FileSystem& files,
                                                             std::span<const LogEntry> entries) {
  Appended appended;
  const std::uint64_t offset = file_ ? position_ : 0;
  const auto room = write(files, entries, appended);
  if (room.has_error()) return explained(room.error(), offset, entries);
  return *room ? std::optional(std::move(appended)) : std::nullopt;
}

Result<bool> LogWriter::write(FileSystem& files, std::span<const LogEntry> entries,
                              Appended& appended) {
  appended.begins_file = !file_;
  appended.entries = entries.size();
  if (!file_) name_file(entries.front().zxid);
  appended.part.path = path_;
  encode(entries, appended.part);
  if (!file_) {
    const auto begun = create_file(files);
    if (is_full(begun)) return false;
    TRY(begun);
  }
  const auto put = file_->write_at(position_, buffer_);
  if (is_full(put)) {
    TRY(take_back(files, appended.begins_file));
    return false;
  }
  TRY(put);
  position_ += buffer_.size();
  TRY(make_durable(files, appended.begins_file));
  TRY(acknowledge());
  const bool full = settings_.file_bytes_max > 0 && position_ > settings_.file_bytes_max;
  TRY(full ? roll() : allocate_ahead());
  return true;
}

Error LogWriter::explained(const Error& cause, std::uint64_t offset,
                           std::span<const LogEntry> entries) const {
  Error error = cause;
  error.what = "the log " + path_ + " could not be continued at offset " + std::to_string(offset) +
               " with transactions " + text_of(entries.front().zxid) + " to " +
               text_of(entries.back().zxid) + " (" + cause.what +
               "): none of them was acknowledged. A disk that failed once can no longer be "
               "believed: look into the system's log, mend or replace it, and start again, which "
               "reads back and checks everything that was acknowledged";
  return error;
}

void LogWriter::name_file(Zxid first) {
  path_ = directories_.log_path(first);
  position_ = allocated_ = 0;
  buffer_ = log_header();
  chain_ = Chain(first);
  next_.first = first;
}

/// When its content is ready to be written: Java does not start on a log that is empty.
Result<void> LogWriter::create_file(FileSystem& files) {
  // Never over an existing file: its content, or that of its record, would be lost without a trace.
  if (files.exists(path_)) return Error(Errc::already_exists, path_ + " exists already");
  if (settings_.force_sync == ForceSync::yes) {
    TRY_LET(record, AcknowledgedWriter::begin(files, directories_, next_.first));
    record_ = std::move(record);
  }
  TRY_LET(file, files.open(path_, OpenMode::create_new));
  file_ = std::move(file);
  return {};
}

void LogWriter::encode(std::span<const LogEntry> entries, LogFile& part) {
  std::size_t bytes = buffer_.size();
  for (const LogEntry& entry : entries) bytes += entry.payload.size() + kRecordOverheadBytes;
  buffer_.reserve(bytes);
  part.first = entries.front().zxid;
  part.last = entries.back().zxid;
  next_chain_ = chain_;
  for (const LogEntry& entry : entries) {
    const std::size_t at = buffer_.size();
    note_mark(part.marks, entry.zxid, position_ + at);
    append_record(buffer_, entry.payload.view());
    next_chain_.add(position_ + at, record_prefix(std::string_view(buffer_).substr(at)));
  }
  part.end = position_ + buffer_.size();
  next_ = {next_.first, part.end, part.last, next_chain_.value()};
}

Result<void> LogWriter::make_durable(FileSystem& files, bool new_file) {
  buffer_.clear();
  if (buffer_.capacity() > kBufferBytesKept) buffer_.shrink_to_fit();
  if (settings_.force_sync == ForceSync::no) return {};
  TRY(file_->sync());
  return new_file ? files.sync_directory(directories_.logs()) : Result<void>();
}

/// Behind the sync, so that the record is never ahead of the log, and before anybody hears of the
/// group, so that it is behind after a power failure only.
Result<void> LogWriter::acknowledge() {
  chain_ = next_chain_;
  if (!record_) return {};
  const auto written = record_->write(next_);
  // The room was made at the beginning. Where the file system wants new room for every write, a
  // record that stays behind does no harm.
  return written.has_error() && written.error().is(Errc::no_space) ? Result<void>() : written;
}

/// Undoes a write that may have come in part. Needs no sync: a crash meanwhile leaves what any
/// interrupted write leaves.
Result<void> LogWriter::take_back(FileSystem& files, bool new_file) {
  buffer_.clear();
  if (new_file) {
    file_.reset();
    return files.remove(path_);
  }
  allocated_ = position_;
  return file_->truncate(position_);
}

/// After the sync, so that a file never has its space before its header: Java refuses one that
/// begins with zeros.
Result<void> LogWriter::allocate_ahead() {
  const std::uint64_t step = settings_.preallocate_bytes;
  if (step == 0 || position_ + kRoomBytes < allocated_) return {};
  allocated_ = (position_ + kRoomBytes) / step * step + step;
  const auto allocated = file_->allocate(allocated_);
  // What was to be written is written; if the disk is full, the next write will say so.
  if (allocated.has_error() && !allocated.error().is(Errc::no_space)) return allocated;
  return {};
}

Result<void> LogWriter::roll() {
  if (!file_) return {};
  TRY(sync_record());
  TRY(file_->truncate(position_));
  record_.reset();
  file_.reset();
  return {};
}

Result<void> LogWriter::sync_record() { return record_ ? record_->sync() : Result<void>(); }

}  // namespace vivarium::file
