// vivarium snapshot: looks at snapshots, of either server, and changes nothing.
#include "tools/commands.hpp"

#include "kernel/host/posix_file_system.hpp"
#include "storage/file/format.hpp"
#include "tools/file_arguments.hpp"
#include "tools/json_archive.hpp"
#include "tools/replay.hpp"
#include "tools/snapshot_tree.hpp"

#include <iostream>
#include <limits>

namespace vivarium::tools {
namespace {

namespace po = boost::program_options;

std::uint64_t size_of(FileSystem& files, const std::string& path) {
  return files.open(path, OpenMode::read).value()->size().value();
}

/// The snapshot of this path, or the newest whole one of the directory.
file::NamedFile find_snapshot(FileSystem& files, const HistoryFiles& history,
                              const std::string& where) {
  if (history.snapshots.empty())
    throw std::runtime_error(where + " holds no snapshot; name a snapshot.ZXID file or a data "
                                     "directory");
  std::string problem;
  for (auto one = history.snapshots.rbegin(); one != history.snapshots.rend(); ++one) {
    if (history.snapshots.size() == 1) return *one;
    const auto whole = file::verify_snapshot(files, *one);
    if (whole) return *one;
    std::cerr << "note: " << whole.error().what << "; looking at an older one\n";
    if (problem.empty()) problem = whole.error().what;
  }
  throw std::runtime_error("no snapshot in " + where + " is whole: " + problem);
}

/// The newest whole snapshot at or before `zxid`, and the log up to it.
LoadedTree tree_at(FileSystem& files, HistoryFiles history, const std::string& where, Zxid zxid,
                   const file::BytesSeen& seen) {
  std::erase_if(history.snapshots, [&](const auto& one) { return one.zxid > zxid; });
  auto replay =
      replay_to(files, find_snapshot(files, history, where), history.logs, zxid, seen).value();
  if (!replay.agrees().value_or(true))
    std::cerr
        << "note: the digest of the tree differs from the one that the log records there: the "
           "snapshot was taken under writes, which the log up to there does not cover\n";
  LoadedTree tree;
  tree.database = replay.release();
  return tree;
}

/// Where a path's tree comes from.
struct Source {
  std::string path;
  HistoryFiles history;
  std::optional<Zxid> at;
  ShowProgress show;

  LoadedTree load(FileSystem& files) const {
    if (at) {
      Progress progress("reading " + path, 0, show);
      return tree_at(files, history, path, *at, [&](std::uint64_t bytes) { progress.add(bytes); });
    }
    const auto snapshot = find_snapshot(files, history, path);
    Progress progress("reading " + snapshot.path, size_of(files, snapshot.path), show);
    return load_tree(files, snapshot, [&](std::uint64_t bytes) { progress.add(bytes); }).value();
  }
};

int verify(FileSystem& files, const file::NamedFile& snapshot, ShowProgress show) {
  Progress progress("verifying " + snapshot.path, 2 * size_of(files, snapshot.path), show);
  const file::BytesSeen seen = [&](std::uint64_t bytes) { progress.add(bytes); };
  const auto check = check_records(files, snapshot, seen);
  auto tree = check ? load_tree(files, snapshot, seen) : Result<LoadedTree>(check.error());
  if (!tree) {
    std::cout << "damage: " << tree.error().what << "\n" << snapshot.path << ": damaged\n";
    return 1;
  }
  for (const std::string& note : check->notes) std::cout << "note: " << note << "\n";
  for (const std::string& damage : check->damage) std::cout << "damage: " << damage << "\n";
  const std::string digest =
      file::text_of(Zxid{static_cast<std::int64_t>(tree->database->tree().digest())});
  const auto agrees = tree->digest_agrees();
  if (!agrees)
    std::cout << "digest: " << digest << "; the file carries none of this zxid to compare with\n";
  else
    std::cout << "digest: " << digest
              << (*agrees ? ", as the file says\n"
                          : "; the file says another: it was taken under writes, and only the log "
                            "behind it completes it (vivarium log --verify)\n");
  std::cout << snapshot.path << ": " << check->nodes << " nodes, " << check->sessions
            << " sessions, " << check->acls
            << " ACL lists: " << (check->damage.empty() ? "whole\n" : "damaged\n");
  return check->damage.empty() ? 0 : 1;
}

int verify_all(FileSystem& files, const HistoryFiles& history, const std::string& where,
               ShowProgress show) {
  if (history.snapshots.empty()) throw std::runtime_error(where + " holds no snapshot");
  int status = 0;
  for (const file::NamedFile& snapshot : history.snapshots) status |= verify(files, snapshot, show);
  return status;
}

int compare(FileSystem& files, const Source& first, const Source& second, std::uint64_t most) {
  const auto a = first.load(files), b = second.load(files);
  const auto differences = compare_trees(*a.database, *b.database, most, std::cout);
  std::cout << (differences == 0 ? "the same" : std::to_string(differences) + " differences")
            << ": " << a.database->tree().node_count() << " and " << b.database->tree().node_count()
            << " nodes at " << file::text_of(a.database->last_applied()) << " and "
            << file::text_of(b.database->last_applied()) << "\n";
  return differences == 0 ? 0 : 1;
}

int summarize(const LoadedTree& tree, RecordForm form) {
  TreeFacts facts = facts_of(*tree.database);
  if (form == RecordForm::json)
    std::cout << json_line([&](auto& archive) { archive(cereal::make_nvp("summary", facts)); })
              << "\n";
  else
    print(std::cout, facts);
  return 0;
}

int print_file(FileSystem& files, const file::NamedFile& snapshot, RecordForm form,
               ShowProgress show) {
  Progress progress("reading " + snapshot.path, size_of(files, snapshot.path), show);
  print_records(
      files, snapshot, form, [&](std::uint64_t bytes) { progress.add(bytes); }, std::cout)
      .value();
  return 0;
}

}  // namespace

int snapshot(const Words& words) {
  po::options_description options;
  options.add_options()("json", "")("verify", "")("summary", "")("compare", "")("first", "")(
      "at", po::value<std::string>());
  const auto values = parse_paths(words, options);
  const auto paths = paths_in(values);
  const bool comparing = values.count("compare") > 0;
  if (values.count("verify") + values.count("summary") + values.count("compare") > 1)
    throw UsageError("--verify, --summary and --compare exclude each other");
  if (values.count("first") && !comparing) throw UsageError("--first belongs to --compare");
  if (paths.size() != (comparing ? 2u : 1u))
    throw UsageError(comparing ? "--compare wants two files or directories"
                               : "one snapshot file or directory is wanted");
  const auto at = zxid_in(values, "at");
  if (at && !comparing && !values.count("summary"))
    throw UsageError("--at belongs to --summary or --compare");
  const RecordForm form = values.count("json") ? RecordForm::json : RecordForm::text;
  const ShowProgress show = progress_in(values);
  PosixFileSystem files;
  const auto source = [&](const std::string& path) {
    return Source{path, HistoryFiles::at(files, {path}), at, show};
  };

  if (comparing) {
    const std::uint64_t most =
        values.count("first") ? 1 : std::numeric_limits<std::uint64_t>::max();
    return compare(files, source(paths[0]), source(paths[1]), most);
  }
  const Source only = source(paths[0]);
  if (values.count("summary")) return summarize(only.load(files), form);
  if (values.count("verify")) return verify_all(files, only.history, only.path, show);
  return print_file(files, find_snapshot(files, only.history, only.path), form, show);
}

}  // namespace vivarium::tools
