#include "kernel/host/permissions.hpp"

#include <cerrno>
#include <filesystem>
#include <optional>
#include <system_error>

#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

namespace vivarium {
namespace {

namespace fs = std::filesystem;

std::optional<struct stat> stat_of(const fs::path& path) {
  struct stat found;
  if (::stat(path.c_str(), &found) != 0) return {};
  return found;
}

fs::path program() {
  std::error_code ignored;
  return fs::read_symlink("/proc/self/exe", ignored);
}

bool lies_above(const fs::path& directory, const fs::path& file) {
  for (fs::path above = file.parent_path();; above = above.parent_path()) {
    if (above == directory) return true;
    if (above == above.parent_path()) return false;
  }
}

std::string complaint_about(const fs::path& path, const fs::path& part, const fs::path& program) {
  const auto found = stat_of(part);
  if (!found) return fmt::format("{} cannot be examined ({})", part.string(),
                                 std::generic_category().message(errno));
  const auto own = stat_of(program);
  const bool trusted_owner = found->st_uid == 0 || found->st_uid == ::geteuid() ||
                             (own && found->st_uid == own->st_uid);
  const std::string what = part == path ? path.string() : path.string() + ": " + part.string();
  if (!trusted_owner)
    return fmt::format("{} belongs to user {}; want root, or the user that runs the server: chown it",
                       what, found->st_uid);
  const bool sticky = S_ISDIR(found->st_mode) && (found->st_mode & S_ISVTX) && found->st_uid == 0;
  if ((found->st_mode & (S_IWGRP | S_IWOTH)) && !sticky)
    return fmt::format("{} may be written by others (mode {:o}); want nobody but its owner: chmod go-w "
                       "{}, or set vivarium.permissions=warn on a developer's machine",
                       what, found->st_mode & 07777, part.string());
  return "";
}

}  // namespace

std::string writable_by_others(const std::string& path) {
  const fs::path file(path);
  const fs::path self = program();
  for (fs::path part = file;; part = part.parent_path()) {
    if (!lies_above(part, self))
      if (auto sentence = complaint_about(file, part, self); !sentence.empty()) return sentence;
    if (part == part.parent_path()) return "";
  }
}

std::string writable_by_everybody(const std::string& path) {
  const auto found = stat_of(path);
  if (!found || !(found->st_mode & S_IWOTH) || (found->st_mode & S_ISVTX)) return "";
  return fmt::format("{} may be written by everybody (mode {:o}); chmod o-w {}, or set "
                     "vivarium.permissions=warn",
                     path, found->st_mode & 07777, path);
}

}  // namespace vivarium
