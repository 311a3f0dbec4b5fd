#pragma once
// A record, beside each log, of how far the log was reported durable. It tells what a crash may
// have left torn from what was acknowledged and must be there.
//
//     dataLogDir/vivarium/acknowledged/log.<zxid>        one for each log of that name
//     dataLogDir/vivarium/acknowledged/snapshot.<zxid>   for a snapshot that replaced the history
//
// A record is written, not synced, after each sync of its log and before anybody hears of it;
// synced in the background, when the log ends, and at each start for what the start has read. So it
// is never ahead of the log; behind it only after a power failure, by what the background had not
// synced. It has two slots, written in turn: one is whole at every moment.
// docs/decisions/acknowledged-record.md gives the reasons.

#include "directories.hpp"
#include "format.hpp"

#include <vivarium/log_store.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace vivarium::file {

/// A running checksum over where the records of a log begin, and their checksums and lengths. A
/// good record in the wrong place changes it.
class Chain {
 public:
  explicit Chain(Zxid first);
  void add(std::uint64_t offset, const RecordPrefix& prefix);
  std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_;
};

struct Acknowledged {
  Zxid first;             ///< Names the file.
  std::uint64_t end = 0;  ///< The records up to this offset were acknowledged,
  Zxid last;              ///< the last of which has this zxid,
  std::uint64_t chain = 0;
};

/// The record of the log that is being written. Log lane, but for sync_acknowledged.
class AcknowledgedWriter {
 public:
  /// Makes room for the record, so that a full disk is noticed before the log is written.
  static Result<std::unique_ptr<AcknowledgedWriter>> begin(FileSystem& files,
                                                           const Directories& directories,
                                                           Zxid first);
  Result<void> write(const Acknowledged& acknowledged);
  Result<void> sync();

 private:
  explicit AcknowledgedWriter(std::unique_ptr<File> file) : file_(std::move(file)) {}

  std::unique_ptr<File> file_;
  std::uint64_t sequence_ = 0;
};

/// Whether a record's name is known to be durable.
enum class RecordName : std::uint8_t { fresh, durable };
/// Makes the record of this log durable, from any lane; nothing happens when it is gone.
Result<void> sync_acknowledged(FileSystem& files, const Directories& directories, Zxid first,
                               RecordName name);

struct AcknowledgedRecords {
  std::map<Zxid, Acknowledged> logs;
  std::map<Zxid, Acknowledged> snapshots;
  /// Records that say nothing: their log was begun, and nothing in it was acknowledged. Or a power
  /// failure came before the first sync.
  std::vector<std::string> blank;
  std::vector<Damage> damage;
};
Result<AcknowledgedRecords> read_acknowledged(FileSystem& files, const Directories& directories);

/// Replaces the record of a log that is not being written. Durable when it returns.
Result<void> write_acknowledged(FileSystem& files, const Directories& directories,
                                const Acknowledged& acknowledged);
/// Removes the records of logs and snapshots that begin above `zxid`. Durable when it returns.
Result<void> forget_acknowledged_above(FileSystem& files, const Directories& directories,
                                       Zxid zxid);
/// The installed snapshot is all that there is. Durable when it returns.
Result<void> acknowledge_snapshot_only(FileSystem& files, const Directories& directories,
                                       Zxid zxid);

}  // namespace vivarium::file
