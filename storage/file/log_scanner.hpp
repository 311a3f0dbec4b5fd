#pragma once
// Reads the records of one log file in order. Runs in jobs.

#include "format.hpp"

#include <vivarium/disk.hpp>

#include <cstdint>
#include <string>

namespace vivarium::file {

/// Why a scan ended where it did.
enum class ScanEnd : std::uint8_t {
  clean,      ///< At the end of the file, or at the zeros of preallocated space.
  cut_short,  ///< The file ends, or zeros begin, inside a record.
  bad_length,
  bad_checksum,
};
std::string_view name_of(ScanEnd end);

class LogScanner {
 public:
  /// Scans from the record that begins at `from` and looks at nothing from `to` on. The file is
  /// borrowed.
  LogScanner(File& file, std::uint64_t from, std::uint64_t to);

  /// Goes to the next record; false when there is none.
  Result<bool> next();

  // Of the record that next() found. The payload is valid until the next call.
  Zxid zxid() const { return zxid_in(payload()); }
  std::string_view payload() const { return payload_; }
  const RecordPrefix& prefix() const { return prefix_; }
  std::uint64_t offset() const { return offset_; }

  /// Where the record ends; after the last one, where the scan ended.
  std::uint64_t position() const { return position_; }
  ScanEnd end() const { return end_; }

 private:
  Result<bool> ends(ScanEnd why);
  Result<std::size_t> fill(std::size_t bytes);

  File& file_;
  std::uint64_t to_;
  std::uint64_t offset_ = 0;
  std::uint64_t position_;
  std::string window_;  ///< Bytes of the file from window_at_ on.
  std::uint64_t window_at_;
  std::string_view payload_;
  RecordPrefix prefix_;
  ScanEnd end_ = ScanEnd::clean;
};

}  // namespace vivarium::file
