#pragma once
// Reads the transactions of several log files in order, for those who inspect or copy them: it goes
// on behind what is wrong, and says what it met. It changes nothing, and the files may belong to a
// running server: what is appended, rolled or purged meanwhile is no damage.

#include "directories.hpp"
#include "log_scanner.hpp"
#include "log_tail.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace vivarium::file {

/// Something in the logs that is not a whole transaction in its place.
struct LogFinding {
  enum class Kind : std::uint8_t {
    torn,      ///< A write that was interrupted, or is under way: never acknowledged.
    empty,     ///< A file that was begun, and holds nothing.
    vanished,  ///< A file that was purged before it could be read.
    repeated,  ///< Transactions that an earlier file has too, as Java may log them twice.
    covered,   ///< Transactions that are in no log: a snapshot brought this server past them.
    gap,       ///< Transactions that are missing.
    misnamed,  ///< A file whose name is not the zxid of its first transaction.
    damage,
  };
  Kind kind;
  std::string path;
  std::uint64_t offset = 0;
  Zxid after;           ///< The last good transaction before it.
  std::string message;  ///< What was found, in words, without the place.
};
std::string_view name_of(LogFinding::Kind kind);
/// Whether it means that something is lost or changed.
bool is_damage(LogFinding::Kind kind);
/// "log.1 at offset 4711, behind 0x10: ...", with the whole path.
std::string text_of(const LogFinding& finding);

class LogReader {
 public:
  /// The logs in the order of their zxids; `snapshots` explain which of the gaps are none. `files` is
  /// borrowed.
  LogReader(FileSystem& files, std::vector<NamedFile> logs, std::vector<NamedFile> snapshots);

  /// Goes to the next whole record; false at the end. Fails only when the system refuses to read.
  Result<bool> next();

  // Of the record that next() found; the payload is valid until the next call.
  Zxid zxid() const { return scanner_->zxid(); }
  std::string_view payload() const { return scanner_->payload(); }
  const std::string& path() const { return logs_[at_ - 1].path; }
  std::uint64_t offset() const { return scanner_->offset(); }
  /// Where the record ends in its file.
  std::uint64_t position() const { return scanner_->position(); }
  /// An earlier record has this zxid, or a higher one.
  bool repeated() const { return repeated_; }
  /// Nothing is missing between the record before it, that is not repeated, and this one; nor may
  /// be, as when a snapshot stands between them.
  bool continues() const { return continues_; }

  const std::vector<LogFinding>& findings() const { return findings_; }
  /// Of all files, for progress: read so far, and in all as far as it is known.
  std::uint64_t bytes_read() const;
  std::uint64_t bytes_total() const { return bytes_total_; }

 private:
  Result<bool> begin_file();
  Result<bool> go_on();
  Result<void> look_behind(std::uint64_t position);
  void end_file();
  Result<void> end_headless();
  void place(Zxid zxid);
  void place_first(Zxid zxid);
  bool snapshot_between(Zxid low, Zxid high) const;
  bool snapshot_leads(Zxid low, Zxid high) const;
  void report(LogFinding::Kind kind, std::uint64_t offset, std::string message);

  FileSystem& files_;
  std::vector<NamedFile> logs_, snapshots_;
  std::size_t at_ = 0;  ///< One past the file that is being read.
  std::unique_ptr<File> file_;
  std::optional<LogScanner> scanner_;  ///< Of the file; none between files.
  Tail tail_ = Tail::clean;
  int looks_ = 0;    ///< At what stands behind the last record, since that was found.
  int growths_ = 0;  ///< How often a later look found more.
  std::optional<Zxid> last_;  ///< The highest zxid so far.
  bool first_in_file_ = false;
  bool repeated_ = false, continues_ = false;
  std::vector<LogFinding> findings_;
  std::uint64_t bytes_before_ = 0, bytes_total_ = 0;
};

/// The logs that may hold a transaction above `zxid`: the last one that begins at or before the next
/// one, and those behind it.
std::vector<NamedFile> logs_above(std::vector<NamedFile> logs, Zxid zxid);

}  // namespace vivarium::file
