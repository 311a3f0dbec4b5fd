#pragma once
// A compressed snapshot's bytes, unpacked and packed again, so that changes get past the stream's own
// checks.

#include <string>

#include "storage/file/compression.hpp"

namespace vivarium::fuzz {

/// As far as the stream can be read.
std::string unpacked(const std::string& content, file::Compression compression);
std::string packed(const std::string& content, file::Compression compression);

}  // namespace vivarium::fuzz
