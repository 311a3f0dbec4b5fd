#pragma once
// Which transactions the log files hold, in one run without a hole. Runs in jobs.
//
// A run is broken by a missing zxid, and by a snapshot between two neighbours: a server that was
// brought up to date by a snapshot continues its log behind it, and what lies between is in no log.
// So does one of counter 0, with which an idle leader of a new epoch labels all that it holds.
// Below the base, the snapshot that is going to be loaded, broken runs are usual, and the newest
// counts. Above it a hole is lost history, and the scan fails.

#include "acknowledged.hpp"
#include "directories.hpp"
#include "log_scanner.hpp"

#include <vivarium/log_store.hpp>

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace vivarium::file {

/// A place in a log file where a record begins.
struct Mark {
  Zxid zxid;
  std::uint64_t offset = 0;
};

/// The part of a log file that belongs to the run.
struct LogFile {
  std::string path;
  Zxid first, last;
  std::uint64_t end = 0;    ///< Where the last record ends.
  std::vector<Mark> marks;  ///< The first record, and then one every kMarkBytes.
};

inline constexpr std::uint64_t kMarkBytes = std::uint64_t{1} << 20;
/// Notes the record as a mark if it lies far enough behind the last one.
void note_mark(std::vector<Mark>& marks, Zxid zxid, std::uint64_t offset);

/// Whether `next` may be the transaction right behind `zxid`.
bool follows(Zxid zxid, Zxid next);

struct History {
  Zxid first_contiguous;  ///< The run holds every transaction above this one ...
  Zxid last;              ///< ... up to this one. The base, when no record is above it.
  std::vector<LogFile> files;
  std::uint64_t bytes_above_base = 0, entries_above_base = 0;
};

class HistoryScan {
 public:
  /// `base` is the zxid of the snapshot that is going to be loaded, 0 for none. `snapshots` are the
  /// zxids of all that are there, in order.
  /// Takes no record above `limit`.
  HistoryScan(Zxid base, std::vector<Zxid> snapshots, Zxid limit = kNoLimit);
  static constexpr Zxid kNoLimit{std::numeric_limits<std::int64_t>::max()};

  /// What was acknowledged of each log, as far as that is known: less than that is damage, however
  /// it looks. `shorter` allows logs that end before, behind a record: a Java server has cut them.
  enum class Shorter : std::uint8_t { damage, cut_by_java };
  void expect(std::map<Zxid, Acknowledged> logs, Shorter shorter);

  /// Reads the next file. Fails when it is damaged, or shows that something is missing before it.
  Result<void> read(FileSystem& files, const NamedFile& file);
  /// Goes on behind a file that could not be read, as if its records did not exist.
  void skip();
  /// After the last file. A run that ends below the base does not count: what lies between is in no
  /// log, and what is appended next does not follow it.
  void end();

  History& history() { return history_; }
  const History& history() const { return history_; }

  /// The interrupted write at the end of the last file, if any: to be cut off before anything is
  /// written behind it.
  struct TornTail {
    std::string path;
    std::uint64_t offset = 0;  ///< 0 when not even the file's header is whole.
    ScanEnd found{};
  };
  const std::optional<TornTail>& torn_tail() const { return torn_; }
  /// What was found in each file that was read to its end, to be acknowledged from now on.
  const std::vector<Acknowledged>& found() const { return found_; }
  /// The files at the end in which no record of the history was found.
  const std::vector<NamedFile>& empty_files() const { return empty_; }

 private:
  static Result<bool> read_header(File& open);
  Result<void> read_records(const NamedFile& file, File& open);
  const Acknowledged* acknowledged(const NamedFile& file) const;
  Result<void> check_acknowledged(const NamedFile& file, const Acknowledged& found) const;
  Result<void> read_headless(const NamedFile& file, File& open);
  Result<void> read_tail(const NamedFile& file, File& open, std::uint64_t offset, ScanEnd found);
  Result<void> take(const NamedFile& file, Zxid zxid, std::uint64_t offset, std::uint64_t end);
  std::optional<Zxid> snapshot_between(Zxid low, Zxid high) const;
  bool contradicts(Zxid zxid) const;
  Result<void> begin_run(const NamedFile& file, Zxid zxid, std::uint64_t offset);
  Error damaged(const NamedFile& file, std::uint64_t offset, const std::string& what) const;
  Error not_read(const NamedFile& file, std::uint64_t offset, const Error& cause) const;

  Zxid base_, limit_;
  std::vector<Zxid> snapshots_;
  History history_;
  std::optional<Zxid> last_seen_;  ///< Of the run; nothing at its beginning.
  std::optional<Zxid> highest_in_file_;  ///< Of the one that is being read.
  std::map<Zxid, Acknowledged> acknowledged_;
  Shorter shorter_ = Shorter::damage;
  std::vector<Acknowledged> found_;
  std::optional<TornTail> torn_;
  std::vector<NamedFile> empty_;
};

}  // namespace vivarium::file
