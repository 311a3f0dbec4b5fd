#include "reserve.hpp"

#include "try.hpp"

namespace vivarium::file {
namespace {

Result<bool> is_whole(FileSystem& files, const std::string& path) {
  if (!files.exists(path)) return false;
  TRY_LET(file, files.open(path, OpenMode::read));
  TRY_LET(size, file->size());
  return size == kReserveBytes;
}

/// Whether there was room for all of it; a part of it is not kept.
Result<bool> allocate(FileSystem& files, const std::string& path) {
  const auto full = [](const Error& error) -> Result<bool> {
    if (error.is(Errc::no_space)) return false;
    return error;
  };
  auto file = files.open(path, OpenMode::create_empty);
  if (file.has_error()) return full(file.error());
  const auto allocated = (*file)->allocate(kReserveBytes);
  if (allocated.has_value()) return true;
  TRY(files.remove(path));
  return full(allocated.error());
}

}  // namespace

Reserve::Reserve(const Directories& directories) {
  const auto add = [this](const std::string& directory) {
    parts_.push_back({directory, directory + "/reserve"});
  };
  add(directories.own());
  if (directories.separate_logs()) add(directories.own_beside_logs());
}

Result<void> Reserve::take(FileSystem& files) {
  for (Part& part : parts_)
    if (!part.taken) TRY(take(files, part));
  return {};
}

Result<void> Reserve::take(FileSystem& files, Part& part) {
  TRY_LET(whole, is_whole(files, part.path));
  part.taken = whole;
  if (whole) return {};
  TRY_LET(allocated, allocate(files, part.path));
  part.taken = allocated;
  return {};
}

/// With a sync of the directory: file systems with a journal hand out what was freed only behind
/// the commit.
Result<void> Reserve::give_up(FileSystem& files) {
  for (Part& part : parts_) {
    part.taken = false;
    const auto removed = files.remove(part.path);
    if (removed.has_error() && removed.error().is(Errc::not_found)) continue;
    TRY(removed);
    TRY(files.sync_directory(part.directory));
  }
  return {};
}

}  // namespace vivarium::file
