#pragma once
// The log of a process: one line an event on standard error, with time, level and component. Whatever
// comes from outside (paths, names, certificates) cannot forge or hide lines: control characters are
// escaped.
//
// Threads: any; lines do not mix.

#include <vivarium/log.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace vivarium {

/// `text` with control characters as \n, \t, \xNN, the C1 ones of UTF-8 included.
std::string escaped(std::string_view text);

class StderrLog final : public Log {
 public:
  explicit StderrLog(LogLevel least);
  ~StderrLog() override;

  void set_level(LogLevel least);
  bool enabled(LogLevel level) const override;
  void write(LogLevel level, std::string_view line) override;

 private:
  struct Parts;  ///< Keeps spdlog out of this header.
  std::unique_ptr<Parts> parts_;
};

/// The same log, with the name of a component before each line.
class ComponentLog final : public Log {
 public:
  ComponentLog(Log& log, std::string component) : log_(log), prefix_(std::move(component) + ": ") {}
  bool enabled(LogLevel level) const override { return log_.enabled(level); }
  void write(LogLevel level, std::string_view line) override {
    if (enabled(level)) log_.write(level, prefix_ + std::string(line));
  }

 private:
  Log& log_;
  std::string prefix_;
};

}  // namespace vivarium
