#pragma once
// Transactions as text and as JSON.

#include "storage/file/log_reader.hpp"

#include <cstdint>
#include <string>

namespace vivarium::tools {

/// "0x5 2026-11-26T20:20:00.123Z session=0x100 cxid=3 create path="/a" ... digest=0x51c6cc08"
std::string text_line(const file::LogReader& at);
/// The records by their own names, with the place and what people look for in front.
std::string json_line(const file::LogReader& at);

/// "2026-11-26T20:20:00.123Z"
std::string utc(std::int64_t wall_ms);

}  // namespace vivarium::tools
