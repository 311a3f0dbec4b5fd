#pragma once
// What can be said about a shared library before the system maps it: mapping a truncated one ends in a
// signal, and opening any runs its static constructors.

#include <vivarium/result.hpp>

#include <string>
#include <string_view>

namespace vivarium {

/// Succeeds when the file is a whole 64-bit shared library for this kind of machine. Otherwise an
/// error that reads on after the file's name: "is ...".
Result<void> check_shared_library(const std::string& path);

/// Does the library export `symbol`?
Result<bool> exports_symbol(const std::string& path, std::string_view symbol);

}  // namespace vivarium
