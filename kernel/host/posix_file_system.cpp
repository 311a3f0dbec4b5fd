#include "kernel/host/posix_file_system.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace vivarium {
namespace {

Errc class_of(int number) {
  switch (number) {
    case ENOSPC:
    case EDQUOT: return Errc::no_space;
    case ENOENT:
    case ENOTDIR: return Errc::not_found;
    case EEXIST: return Errc::already_exists;
    default: return Errc::io_failed;
  }
}

/// "writing /data/log.1 at 4096 failed: No space left on device (errno 28)". Reads errno.
Error failure(const std::string& what) {
  const int number = errno;
  return {class_of(number), what + " failed: " + std::generic_category().message(number) +
                                " (errno " + std::to_string(number) + ")"};
}

/// A failed sync is final whatever its reason: ENOSPC tells here too that data is lost.
Error failed_sync(const std::string& what) {
  return {Errc::io_failed, failure(what).what};
}

/// Calls a system function until no signal interrupts it.
template <class Call>
auto retry(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

using Spare = std::shared_ptr<SpareDescriptors>;

class Descriptor {
 public:
  Descriptor(int number, Spare spare) : number_(number), spare_(std::move(spare)) {}
  ~Descriptor() {
    if (number_ >= 0) spare_->close(number_);
  }
  Descriptor(Descriptor&& other) noexcept
      : number_(std::exchange(other.number_, -1)), spare_(std::move(other.spare_)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  int number() const { return number_; }
  bool valid() const { return number_ >= 0; }

 private:
  int number_;
  Spare spare_;
};

/// With a spare descriptor, when there is no other.
Descriptor open_descriptor(const std::string& path, int flags, const Spare& spare) {
  for (;;) {
    const int number = retry([&] { return ::open(path.c_str(), flags | O_CLOEXEC, 0600); });
    const bool none_left = number < 0 && (errno == EMFILE || errno == ENFILE);
    if (!none_left || !spare->give_up_one()) return {number, spare};
  }
}

class PosixFile final : public File {
 public:
  PosixFile(Descriptor descriptor, std::string path)
      : descriptor_(std::move(descriptor)), path_(std::move(path)) {}

  Result<std::size_t> read_at(std::uint64_t offset, char* into, std::size_t size) override {
    if (poisoned_) return poison();
    std::size_t done = 0;
    while (done < size) {
      const auto at = static_cast<off_t>(offset + done);
      const auto got = retry([&] { return ::pread(fd(), into + done, size - done, at); });
      if (got < 0) return failure("reading " + path_ + " at " + std::to_string(at));
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    return done;
  }

  Result<void> write_at(std::uint64_t offset, std::string_view bytes) override {
    if (poisoned_) return poison();
    while (!bytes.empty()) {
      const auto at = static_cast<off_t>(offset);
      const auto put = retry([&] { return ::pwrite(fd(), bytes.data(), bytes.size(), at); });
      // A short write is followed by another, which gives the reason.
      if (put <= 0) return failure("writing " + path_ + " at " + std::to_string(at));
      offset += static_cast<std::uint64_t>(put);
      bytes.remove_prefix(static_cast<std::size_t>(put));
    }
    return {};
  }

  Result<void> allocate(std::uint64_t size) override {
    if (poisoned_) return poison();
    const auto call = [&] { return ::fallocate(fd(), 0, 0, static_cast<off_t>(size)); };
    if (retry(call) == 0) return {};
    if (errno == EOPNOTSUPP) return extend(size);
    return failure("reserving " + std::to_string(size) + " bytes for " + path_);
  }

  Result<void> truncate(std::uint64_t size) override {
    if (poisoned_) return poison();
    if (retry([&] { return ::ftruncate(fd(), static_cast<off_t>(size)); }) == 0) return {};
    return failure("cutting " + path_ + " to " + std::to_string(size) + " bytes");
  }

  Result<void> sync() override {
    if (poisoned_) return poison();
    if (::fdatasync(fd()) == 0) return {};
    // The system marks the pages clean all the same: a second try would succeed with the data gone.
    poisoned_ = true;
    return failed_sync("syncing " + path_);
  }

  Result<std::uint64_t> size() override {
    if (poisoned_) return poison();
    struct stat facts {};
    if (::fstat(fd(), &facts) == 0) return static_cast<std::uint64_t>(facts.st_size);
    return failure("asking for the size of " + path_);
  }

 private:
  int fd() const { return descriptor_.number(); }
  Error poison() const {
    return {Errc::io_failed, path_ + " cannot be used any more: an earlier sync of it failed"};
  }

  /// For file systems that cannot reserve.
  Result<void> extend(std::uint64_t size) {
    const auto now = this->size();
    if (now.has_error()) return now.error();
    return *now < size ? truncate(size) : Result<void>();
  }

  Descriptor descriptor_;
  std::string path_;
  bool poisoned_ = false;
};

/// A lock of the open file description: it excludes ordinary record locks and those of other
/// servers in this process, and is not lost when another descriptor of the file is closed.
class PosixLock final : public FileLock {
 public:
  explicit PosixLock(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}

 private:
  Descriptor descriptor_;
};

int flags_of(OpenMode mode) {
  switch (mode) {
    case OpenMode::read: return O_RDONLY;
    case OpenMode::read_write: return O_RDWR;
    case OpenMode::create_new: return O_RDWR | O_CREAT | O_EXCL;
    case OpenMode::create_empty: return O_RDWR | O_CREAT | O_TRUNC;
  }
  return O_RDONLY;
}

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

DIR* open_directory(const std::string& path, SpareDescriptors& spare) {
  for (;;) {
    DIR* const directory = ::opendir(path.c_str());
    const bool none_left = !directory && (errno == EMFILE || errno == ENFILE);
    if (!none_left || !spare.give_up_one()) return directory;
  }
}

bool is_directory(const std::string& path) {
  struct stat facts {};
  return ::stat(path.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode);
}

}  // namespace

PosixFileSystem::PosixFileSystem(std::size_t spare_descriptors)
    : spare_(std::make_shared<SpareDescriptors>(spare_descriptors)) {}

Result<std::unique_ptr<File>> PosixFileSystem::open(const std::string& path, OpenMode mode) {
  Descriptor descriptor = open_descriptor(path, flags_of(mode), spare_);
  if (!descriptor.valid()) return failure("opening " + path);
  return std::unique_ptr<File>(new PosixFile(std::move(descriptor), path));
}

Result<std::unique_ptr<FileLock>> PosixFileSystem::lock(const std::string& path) {
  Descriptor descriptor = open_descriptor(path, O_RDWR | O_CREAT, spare_);
  if (!descriptor.valid()) return failure("opening " + path);
  struct flock whole {};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  if (retry([&] { return ::fcntl(descriptor.number(), F_OFD_SETLK, &whole); }) == 0)
    return std::unique_ptr<FileLock>(new PosixLock(std::move(descriptor)));
  if (errno == EAGAIN || errno == EACCES)
    return Error(Errc::in_use, path + " is locked by another process or server");
  return failure("locking " + path);
}

Result<void> PosixFileSystem::rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) == 0) return {};
  return failure("renaming " + from + " to " + to);
}

Result<void> PosixFileSystem::remove(const std::string& path) {
  if (std::remove(path.c_str()) == 0) return {};
  return failure("removing " + path);
}

Result<std::vector<DirectoryEntry>> PosixFileSystem::list(const std::string& directory) {
  const std::unique_ptr<DIR, CloseDirectory> stream(open_directory(directory, *spare_));
  if (!stream) return failure("listing " + directory);
  std::vector<DirectoryEntry> entries;
  errno = 0;
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..")
      entries.push_back({name, is_directory(directory + "/" + name)});
    errno = 0;
  }
  if (errno != 0) return failure("listing " + directory);
  std::sort(entries.begin(), entries.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return entries;
}

Result<void> PosixFileSystem::create_directories(const std::string& directory) {
  const auto slash = directory.rfind('/');
  const std::string parent = slash > 0 ? directory.substr(0, slash) : "/";
  // One that exists may not be durable: its maker may have been killed before it synced the parent.
  // A parent that cannot be opened is somebody else's, and was not made here.
  if (is_directory(directory))
    return ::access(parent.c_str(), R_OK) == 0 ? sync_directory(parent) : Result<void>();
  if (!is_directory(parent))
    if (auto created = create_directories(parent); created.has_error()) return created;
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
    return failure("creating the directory " + directory);
  return sync_directory(parent);
}

bool PosixFileSystem::exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

Result<void> PosixFileSystem::sync_directory(const std::string& directory) {
  const Descriptor descriptor = open_descriptor(directory, O_RDONLY | O_DIRECTORY, spare_);
  if (!descriptor.valid()) return failure("opening " + directory);
  if (::fsync(descriptor.number()) == 0) return {};
  return failed_sync("syncing the directory " + directory);
}

Result<std::uint64_t> PosixFileSystem::free_bytes(const std::string& directory) {
  struct statvfs facts {};
  if (::statvfs(directory.c_str(), &facts) == 0) return facts.f_bavail * facts.f_frsize;
  return failure("asking for the free space of " + directory);
}

}  // namespace vivarium
