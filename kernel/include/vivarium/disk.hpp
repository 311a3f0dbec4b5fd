#pragma once
// Door 2 of 4: files.
//
// Work on files is written as plain sequential code, a job, which runs on the thread of one lane and
// sees files only through a FileSystem. Its outcome comes back as an event on the loop. The log's lane
// does nothing but the log, so its sync never waits behind a snapshot, which uses the bulk lane.
//
// A job owns its inputs and touches nothing of the live state: under simulation it runs at a seeded
// virtual time against files in memory, and a simulated crash ends it between any two of its calls.
// docs/decisions/disk-jobs.md says why jobs and not one completion for each call.

#include <vivarium/result.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace vivarium {

enum class OpenMode : std::uint8_t {
  read,          ///< Must exist.
  read_write,    ///< Must exist.
  create_new,    ///< Must not exist.
  create_empty,  ///< Created, or emptied.
};

/// An open file. Closed by its destructor. Used by one lane at a time.
class File {
 public:
  virtual ~File() = default;

  /// Reads up to `size` bytes at `offset`; fewer only at the end of the file.
  virtual Result<std::size_t> read_at(std::uint64_t offset, char* into, std::size_t size) = 0;
  /// Writes all of `bytes` at `offset` or fails; a short write is a failure. Behind Errc::no_space
  /// a part of them may stand in the file.
  virtual Result<void> write_at(std::uint64_t offset, std::string_view bytes) = 0;
  /// Makes the file at least `size` bytes long, with zeros, and reserves the space on the disk.
  virtual Result<void> allocate(std::uint64_t size) = 0;
  /// Cuts or extends the file to exactly `size` bytes.
  virtual Result<void> truncate(std::uint64_t size) = 0;
  /// Makes the data, and what is needed to find it, durable. After a failure, which is
  /// Errc::io_failed whatever the reason, the file is poisoned: every later call fails, and nothing
  /// written since the last good sync may be trusted.
  virtual Result<void> sync() = 0;
  virtual Result<std::uint64_t> size() = 0;
};

/// A lock on a directory or file; released when destroyed, and by the death of the process.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

struct DirectoryEntry {
  std::string name;
  bool directory = false;
};

/// The files as a job sees them. Paths are absolute. Calls block. Thread: the lane that runs the job.
class FileSystem {
 public:
  virtual ~FileSystem() = default;

  virtual Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) = 0;
  /// A POSIX record lock on the whole file, which is created when missing: the kind that a Java
  /// server takes. Errc::in_use when somebody else holds it.
  virtual Result<std::unique_ptr<FileLock>> lock(const std::string& path) = 0;
  virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
  virtual Result<void> remove(const std::string& path) = 0;
  virtual Result<std::vector<DirectoryEntry>> list(const std::string& directory) = 0;
  /// Creates the directory and its missing parents, mode 0700, durably.
  virtual Result<void> create_directories(const std::string& directory) = 0;
  virtual bool exists(const std::string& path) = 0;
  /// Makes creations, renames and removals in the directory durable.
  virtual Result<void> sync_directory(const std::string& directory) = 0;
  /// Bytes that an unprivileged process may still write.
  virtual Result<std::uint64_t> free_bytes(const std::string& directory) = 0;
};

enum class Lane : std::uint8_t { log, bulk };

class Disk {
 public:
  virtual ~Disk() = default;

  /// Runs `job` on the lane's thread, after the jobs submitted to that lane before, and then posts
  /// `done` to the loop. Jobs and completions that are pending when the Disk ends are destroyed
  /// unrun. Both may keep what they capture alive until then.
  virtual void submit(Lane lane, std::function<void(FileSystem&)> job, std::function<void()> done) = 0;

  /// The files for code that runs before the server serves and may block: start-up and offline tools.
  virtual FileSystem& blocking() = 0;
};

}  // namespace vivarium
