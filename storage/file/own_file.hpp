#pragma once
// The small files of ours, in the directories `vivarium`: text that a person can read, under a
// checksum.
//
//     vivarium epochs 1            what it is, and the version of the format
//     accepted 5                   a name and a value a line
//     current 4
//     crc32 89abcdef               of everything before this line
//
// The first and the last line look so in every version, so that any release can tell a newer file
// from a damaged one. docs/own-files.md says what each release does with the others' files.

#include <vivarium/disk.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vivarium::file {

/// The version of all files in our directories that this release writes, and the newest it reads.
inline constexpr std::uint32_t kOwnFormat = 1;

enum class FileState : std::uint8_t { absent, damaged, whole };

using OwnFields = std::vector<std::pair<std::string, std::string>>;

struct OwnFile {
  FileState state = FileState::absent;
  OwnFields fields;
  /// nullptr when there is no such field.
  const std::string* find(std::string_view name) const;
};

/// Reads `directory/name`. Errc::unsupported when a newer release wrote it.
Result<OwnFile> read_own(FileSystem& files, const std::string& directory, const std::string& name);
/// Durable, and whole at every moment.
Result<void> write_own(FileSystem& files, const std::string& directory, const std::string& name,
                       const OwnFields& fields);

/// The sentence about a file of a newer release.
Error newer_format(const std::string& path, std::uint64_t version);

std::uint32_t crc32(std::string_view bytes);

}  // namespace vivarium::file
