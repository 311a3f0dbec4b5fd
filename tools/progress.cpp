#include "tools/progress.hpp"

#include <algorithm>
#include <cstdio>

#include <unistd.h>

namespace vivarium::tools {
namespace {

constexpr auto kOnTerminal = std::chrono::milliseconds(200);
constexpr auto kElsewhere = std::chrono::seconds(1);

double mebibytes(std::uint64_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

}  // namespace

Progress::Progress(std::string work, std::uint64_t total, ShowProgress show)
    : work_(std::move(work)),
      total_(total),
      terminal_(::isatty(STDERR_FILENO) == 1),
      shown_(terminal_ || show == ShowProgress::always) {}

Progress::~Progress() {
  // So that even short work that was asked to tell says something.
  if (!shown_ || (terminal_ && !any_)) return;
  show(Clock::now());
  if (terminal_) std::fputc('\n', stderr);
}

void Progress::show_if_due() {
  const auto now = Clock::now();
  if (now - last_ < (terminal_ ? Clock::duration(kOnTerminal) : Clock::duration(kElsewhere)))
    return;
  last_ = now;
  any_ = true;
  show(now);
}

void Progress::show(Clock::time_point now) const {
  const double total = mebibytes(std::max(total_, done_)), done = mebibytes(done_);
  const double seconds = std::chrono::duration<double>(now - begin_).count();
  const double left = done > 0 ? seconds * (total - done) / done : 0;
  std::fprintf(stderr, "%s%s: %.1f of %.1f MiB (%.0f %%), %.0f s, about %.0f s left%s",
               terminal_ ? "\r" : "", work_.c_str(), done, total,
               total > 0 ? 100 * done / total : 100, seconds, left, terminal_ ? "\033[K" : "\n");
  std::fflush(stderr);
}

}  // namespace vivarium::tools
