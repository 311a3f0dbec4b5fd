#include "tools/file_arguments.hpp"

#include "kernel/host/properties.hpp"
#include "storage/file/format.hpp"
#include "storage/file/log_scanner.hpp"
#include "tools/words.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>

namespace vivarium::tools {
namespace {

namespace po = boost::program_options;
namespace fs = std::filesystem;

std::string name_in(const std::string& path) { return path.substr(path.rfind('/') + 1); }
std::string folder_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

void append(std::vector<file::NamedFile>& to, const std::vector<file::NamedFile>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

void sort_by_zxid(std::vector<file::NamedFile>& named) {
  std::stable_sort(named.begin(), named.end(),
                   [](const auto& a, const auto& b) { return a.zxid < b.zxid; });
}

/// The zxid in the name, if the folder's listing knows the file by it.
std::optional<file::NamedFile> find_in(const std::vector<file::NamedFile>& named,
                                       const std::string& path) {
  const auto found =
      std::find_if(named.begin(), named.end(), [&](const auto& one) { return one.path == path; });
  return found == named.end() ? std::nullopt : std::optional(*found);
}

bool begins_with(FileSystem& files, const std::string& path, std::string_view magic) {
  return file::read_file(files, path, magic.size()).value() == magic;
}

/// A log under another name, of which the first transaction gives the zxid.
file::NamedFile unnamed_log(FileSystem& files, const std::string& path) {
  const auto open = files.open(path, OpenMode::read).value();
  file::LogScanner scanner(*open, file::kFileHeaderBytes, open->size().value());
  return {scanner.next().value() ? scanner.zxid() : Zxid{}, path};
}

void add_file(FileSystem& files, const std::string& path, HistoryFiles& found) {
  const auto logs = file::logs_in(files, folder_of(path)).value();
  const auto snapshots = file::snapshots_in(files, folder_of(path)).value();
  if (const auto log = find_in(logs, path)) {
    found.logs.push_back(*log);
    return append(found.snapshots, snapshots);
  }
  if (const auto snapshot = find_in(snapshots, path)) return found.snapshots.push_back(*snapshot);
  if (begins_with(files, path, file::kLogMagic))
    return found.logs.push_back(unnamed_log(files, path));
  if (begins_with(files, path, file::kSnapshotMagic))
    return found.snapshots.push_back({Zxid{}, path});
  throw std::runtime_error(path + " is neither a transaction log nor a snapshot: its name is not "
                                  "log.ZXID or snapshot.ZXID, and it does not begin with ZKLG or "
                                  "ZKSN; name such a file, or a data directory");
}

void add_folder(FileSystem& files, const std::string& path, HistoryFiles& found) {
  const std::string folder = fs::is_directory(path + "/version-2") ? path + "/version-2" : path;
  append(found.logs, file::logs_in(files, folder).value());
  append(found.snapshots, file::snapshots_in(files, folder).value());
}

/// The last value of a key in a config, as a path; empty when there is none.
std::string path_in(const std::vector<Property>& properties, std::string_view key) {
  std::string value;
  for (const Property& property : properties)
    if (property.key == key) value = property.value;
  return value.empty() ? value : absolute(value);
}

}  // namespace

po::variables_map parse_paths(const Words& words, const po::options_description& options) {
  po::options_description all;
  all.add(options);
  all.add_options()("path", po::value<std::vector<std::string>>())("progress", "");
  po::positional_options_description positional;
  positional.add("path", -1);
  return parse_words(words, all, positional);
}

std::vector<std::string> paths_in(const po::variables_map& values) {
  if (!values.count("path")) return {};
  return values["path"].as<std::vector<std::string>>();
}

ShowProgress progress_in(const po::variables_map& values) {
  return values.count("progress") ? ShowProgress::always : ShowProgress::on_terminal;
}

Zxid zxid_in(const std::string& text) {
  const std::string_view digits = std::string_view(text).substr(text.starts_with("0x") ? 2 : 0);
  Zxid zxid;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), zxid.value, 16);
  if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size() ||
      zxid.value < 0)
    throw UsageError(text + " is no zxid; wanted one in hexadecimal, like 0x10000001f");
  return zxid;
}

std::optional<Zxid> zxid_in(const po::variables_map& values, const char* option) {
  if (!values.count(option)) return std::nullopt;
  return zxid_in(values[option].as<std::string>());
}

HistoryFiles HistoryFiles::at(FileSystem& files, const std::vector<std::string>& paths) {
  HistoryFiles found;
  for (const std::string& path : paths) {
    const std::string whole = absolute(path);
    if (!fs::exists(whole)) throw std::runtime_error(whole + " does not exist");
    if (fs::is_directory(whole))
      add_folder(files, whole, found);
    else
      add_file(files, whole, found);
  }
  sort_by_zxid(found.logs);
  sort_by_zxid(found.snapshots);
  return found;
}

void HistoryFiles::require_logs(const std::string& where) const {
  if (logs.empty())
    throw std::runtime_error(where + " holds no transaction log; name a log.ZXID file, a data "
                                     "directory, or, with a dataLogDir, that");
}

file::Directories directories_of(const std::string& path, const std::string& log_dir) {
  const std::string whole = absolute(path);
  if (fs::is_directory(whole)) {
    const bool inner = name_in(whole) == "version-2" && !fs::exists(whole + "/version-2");
    return {inner ? folder_of(whole) : whole, log_dir.empty() ? "" : absolute(log_dir)};
  }
  if (!fs::exists(whole))
    throw std::runtime_error(whole + " does not exist; name a data directory or a config file");
  const auto properties = read_properties(whole).value();
  const std::string data_dir = path_in(properties, "dataDir");
  if (data_dir.empty())
    throw std::runtime_error(whole + " has no dataDir; name a config file or a data directory");
  return {data_dir, log_dir.empty() ? path_in(properties, "dataLogDir") : absolute(log_dir)};
}

std::string absolute(const std::string& path) {
  std::string whole = fs::absolute(path).lexically_normal().string();
  while (whole.size() > 1 && whole.back() == '/') whole.pop_back();
  return whole;
}

}  // namespace vivarium::tools
