#pragma once
// What the tools that work on files take for arguments.

#include "storage/file/directories.hpp"
#include "tools/commands.hpp"
#include "tools/progress.hpp"

#include <boost/program_options.hpp>

#include <optional>
#include <string>
#include <vector>

namespace vivarium::tools {

/// Words by name, with the positional ones under "path".
boost::program_options::variables_map
parse_paths(const Words& words, const boost::program_options::options_description& options);
std::vector<std::string> paths_in(const boost::program_options::variables_map& values);
ShowProgress progress_in(const boost::program_options::variables_map& values);

/// "0x1f", or "1f"; throws UsageError.
Zxid zxid_in(const std::string& text);
std::optional<Zxid> zxid_in(const boost::program_options::variables_map& values,
                            const char* option);

/// The logs and snapshots that paths lead to: files, data directories, version-2 folders, or any
/// folder with such files. Of a log file, the snapshots beside it are known as well. Sorted.
struct HistoryFiles {
  std::vector<file::NamedFile> logs, snapshots;

  static HistoryFiles at(FileSystem& files, const std::vector<std::string>& paths);
  /// Those of one path, for messages without surprise: at least one log, or throws.
  void require_logs(const std::string& where) const;
};

/// The data directory that `path` is, or of which it is the config.
file::Directories directories_of(const std::string& path, const std::string& log_dir);

/// An absolute path without a slash at its end.
std::string absolute(const std::string& path);

}  // namespace vivarium::tools
