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

}  // namespace

Result<LogWriter::Appended> LogWriter::append(FileSystem& files,
                                              std::span<const LogEntry> entries) {
  Appended appended;
  appended.begins_file = !file_;
  appended.entries = entries.size();
  if (!file_) TRY(begin_file(files, entries.front().zxid));
  appended.part.path = path_;
  encode(entries, appended.part);
  TRY(write_durably(files, appended.begins_file));
  TRY(allocate_ahead());
  return appended;
}

Result<void> LogWriter::begin_file(FileSystem& files, Zxid first) {
  path_ = directories_.log_path(first);
  // Never over an existing file: its content would be lost without a trace.
  TRY_LET(file, files.open(path_, OpenMode::create_new));
  file_ = std::move(file);
  position_ = allocated_ = 0;
  buffer_ = log_header();
  return {};
}

void LogWriter::encode(std::span<const LogEntry> entries, LogFile& part) {
  std::size_t bytes = buffer_.size();
  for (const LogEntry& entry : entries) bytes += entry.payload.size() + kRecordOverheadBytes;
  buffer_.reserve(bytes);
  part.first = entries.front().zxid;
  part.last = entries.back().zxid;
  for (const LogEntry& entry : entries) {
    note_mark(part.marks, entry.zxid, position_ + buffer_.size());
    append_record(buffer_, entry.payload.view());
  }
  part.end = position_ + buffer_.size();
}

Result<void> LogWriter::write_durably(FileSystem& files, bool new_file) {
  TRY(file_->write_at(position_, buffer_));
  position_ += buffer_.size();
  buffer_.clear();
  if (buffer_.capacity() > kBufferBytesKept) buffer_.shrink_to_fit();
  if (settings_.force_sync == ForceSync::no) return {};
  TRY(file_->sync());
  return new_file ? files.sync_directory(directories_.logs()) : Result<void>();
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
  const auto file = std::exchange(file_, nullptr);
  return file->truncate(position_);
}

}  // namespace vivarium::file
