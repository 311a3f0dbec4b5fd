#include "identity.hpp"

#include "acknowledged.hpp"
#include "epochs.hpp"
#include "own_file.hpp"
#include "try.hpp"

namespace vivarium::file {
namespace {

constexpr char kFormatName[] = "format";
constexpr char kIdentityName[] = "identity";
constexpr std::string_view kNoServer = "none";
constexpr std::string_view kApart = "apart";
constexpr std::string_view kTogether = "together";

/// The first line of dataDir/myid; empty when there is none.
Result<std::string> read_myid(FileSystem& files, const Directories& directories) {
  const std::string path = directories.data_dir() + "/myid";
  if (!files.exists(path)) return std::string();
  TRY_LET(text, read_file(files, path, 64));
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string::npos) return std::string();
  return text.substr(first, text.find_first_of(" \t\r\n", first) - first);
}

std::string value_of(const OwnFile& file, std::string_view name) {
  const std::string* found = file.find(name);
  return found ? *found : std::string();
}

Damage rewritten(const std::string& path) {
  return {path, 0, {}, path + " was damaged, and is written anew; nothing else is wrong", true};
}

Error of_another_server(const std::string& path, const std::string& found,
                        const std::string& wanted) {
  return {Errc::invalid_argument,
          path + " says that this directory belongs to server " + found +
              ", and this is server " + wanted +
              ": a disk was swapped, or myid is wrong; a server that takes over the history of "
              "another one breaks promises that were made to the ensemble. Put the right disk or "
              "myid in place; if this data is really to become that of server " +
              wanted + ", remove this file"};
}

Error of_different_directories(const Directories& directories) {
  return {Errc::invalid_argument,
          directories.own() + "/identity and " + directories.own_beside_logs() +
              "/identity do not belong together: dataDir=" + directories.data_dir() +
              " and dataLogDir=" + directories.data_log_dir() +
              " come from two servers; put the right disk in place, or, if the files were brought "
              "together on purpose, remove both identity files"};
}

Error logs_not_there(const Directories& directories) {
  return {Errc::corrupt,
          "dataLogDir=" + directories.data_log_dir() +
              " is empty, and " + directories.own() +
              "/identity says that this server's logs were in a dataLogDir: is its disk mounted, "
              "and is dataLogDir right? If the logs are lost, restore them from a backup, or, in "
              "an ensemble, move the data directory away and let this server be filled by the "
              "others"};
}

/// The logs were in a directory of their own, and this one has never held any.
Result<bool> logs_missing(FileSystem& files, const Directories& directories, const OwnFile& ours,
                          const OwnFile& beside_logs) {
  if (value_of(ours, "logs") != kApart || !directories.separate_logs()) return false;
  if (beside_logs.state != FileState::absent) return false;
  TRY_LET(logs, directories.list_logs(files));
  return logs.empty();
}

Result<void> check_server(const std::string& path, const OwnFile& file, const std::string& server) {
  const std::string found = value_of(file, "server");
  const bool same = found.empty() || found == kNoServer || server.empty() || found == server;
  return same ? Result<void>() : Result<void>(of_another_server(path, found, server));
}

OwnFields fields_of(const Directories& directories, const Identity& identity) {
  return {{"server", identity.server.empty() ? std::string(kNoServer) : identity.server},
          {"directory", identity.word},
          {"logs", std::string(directories.separate_logs() ? kApart : kTogether)}};
}

Result<void> write_if_changed(FileSystem& files, const std::string& directory,
                              const std::string& name, const OwnFields& fields) {
  TRY_LET(present, read_own(files, directory, name));
  const bool same = present.state == FileState::whole && present.fields == fields;
  // The server that wrote it may have been killed before its name was durable.
  return same ? files.sync_directory(directory) : write_own(files, directory, name, fields);
}

Result<void> remove_if_there(FileSystem& files, const std::string& path) {
  return files.exists(path) ? files.remove(path) : Result<void>();
}

}  // namespace

Result<Identity> identify(FileSystem& files, const Directories& directories,
                          const std::string& word) {
  Identity identity;
  const std::string here = directories.own(), there = directories.own_beside_logs();
  TRY_LET(format, read_own(files, here, kFormatName));
  TRY_LET(ours, read_own(files, here, kIdentityName));
  TRY_LET(beside_logs, read_own(files, there, kIdentityName));
  for (const auto& [file, path] : {std::pair(&format, here + "/" + kFormatName),
                                   std::pair(&ours, here + "/" + kIdentityName)})
    if (file->state == FileState::damaged) identity.damage.push_back(rewritten(path));
  if (directories.separate_logs() && beside_logs.state == FileState::damaged)
    identity.damage.push_back(rewritten(there + "/" + kIdentityName));

  TRY_LET(server, read_myid(files, directories));
  TRY(check_server(here + "/" + kIdentityName, ours, server));
  TRY(check_server(there + "/" + kIdentityName, beside_logs, server));
  const std::string word_here = value_of(ours, "directory");
  const std::string word_there = value_of(beside_logs, "directory");
  if (!word_here.empty() && !word_there.empty() && word_here != word_there)
    return of_different_directories(directories);
  TRY_LET(missing, logs_missing(files, directories, ours, beside_logs));
  if (missing) return logs_not_there(directories);

  const std::string before = value_of(ours, "server");
  identity.server = server.empty() && before != kNoServer ? before : server;
  identity.word = !word_here.empty() ? word_here : !word_there.empty() ? word_there : word;
  return identity;
}

Result<void> claim(FileSystem& files, const Directories& directories, const Identity& identity) {
  const OwnFields fields = fields_of(directories, identity);
  if (directories.separate_logs())
    TRY(write_if_changed(files, directories.own_beside_logs(), kIdentityName, fields));
  TRY(write_if_changed(files, directories.own(), kIdentityName, fields));
  return write_if_changed(files, directories.own(), kFormatName, {});
}

bool is_claimed(FileSystem& files, const Directories& directories) {
  return files.exists(directories.own() + "/" + kFormatName);
}

Result<void> disclaim(FileSystem& files, const Directories& directories) {
  TRY(remove_if_there(files, directories.own() + "/" + kFormatName));
  TRY(files.sync_directory(directories.own()));
  TRY(forget_epochs(files, directories));
  return forget_acknowledged_above(files, directories, Zxid{-1});
}

}  // namespace vivarium::file
