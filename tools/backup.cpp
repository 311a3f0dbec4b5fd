// vivarium backup, vivarium restore.
#include "tools/commands.hpp"

#include "kernel/host/posix_file_system.hpp"
#include "storage/file/backup.hpp"
#include "storage/file/format.hpp"
#include "storage/file/restore.hpp"
#include "tools/file_arguments.hpp"
#include "tools/log_print.hpp"
#include "tools/replay.hpp"
#include "tools/version.hpp"

#include <chrono>
#include <filesystem>
#include <iostream>
#include <random>
#include <thread>

namespace vivarium::tools {
namespace {

namespace po = boost::program_options;

constexpr int kAttemptsMax = 5;
constexpr auto kBetweenAttempts = std::chrono::milliseconds(200);

std::int64_t wall_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

std::string hex(std::uint64_t value) {
  return file::text_of(Zxid{static_cast<std::int64_t>(value)});
}

std::string random_word() {
  std::random_device random;
  std::string word;
  for (int i = 0; i < 4; ++i) word += std::to_string(random());
  return word;
}

/// Copies, again when the server cut or purged its history meanwhile.
file::Manifest copy(FileSystem& files, const file::Directories& source, const std::string& target,
                    std::size_t snapshots_max, ShowProgress show) {
  for (int attempt = 1;; ++attempt) {
    Progress progress("copying", file::bytes_to_copy(files, source).value(), show);
    auto copied = file::copy_history(files, source, target, snapshots_max,
                                     [&](std::uint64_t bytes) { progress.add(bytes); });
    const bool again =
        copied.has_error() && copied.error().is(Errc::in_use) && attempt < kAttemptsMax;
    if (!again) return std::move(copied).value();
    std::this_thread::sleep_for(kBetweenAttempts);
  }
}

/// Loads the copy as a server would. Gives what the digest of its last transaction says, if it has
/// one; the digest of the tree goes into the manifest.
std::optional<bool> load_copy(FileSystem& files, const std::string& backup,
                              file::Manifest& manifest, ShowProgress show) {
  const auto copied = file::backup_directories(backup);
  const auto snapshots = copied.list_snapshots(files).value();
  Progress progress("checking", manifest.bytes(), show);
  auto loaded = replay_to(files, snapshots.back(), copied.list_logs(files).value(), manifest.last,
                          [&](std::uint64_t bytes) { progress.add(bytes); });
  const Replay& tree = loaded.value();
  if (tree.agrees().value_or(true)) manifest.digest = tree.database().tree().digest();
  return tree.agrees();
}

void print(const file::Manifest& manifest, const std::string& target) {
  std::cout << "backed up " << manifest.source << " to " << target << ": " << manifest.files.size()
            << " files, " << manifest.bytes() << " bytes\n"
            << "it can be brought back to any transaction from " << file::text_of(manifest.first)
            << " to " << file::text_of(manifest.last) << "\n";
  if (manifest.digest)
    std::cout << "digest of the tree at the end: " << hex(*manifest.digest) << "\n";
  const std::filesystem::path path(target);
  std::cout << "one file of it: tar -C " << path.parent_path().string() << " -czf "
            << path.filename().string() << ".tar.gz " << path.filename().string() << "\n";
}

// --- restore ---------------------------------------------------------------------------------------

/// The plan whose tree has the digest that the log records at its end: not every snapshot before the
/// end makes one, since one that was taken under writes may hold effects of transactions behind it.
class Planner {
 public:
  Planner(FileSystem& files, std::string backup, Zxid end, ShowProgress show)
      : files_(files),
        backup_(std::move(backup)),
        end_(end),
        show_(show) {}

  enum class Digests : bool { must_agree, may_differ };

  file::RestorePlan make(Digests digests) {
    Zxid newest = end_;
    while (true) {
      auto plan = file::plan_restore(files_, backup_, end_, newest);
      if (plan.has_error() && differing_.empty()) throw std::runtime_error(plan.error().what);
      if (plan.has_error()) throw std::runtime_error(disagreement());
      if (digests == Digests::may_differ || fits(*plan)) return *plan;
      differing_ += (differing_.empty() ? "" : ", ") + file::text_of(plan->base().zxid);
      if (plan->base().zxid == Zxid{}) throw std::runtime_error(disagreement());
      newest = Zxid{plan->base().zxid.value - 1};
    }
  }

  std::uint64_t digest() const { return digest_; }
  /// Nothing when there is no digest to compare with.
  std::optional<bool> agrees() const { return agrees_; }

 private:
  bool fits(const file::RestorePlan& plan) {
    std::uint64_t bytes = 0;
    std::vector<file::NamedFile> logs;
    for (const auto& log : plan.logs) {
      logs.push_back(log.file);
      bytes += log.bytes;
    }
    Progress progress("replaying", bytes, show_);
    const auto replay =
        replay_to(files_, plan.base(), logs, end_, [&](std::uint64_t seen) { progress.add(seen); });
    const Replay& tree = replay.value();
    digest_ = tree.database().tree().digest();
    agrees_ = tree.agrees();
    return agrees_.value_or(true);
  }

  std::string disagreement() const {
    return "from none of the snapshots in " + backup_ + " (" + differing_ +
           ") does the log lead to the digest that it records at " + file::text_of(end_) +
           ": the tree would not be the one that was; name another zxid, or say "
           "--ignore-digest to take it all the same";
  }

  FileSystem& files_;
  const std::string backup_;
  const Zxid end_;
  const ShowProgress show_;
  std::string differing_;  ///< The snapshots that were tried.
  std::uint64_t digest_ = 0;
  std::optional<bool> agrees_;
};

void check_files(FileSystem& files, const std::string& backup, const file::Manifest& manifest,
                 ShowProgress show) {
  Progress progress("checking", manifest.bytes(), show);
  file::check_files(files, backup, manifest, [&](std::uint64_t bytes) {
    progress.add(bytes);
  }).value();
}

void write(FileSystem& files, const std::string& backup, const file::RestorePlan& plan,
           const file::Directories& into, file::Existing existing, const file::Manifest& manifest,
           ShowProgress show) {
  Progress progress("writing", manifest.bytes(), show);
  file::restore(files, backup, plan, into, existing, random_word(), [&](std::uint64_t bytes) {
    progress.add(bytes);
  }).value();
}

}  // namespace

int backup(const Words& words) {
  po::options_description options;
  options.add_options()("log-dir", po::value<std::string>()->default_value(""))("newest-snapshot",
                                                                                "");
  const auto values = parse_paths(words, options);
  const auto paths = paths_in(values);
  if (paths.size() != 2)
    throw UsageError("backup wants a config file or data directory, and a directory to make");
  const ShowProgress show = progress_in(values);
  const auto source = directories_of(paths[0], values["log-dir"].as<std::string>());
  const std::string target = absolute(paths[1]);
  PosixFileSystem files;

  auto manifest = copy(files, source, target, values.count("newest-snapshot") ? 1 : SIZE_MAX, show);
  const auto agrees = load_copy(files, target, manifest, show);
  manifest.program = version();
  manifest.made = utc(wall_ms());
  file::seal_backup(files, target, manifest).value();
  print(manifest, target);
  if (agrees.value_or(true)) return 0;
  std::cout << "warning: the digest of the tree differs from the one that the log records at "
            << file::text_of(manifest.last) << "; see vivarium log --verify " << target << "\n";
  return 1;
}

int restore(const Words& words) {
  po::options_description options;
  options.add_options()("log-dir", po::value<std::string>()->default_value(""))(
      "to", po::value<std::string>())("replace", "")("ignore-digest", "");
  const auto values = parse_paths(words, options);
  const auto paths = paths_in(values);
  if (paths.size() != 2) throw UsageError("restore wants a backup, and a data directory to fill");
  const ShowProgress show = progress_in(values);
  const std::string backup = absolute(paths[0]);
  const std::string log_dir = values["log-dir"].as<std::string>();
  const file::Directories into(absolute(paths[1]), log_dir.empty() ? "" : absolute(log_dir));
  PosixFileSystem files;

  const auto manifest = file::read_manifest(files, backup).value();
  const Zxid end = zxid_in(values, "to").value_or(manifest.last);
  check_files(files, backup, manifest, show);
  Planner planner(files, backup, end, show);
  const auto plan = planner.make(values.count("ignore-digest") ? Planner::Digests::may_differ
                                                               : Planner::Digests::must_agree);
  write(files, backup, plan, into,
        values.count("replace") ? file::Existing::replace : file::Existing::refuse, manifest, show);
  std::cout << "restored " << into.data_dir() << " to " << file::text_of(end) << ", from "
            << plan.base().path << " and " << plan.logs.size() << " logs\n";
  if (!values.count("ignore-digest"))
    std::cout << "digest of the tree: " << hex(planner.digest())
              << (planner.agrees() ? ", as the log records it there\n"
                                   : "; the log records none there to compare with\n");
  return 0;
}

}  // namespace vivarium::tools
