#include "tools/log_summary.hpp"

#include "storage/file/format.hpp"
#include "tools/log_print.hpp"
#include "tools/transaction.hpp"

#include <algorithm>
#include <ostream>

namespace vivarium::tools {
namespace {

constexpr std::size_t kTopMax = 10;
constexpr std::size_t kAll = SIZE_MAX;

/// "/a" of "/a/b/c".
std::string_view first_part(std::string_view path) { return path.substr(0, path.find('/', 1)); }

/// Calls `visit(path)` for each path that a transaction changes.
template <class Visit>
struct PathsOf {
  const Visit& visit;

  template <class Record>
  void operator()(const Record& record) const {
    if constexpr (requires { record.path; })
      visit(record.path);
    else if constexpr (requires { record.paths; })
      for (const auto path : record.paths) visit(path);
    else if constexpr (requires { record.txns; })
      for (const auto& part : record.txns) visit_part(part, *this);
  }
};

template <class Visit>
void visit_paths(Op type, std::string_view bytes, const Visit& visit) {
  JuteIn body(bytes);
  visit_body(type, body, PathsOf<Visit>{visit});
}

}  // namespace

void LogSummary::add(Sums& sums, std::string_view name, std::uint64_t bytes) {
  auto found = sums.find(name);
  if (found == sums.end()) found = sums.emplace(std::string(name), Sum{}).first;
  ++found->second.count;
  found->second.bytes += bytes;
}

void LogSummary::add_path(std::string_view path, std::uint64_t bytes) {
  add(paths_, path, bytes);
  add(prefixes_, first_part(path), bytes);
}

void LogSummary::add(const file::LogReader& at) {
  files_.insert(at.path());
  if (at.repeated()) {
    ++facts_.repeated;
    return;
  }
  const auto transaction = Transaction::of(at.payload());
  const std::uint64_t bytes = at.payload().size();
  const std::string zxid = file::text_of(at.zxid());
  if (facts_.transactions++ == 0) {
    facts_.first_zxid = zxid;
    first_time_ = last_time_ = transaction.header.time;
  }
  facts_.last_zxid = zxid;
  first_time_ = std::min(first_time_, transaction.header.time);
  last_time_ = std::max(last_time_, transaction.header.time);
  facts_.bytes += bytes;
  if (bytes > facts_.largest) {
    facts_.largest = bytes;
    facts_.largest_zxid = zxid;
  }
  if (transaction.malformed) ++facts_.malformed;
  sessions_.insert(transaction.header.client_id);
  add(types_, name_of(transaction.type()), bytes);
  add(epochs_, std::to_string(at.zxid().epoch().value), bytes);
  visit_paths(transaction.type(), transaction.body,
              [&](std::string_view path) { add_path(path, bytes); });
}

std::vector<Tally> LogSummary::top(const Sums& sums, std::size_t most) {
  std::vector<Tally> tallies;
  for (const auto& [name, sum] : sums) tallies.push_back({name, sum.count, sum.bytes});
  std::stable_sort(tallies.begin(), tallies.end(),
                   [](const Tally& a, const Tally& b) { return a.count > b.count; });
  if (tallies.size() > most) tallies.resize(most);
  return tallies;
}

LogFacts LogSummary::facts() const {
  LogFacts facts = facts_;
  facts.files = files_.size();
  facts.sessions = sessions_.size();
  if (facts.transactions > 0) {
    facts.first_time = utc(first_time_);
    facts.last_time = utc(last_time_);
  }
  facts.types = top(types_, kAll);
  facts.epochs = top(epochs_, kAll);
  facts.paths = top(paths_, kTopMax);
  facts.prefixes = top(prefixes_, kTopMax);
  return facts;
}

namespace {

void print(std::ostream& out, const char* title, const std::vector<Tally>& tallies) {
  if (tallies.empty()) return;
  out << title << "\n";
  for (const Tally& one : tallies)
    out << "  " << one.count << "\t" << one.bytes << " bytes\t" << one.name << "\n";
}

}  // namespace

void print(std::ostream& out, const LogFacts& facts) {
  out << "transactions  " << facts.transactions << " in " << facts.files << " files of "
      << facts.file_bytes << " bytes\n"
      << "zxids         " << facts.first_zxid << " to " << facts.last_zxid << "\n"
      << "times         " << facts.first_time << " to " << facts.last_time << "\n"
      << "sizes         " << facts.bytes << " bytes, the largest " << facts.largest << " ("
      << facts.largest_zxid << ")\n"
      << "sessions      " << facts.sessions << "\n"
      << "repeated      " << facts.repeated << "\n"
      << "malformed     " << facts.malformed << "\n";
  print(out, "by type", facts.types);
  print(out, "by epoch", facts.epochs);
  print(out, "most written paths", facts.paths);
  print(out, "most written subtrees", facts.prefixes);
}

}  // namespace vivarium::tools
