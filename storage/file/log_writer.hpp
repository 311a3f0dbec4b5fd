#pragma once
// Appends to the log: each group of entries is one write and one sync. Runs in jobs of the log
// lane.

#include "acknowledged.hpp"
#include "directories.hpp"
#include "history.hpp"

#include <vivarium/log_store.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace vivarium::file {

enum class ForceSync : std::uint8_t { yes, no };

struct LogWriterSettings {
  std::uint64_t preallocate_bytes = 0;  ///< By how much the file grows at a time; 0: not ahead.
  ForceSync force_sync = ForceSync::yes;
  std::uint64_t file_bytes_max = 0;  ///< The group that makes a file longer ends it; 0: none does.
};

/// A group of entries is closed when it holds this much.
inline constexpr std::size_t kGroupBytes = std::size_t{4} << 20;

class LogWriter {
 public:
  LogWriter(const Directories& directories, const LogWriterSettings& settings)
      : directories_(directories), settings_(settings) {}

  /// What a group brought to its file. When `begins_file`, that is a new one.
  struct Appended {
    bool begins_file = false;
    std::uint64_t entries = 0;
    LogFile part;
  };
  /// Durable when it returns. Nothing when the disk is full: then no byte of the group is left in
  /// the file, and it can be appended again. That no sync has failed makes this sound.
  Result<std::optional<Appended>> append(FileSystem& files, std::span<const LogEntry> entries);

  /// The next append begins a new file. Gives preallocated space back.
  Result<void> roll();

  /// Makes the record of what was acknowledged durable.
  Result<void> sync_record();

 private:
  /// Whether there was room.
  Result<bool> write(FileSystem& files, std::span<const LogEntry> entries, Appended& appended);
  void name_file(Zxid first);
  Result<void> create_file(FileSystem& files);
  void encode(std::span<const LogEntry> entries, LogFile& part);
  Result<void> make_durable(FileSystem& files, bool new_file);
  Result<void> take_back(FileSystem& files, bool new_file);
  Result<void> acknowledge();
  Result<void> allocate_ahead();
  Error explained(const Error& cause, std::uint64_t offset,
                  std::span<const LogEntry> entries) const;

  const Directories& directories_;
  LogWriterSettings settings_;
  std::unique_ptr<File> file_;
  std::string path_;
  std::uint64_t position_ = 0, allocated_ = 0;
  std::string buffer_;
  std::unique_ptr<AcknowledgedWriter> record_;  ///< None when nothing is synced.
  Chain chain_{Zxid{}};  ///< Over the records in the file.
  /// What the group that is being written comes to.
  Chain next_chain_{Zxid{}};
  Acknowledged next_;
};

}  // namespace vivarium::file
