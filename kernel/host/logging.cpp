#include "kernel/host/logging.hpp"

#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

namespace vivarium {
namespace {

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::debug: return spdlog::level::debug;
    case LogLevel::info: return spdlog::level::info;
    case LogLevel::warn: return spdlog::level::warn;
    case LogLevel::error: return spdlog::level::err;
  }
  return spdlog::level::err;
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string line;
  line.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const auto next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0u;
    if (c == '\n') {
      line += "\\n";
    } else if (c == '\t') {
      line += "\\t";
    } else if (c < 0x20 || c == 0x7f) {
      line += fmt::format("\\x{:02x}", c);
    } else if (c == 0xc2 && next >= 0x80 && next < 0xa0) {  // U+0080 to U+009F
      line += fmt::format("\\x{:02x}", next);
      ++i;
    } else {
      line += text[i];
    }
  }
  return line;
}

struct StderrLog::Parts {
  spdlog::logger logger{"vivarium", std::make_shared<spdlog::sinks::stderr_sink_mt>()};
};

StderrLog::StderrLog(LogLevel least) : parts_(std::make_unique<Parts>()) {
  parts_->logger.set_pattern("%Y-%m-%d %H:%M:%S.%e %l %v");
  set_level(least);
}
StderrLog::~StderrLog() = default;

void StderrLog::set_level(LogLevel least) { parts_->logger.set_level(level_of(least)); }

bool StderrLog::enabled(LogLevel level) const {
  return parts_->logger.should_log(level_of(level));
}

void StderrLog::write(LogLevel level, std::string_view line) {
  if (enabled(level)) parts_->logger.log(level_of(level), escaped(line));
}

}  // namespace vivarium
