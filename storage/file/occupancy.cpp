#include "occupancy.hpp"

#include "try.hpp"

#include <algorithm>
#include <optional>

namespace vivarium::file {
namespace {

constexpr std::string_view kLockName = "/lock";
constexpr std::string_view kJavaServer = "org.apache.zookeeper.server.";
constexpr std::size_t kTextBytesMax = std::size_t{1} << 18;

bool is_number(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find(separator, at), text.size());
    parts.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string::npos) return "";
  return text.substr(first, text.find_last_not_of(" \t\r") + 1 - first);
}

/// dataDir and dataLogDir of a zoo.cfg.
std::vector<std::string> directories_in(const std::string& config) {
  std::vector<std::string> found;
  for (const std::string& line : split(config, '\n')) {
    const auto equals = line.find_first_of("=:");
    if (equals == std::string::npos) continue;
    const std::string key = trimmed(line.substr(0, equals));
    if (key == "dataDir" || key == "dataLogDir") found.push_back(trimmed(line.substr(equals + 1)));
  }
  return found;
}

/// One running process, and the files as it sees them.
class Process {
 public:
  Process(FileSystem& files, std::string id) : files_(files), home_("/proc/" + std::move(id)) {}

  std::vector<std::string> arguments() const { return split(read(home_ + "/cmdline"), '\0'); }

  /// The content of a file by the process's own name for it; empty when it cannot be read.
  std::string content(const std::string& path) const {
    if (path.empty()) return "";
    if (path.front() != '/') return read(home_ + "/cwd/" + path);
    const std::string own_view = read(home_ + "/root" + path);
    return own_view.empty() ? read(path) : own_view;
  }

 private:
  std::string read(const std::string& path) const {
    const auto text = read_file(files_, path, kTextBytesMax);
    return text.has_value() ? *text : "";
  }

  FileSystem& files_;
  std::string home_;
};

/// Which argument of a Java server leads to a directory whose lock file holds `word`.
std::optional<std::string> leads_here(const Process& process, const std::string& word) {
  const auto arguments = process.arguments();
  auto argument = std::find_if(arguments.begin(), arguments.end(),
                               [](const std::string& one) { return one.starts_with(kJavaServer); });
  // Behind the class comes the config, or, for a server without one, port and directory.
  for (; argument != arguments.end(); ++argument) {
    auto named = directories_in(process.content(*argument));
    named.push_back(*argument);
    for (const std::string& directory : named)
      if (process.content(directory + "/vivarium" + std::string(kLockName)) == word)
        return *argument;
  }
  return std::nullopt;
}

Result<void> refuse_java(FileSystem& files, const Directories& directories,
                         const std::string& word) {
  const auto processes = files.list("/proc");
  if (processes.has_error()) return {};
  for (const DirectoryEntry& entry : *processes) {
    if (!is_number(entry.name)) continue;
    if (const auto argument = leads_here(Process(files, entry.name), word))
      return Error(Errc::in_use,
                   directories.data_dir() +
                       " is in use by a running Java ZooKeeper "
                       "server, process " +
                       entry.name + " (" + *argument +
                       "); a server needs its data directory for itself: stop that one "
                       "first, or set another dataDir");
  }
  return {};
}

Result<std::unique_ptr<FileLock>> lock(FileSystem& files, const std::string& directory,
                                       const std::string& word) {
  const std::string path = directory + std::string(kLockName);
  auto taken = files.lock(path);
  if (taken.has_error() && taken.error().is(Errc::in_use))
    return Error(Errc::in_use,
                 path +
                     " is locked: another running server uses this data directory; a "
                     "server needs it for itself: stop that one first, or set another "
                     "dataDir");
  if (taken.has_error()) return taken;
  TRY_LET(file, files.open(path, OpenMode::create_empty));
  TRY(file->write_at(0, word));
  return taken;
}

}  // namespace

Result<Locks> occupy(FileSystem& files, const Directories& directories, const std::string& word) {
  Locks locks;
  std::vector<std::string> owned = {directories.own()};
  if (directories.separate_logs()) owned.push_back(directories.own_beside_logs());
  for (const std::string& directory : owned) {
    TRY_LET(taken, lock(files, directory, word));
    locks.push_back(std::move(taken));
  }
  TRY(refuse_java(files, directories, word));
  return locks;
}

}  // namespace vivarium::file
