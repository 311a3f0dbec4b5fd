#pragma once
// How far long work has come: a line on standard error that is written over, or, when that is no
// terminal, a line every now and then.

#include <chrono>
#include <cstdint>
#include <string>

namespace vivarium::tools {

enum class ShowProgress : std::uint8_t { on_terminal, always };

class Progress {
 public:
  /// `total` bytes are to come, about.
  Progress(std::string work, std::uint64_t total, ShowProgress show);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void add(std::uint64_t bytes) { set(done_ + bytes); }
  void set(std::uint64_t done) {
    done_ = done;
    if (!shown_ || done_ - looked_at_ < kLookEveryBytes) return;
    looked_at_ = done_;
    show_if_due();
  }

 private:
  using Clock = std::chrono::steady_clock;
  void show_if_due();
  void show(Clock::time_point now) const;

  const std::string work_;
  const std::uint64_t total_;
  const bool terminal_, shown_;
  static constexpr std::uint64_t kLookEveryBytes = 1 << 16;  ///< The clock is not for nothing.
  std::uint64_t done_ = 0, looked_at_ = 0;
  Clock::time_point begin_ = Clock::now(), last_ = begin_;
  bool any_ = false;
};

}  // namespace vivarium::tools
