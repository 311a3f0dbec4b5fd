#include "tools/seed_process.hpp"

#include <cstdlib>
#include <exception>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>

#include <sys/wait.h>
#include <unistd.h>

namespace vivarium::tools {
namespace {

using simulator::RunResult;

constexpr std::string_view kEnd = "end of the run";

/// One line an item. What is no item is what the process said when it died.
std::string to_text(const RunResult& result) {
  std::ostringstream out;
  for (const auto& objection : result.objections) out << "objection " << objection << "\n";
  for (const auto& [name, count] : result.probes.counts()) out << "probe " << count << " " << name << "\n";
  for (const auto& line : result.trace) out << "trace " << line << "\n";
  for (const auto& action : result.plan.actions)
    out << "action " << action.at.count() << " " << static_cast<int>(action.fault) << " "
        << action.which << " " << action.lasts.count() << "\n";
  out << "numbers " << result.event_hash << " " << result.events << " " << result.transactions << " "
      << result.operations << " " << result.lasted.count() << "\n"
      << kEnd << "\n";
  return out.str();
}

simulator::FaultAction action_of(std::istringstream& words) {
  std::int64_t at = 0, lasts = 0;
  int fault = 0;
  simulator::FaultAction action;
  words >> at >> fault >> action.which >> lasts;
  action.at = MonoTime(at);
  action.fault = static_cast<simulator::Fault>(fault);
  action.lasts = Millis(lasts);
  return action;
}

/// False for a line that is no item.
bool take_item(RunResult& result, const std::string& line) {
  std::istringstream words(line);
  std::string kind;
  words >> kind;
  const auto rest = [&] { return line.substr(std::min(line.size(), kind.size() + 1)); };
  if (kind == "objection") {
    result.objections.push_back(rest());
  } else if (kind == "trace") {
    result.trace.push_back(rest());
  } else if (kind == "action") {
    result.plan.actions.push_back(action_of(words));
  } else if (kind == "probe") {
    std::uint64_t count = 0;
    words >> count;
    std::string name;
    std::getline(words >> std::ws, name);
    result.probes.add(name, count);
  } else if (kind == "numbers") {
    std::int64_t lasted = 0;
    words >> result.event_hash >> result.events >> result.transactions >> result.operations >> lasted;
    result.lasted = MonoTime(lasted);
  } else {
    return line == kEnd;
  }
  return true;
}

RunResult from_text(const std::string& text) {
  RunResult result;
  std::string said, line;
  bool whole = false;
  for (std::istringstream lines(text); std::getline(lines, line);) {
    whole = whole || line == kEnd;
    if (!take_item(result, line) && said.empty()) said = line;
  }
  if (!whole) result.objections.insert(result.objections.begin(), "abort: " + said);
  return result;
}

void write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const auto written = ::write(descriptor, text.data(), text.size());
    if (written <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

[[noreturn]] void run_and_exit(const SeedProcess::Work& work, int descriptor) {
  ::dup2(descriptor, STDERR_FILENO);
  try {
    write_all(descriptor, to_text(work()));
  } catch (const std::exception& error) {
    write_all(descriptor, std::string(error.what()) + "\n");
  }
  ::_exit(0);
}

}  // namespace

SeedProcess::SeedProcess(const Work& work) {
  int ends[2];
  if (::pipe(ends) != 0) throw std::runtime_error("no pipe for another run");
  process_ = ::fork();
  if (process_ < 0) throw std::runtime_error("no process for another run");
  if (process_ == 0) {
    ::close(ends[0]);
    run_and_exit(work, ends[1]);
  }
  ::close(ends[1]);
  descriptor_ = ends[0];
}

SeedProcess::~SeedProcess() {
  ::close(descriptor_);
  if (process_ > 0) ::waitpid(process_, nullptr, 0);
}

bool SeedProcess::take() {
  char bytes[65536];
  const auto count = ::read(descriptor_, bytes, sizeof bytes);
  if (count > 0) text_.append(bytes, static_cast<std::size_t>(count));
  return count <= 0;
}

RunResult SeedProcess::wait() {
  while (!take()) {
  }
  return from_text(text_);
}

}  // namespace vivarium::tools
