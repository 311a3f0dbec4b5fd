#pragma once
// One line to the operator. Values are already text; the host escapes control characters, adds time
// and the component's name, and decides where the line goes.

#include <cstdint>
#include <string_view>

namespace vivarium {

enum class LogLevel : std::uint8_t { debug, info, warn, error };

class Log {
 public:
  virtual ~Log() = default;
  virtual bool enabled(LogLevel level) const = 0;
  virtual void write(LogLevel level, std::string_view line) = 0;

  void debug(std::string_view line) { write(LogLevel::debug, line); }
  void info(std::string_view line) { write(LogLevel::info, line); }
  void warn(std::string_view line) { write(LogLevel::warn, line); }
  void error(std::string_view line) { write(LogLevel::error, line); }
};

}  // namespace vivarium
