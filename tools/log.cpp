// vivarium log: looks at transaction logs, of either server, and changes nothing.
#include "tools/commands.hpp"

#include "kernel/core/hex.hpp"
#include "kernel/host/posix_file_system.hpp"
#include "storage/file/format.hpp"
#include "storage/file/history.hpp"
#include "tools/file_arguments.hpp"
#include "tools/json_archive.hpp"
#include "tools/log_print.hpp"
#include "tools/log_summary.hpp"
#include "tools/replay.hpp"
#include "tools/transaction.hpp"

#include <algorithm>
#include <iostream>
#include <limits>

namespace vivarium::tools {
namespace {

namespace po = boost::program_options;

struct Range {
  Zxid from{std::numeric_limits<std::int64_t>::min()};
  Zxid to{std::numeric_limits<std::int64_t>::max()};
  bool holds(Zxid zxid) const { return from <= zxid && zxid <= to; }
};

/// Goes through logs with a report of its progress.
class Walk {
 public:
  Walk(FileSystem& files, const HistoryFiles& history, const Range& range, const std::string& work,
       ShowProgress show)
      : range_(range),
        reader_(files, needed(history.logs, range), history.snapshots),
        progress_(work, reader_.bytes_total(), show) {}

  /// The next transaction in the range; nullptr at its end.
  const file::LogReader* next() {
    while (reader_.next().value()) {
      progress_.set(reader_.bytes_read());
      if (reader_.zxid() > range_.to) return nullptr;
      if (reader_.zxid() >= range_.from) return &reader_;
    }
    return nullptr;
  }
  const file::LogReader& reader() const { return reader_; }

 private:
  static std::vector<file::NamedFile> needed(std::vector<file::NamedFile> logs,
                                             const Range& range) {
    std::erase_if(logs, [&](const auto& log) { return log.zxid > range.to; });
    if (range.from.value <= 0) return logs;
    return file::logs_above(std::move(logs), Zxid{range.from.value - 1});
  }

  const Range range_;
  file::LogReader reader_;
  Progress progress_;
};

/// To standard error, so that what is printed stays a list of transactions. Status 1 for damage.
int report(const file::LogReader& reader, std::ostream& out) {
  int status = 0;
  for (const file::LogFinding& finding : reader.findings()) {
    out << (file::is_damage(finding.kind) ? "damage: " : "note: ") << file::text_of(finding)
        << "\n";
    if (file::is_damage(finding.kind)) status = 1;
  }
  return status;
}

enum class Form : std::uint8_t { text, json };

int print(Walk& walk, Form form) {
  while (const auto* at = walk.next())
    std::cout << (form == Form::json ? json_line(*at) : text_line(*at)) << "\n";
  std::cout.flush();
  return report(walk.reader(), std::cerr);
}

int summarize(Walk& walk, Form form) {
  LogSummary summary;
  while (const auto* at = walk.next()) summary.add(*at);
  LogFacts facts = summary.facts();
  facts.file_bytes = walk.reader().bytes_total();
  if (form == Form::json)
    std::cout << json_line([&](auto& archive) { archive(cereal::make_nvp("summary", facts)); })
              << "\n";
  else
    print(std::cout, facts);
  return report(walk.reader(), std::cerr);
}

// --- verify ----------------------------------------------------------------------------------------

/// Follows the log with a tree, from wherever a snapshot or the very beginning allows it.
class DigestCheckAlong {
 public:
  DigestCheckAlong(FileSystem& files, std::vector<file::NamedFile> snapshots)
      : files_(files),
        snapshots_(std::move(snapshots)) {}

  void take(const file::LogReader& at) {
    if (at.repeated()) return;
    if (replay_ && !at.continues()) end();
    if (!replay_) begin(at.zxid());
    if (replay_) {
      const auto taken = replay_->take(at.zxid(), at.payload());
      if (!taken) {
        problems_.push_back(at.path() + " at offset " + std::to_string(at.offset()) + ": " +
                            taken.error().what);
        end();
      }
    }
    last_ = at.zxid();
  }

  int report(std::ostream& out) {
    end();
    for (const std::string& problem : problems_) out << "damage: " << problem << "\n";
    if (begun_at_.empty()) {
      out << "digests: not compared: no snapshot is at hand from which the log goes on\n";
      return problems_.empty() ? 0 : 1;
    }
    out << "digests: " << compared_ << " compared from " << begun_at_ << " on, " << differing_
        << " differ";
    if (catching_up_ > 0)
      out << "; " << catching_up_
          << " not counted while the log caught up with a snapshot that was taken under writes";
    out << "\n";
    if (differing_ > 0)
      out << "damage: the tree's digest first differs at " << file::text_of(first_difference_)
          << ": a transaction before it, or the snapshot, is not what the leader had\n";
    if (never_caught_up_)
      out << "damage: no digest ever was that of the tree: the snapshot and the log are not of one "
             "history\n";
    return problems_.empty() && differing_ == 0 && !never_caught_up_ ? 0 : 1;
  }

 private:
  static bool is_first_ever(Zxid zxid) {
    return zxid.value == 1 || (zxid.epoch() == Epoch{1} && zxid.counter() <= 1);
  }

  /// The newest whole snapshot from which nothing is missing before `zxid`.
  void begin(Zxid zxid) {
    for (auto one = snapshots_.rbegin(); one != snapshots_.rend(); ++one) {
      const bool leads_here =
          one->zxid < zxid && (file::follows(one->zxid, zxid) || (last_ && one->zxid >= *last_));
      if (!leads_here) continue;
      auto tree = load_tree(files_, *one, [](std::uint64_t) {});
      if (tree) return begin_with(one->path, Replay(std::move(*tree)));
      problems_.push_back(tree.error().what);
      snapshots_.erase(std::next(one).base());
      return;
    }
    if (is_first_ever(zxid)) begin_with("the empty tree", Replay(empty_tree(), true));
  }

  void begin_with(const std::string& what, Replay replay) {
    replay_.emplace(std::move(replay));
    if (begun_at_.empty()) begun_at_ = what;
  }

  void end() {
    if (!replay_) return;
    const DigestTally& tally = replay_->digests();
    if (differing_ == 0) first_difference_ = tally.first_difference;
    compared_ += tally.compared;
    catching_up_ += tally.catching_up;
    differing_ += tally.differing;
    never_caught_up_ = never_caught_up_ || (tally.catching_up > 0 && tally.compared == 0);
    replay_.reset();
  }

  FileSystem& files_;
  std::vector<file::NamedFile> snapshots_;
  std::optional<Replay> replay_;
  std::optional<Zxid> last_;
  std::string begun_at_;
  std::vector<std::string> problems_;
  std::uint64_t compared_ = 0, catching_up_ = 0, differing_ = 0;
  Zxid first_difference_;
  bool never_caught_up_ = false;
};

int verify(FileSystem& files, const HistoryFiles& history, Walk& walk) {
  DigestCheckAlong digests(files, history.snapshots);
  std::uint64_t transactions = 0, malformed = 0;
  Zxid first, last;
  while (const auto* at = walk.next()) {
    if (transactions++ == 0) first = at->zxid();
    last = std::max(last, at->zxid());
    if (Transaction::of(at->payload()).malformed && malformed++ == 0)
      std::cout << "damage: " << at->path() << " at offset " << at->offset() << ": transaction "
                << file::text_of(at->zxid()) << " cannot be decoded\n";
    digests.take(*at);
  }
  std::cout << transactions << " whole transactions in " << history.logs.size() << " files, "
            << file::text_of(first) << " to " << file::text_of(last) << "\n";
  const int framing = report(walk.reader(), std::cout);
  const int replayed = digests.report(std::cout);
  const bool damaged = framing != 0 || replayed != 0 || malformed > 0;
  std::cout << (damaged ? "damaged\n" : "whole\n");
  return damaged ? 1 : 0;
}

// --- compare ---------------------------------------------------------------------------------------

/// One of two histories.
struct Side {
  std::string name;
  Walk walk;
  const file::LogReader* at = nullptr;
  Zxid last;
  std::uint64_t rest = 0;

  void next() {
    if (at) last = at->zxid();
    do at = walk.next();
    while (at && at->repeated());
  }
  void skip_to_end() {
    for (; at; next()) ++rest;
  }
};

/// The transactions without the digest behind them.
bool only_digests_differ(const file::LogReader& a, const file::LogReader& b) {
  const auto without_digest = [](const file::LogReader& at) {
    return at.payload().substr(0, at.payload().size() -
                                      (Transaction::of(at.payload()).digest ? 12 : 0));
  };
  return without_digest(a) == without_digest(b);
}

int report_difference(const Side& a, const Side& b) {
  std::cout << "the histories differ at " << file::text_of(std::min(a.at->zxid(), b.at->zxid()))
            << ", behind " << file::text_of(std::max(a.last, b.last));
  if (a.at->zxid() == b.at->zxid() && only_digests_differ(*a.at, *b.at))
    std::cout << ", in the digest alone";
  std::cout << "\n";
  for (const Side* side : {&a, &b})
    std::cout << side->at->path() << " at offset " << side->at->offset() << ":\n  "
              << text_line(*side->at) << "\n";
  return 1;
}

void report_rest(Side& side, const Side& other) {
  const Zxid next = side.at ? side.at->zxid() : Zxid{};
  side.skip_to_end();
  if (side.rest > 0)
    std::cout << side.name << " goes on from " << file::text_of(next) << " to "
              << file::text_of(side.last) << ", " << side.rest << " transactions behind the end of "
              << other.name << "\n";
}

int compare(Side a, Side b) {
  a.next();
  b.next();
  if (!a.at || !b.at) throw std::runtime_error("one of the histories holds no transaction");
  const Zxid begin = std::max(a.at->zxid(), b.at->zxid());
  for (Side* side : {&a, &b})
    while (side->at && side->at->zxid() < begin) side->next();
  if (!a.at || !b.at)
    throw std::runtime_error("the histories have no transaction in common: one ends before the "
                             "other begins, at " +
                             file::text_of(begin));
  std::uint64_t same = 0;
  for (; a.at && b.at; a.next(), b.next(), ++same)
    if (a.at->payload() != b.at->payload()) return report_difference(a, b);
  std::cout << same << " transactions from " << file::text_of(begin) << " on are the same\n";
  report_rest(a, b);
  report_rest(b, a);
  return report(a.walk.reader(), std::cout) | report(b.walk.reader(), std::cout);
}

}  // namespace

int log(const Words& words) {
  po::options_description options;
  options.add_options()("json", "")("verify", "")("summary", "")("compare", "")(
      "from", po::value<std::string>())("to", po::value<std::string>());
  const auto values = parse_paths(words, options);
  const auto paths = paths_in(values);
  if (values.count("verify") + values.count("summary") + values.count("compare") > 1)
    throw UsageError("--verify, --summary and --compare exclude each other");
  if (paths.empty()) throw UsageError("no log file or directory was named");
  Range range;
  if (const auto from = zxid_in(values, "from")) range.from = *from;
  if (const auto to = zxid_in(values, "to")) range.to = *to;
  const Form form = values.count("json") ? Form::json : Form::text;
  const ShowProgress show = progress_in(values);
  PosixFileSystem files;

  if (values.count("compare")) {
    if (paths.size() != 2) throw UsageError("--compare wants two files or directories");
    const auto side = [&](const std::string& path) {
      const auto history = HistoryFiles::at(files, {path});
      history.require_logs(path);
      return Side{path, Walk(files, history, range, "comparing " + path, show), nullptr, {}, 0};
    };
    return compare(side(paths[0]), side(paths[1]));
  }
  const auto history = HistoryFiles::at(files, paths);
  history.require_logs(paths.front());
  Walk walk(files, history, range, values.count("verify") ? "verifying" : "reading", show);
  if (values.count("verify")) return verify(files, history, walk);
  if (values.count("summary")) return summarize(walk, form);
  return print(walk, form);
}

}  // namespace vivarium::tools
