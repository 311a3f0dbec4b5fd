#include "own_file.hpp"

#include "directories.hpp"
#include "try.hpp"

#include <array>
#include <charconv>

#include <zlib.h>

namespace vivarium::file {
namespace {

constexpr std::string_view kOwner = "vivarium ";
constexpr std::string_view kSum = "crc32 ";

std::string hex(std::uint32_t value) {
  std::array<char, 8> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value, 16);
  return {digits.data(), end.ptr};
}

std::string encode(const std::string& name, const OwnFields& fields) {
  std::string text(kOwner);
  text += name + " " + std::to_string(kOwnFormat) + "\n";
  for (const auto& [field, value] : fields) text.append(field).append(" ").append(value) += "\n";
  return text + std::string(kSum) + hex(crc32(text)) + "\n";
}

/// The text before the checksum, if that is right.
std::optional<std::string_view> checked(std::string_view text) {
  const auto sum = text.rfind(kSum);
  if (sum == std::string_view::npos) return std::nullopt;
  const auto content = text.substr(0, sum);
  const bool right = text.substr(sum) == std::string(kSum) + hex(crc32(content)) + "\n";
  return right ? std::optional(content) : std::nullopt;
}

std::string_view take_line(std::string_view& text) {
  const auto line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(text.size(), line.size() + 1));
  return line;
}

std::optional<std::uint64_t> version_in(std::string_view line, const std::string& name) {
  const std::string begin = std::string(kOwner) + name + " ";
  if (!line.starts_with(begin)) return std::nullopt;
  line.remove_prefix(begin.size());
  std::uint64_t version = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), version);
  const bool whole = error == std::errc{} && end == line.data() + line.size();
  return whole ? std::optional(version) : std::nullopt;
}

OwnFields fields_in(std::string_view text) {
  OwnFields fields;
  while (!text.empty()) {
    const auto line = take_line(text);
    const auto space = std::min(line.find(' '), line.size());
    fields.emplace_back(line.substr(0, space),
                        line.substr(std::min(space + 1, line.size())));
  }
  return fields;
}

}  // namespace

const std::string* OwnFile::find(std::string_view name) const {
  for (const auto& [field, value] : fields)
    if (field == name) return &value;
  return nullptr;
}

Result<OwnFile> read_own(FileSystem& files, const std::string& directory,
                         const std::string& name) {
  const std::string path = directory + "/" + name;
  OwnFile file;
  if (!files.exists(path)) return file;
  TRY_LET(text, read_file(files, path));
  file.state = FileState::damaged;
  auto content = checked(text);
  if (!content) return file;
  const auto version = version_in(take_line(*content), name);
  if (!version) return file;
  if (*version > kOwnFormat) return newer_format(path, *version);
  file.state = FileState::whole;
  file.fields = fields_in(*content);
  return file;
}

Result<void> write_own(FileSystem& files, const std::string& directory, const std::string& name,
                       const OwnFields& fields) {
  return replace_file(files, directory, name, encode(name, fields));
}

Error newer_format(const std::string& path, std::uint64_t version) {
  return {Errc::unsupported,
          path + " has format version " + std::to_string(version) +
              ", of a newer release; this one reads up to version " + std::to_string(kOwnFormat) +
              ": start the newer release again, or, to go back for good, move the directories "
              "named vivarium away: ZooKeeper's own files in version-2 can be read by both"};
}

std::uint32_t crc32(std::string_view bytes) {
  const auto* data = reinterpret_cast<const Bytef*>(bytes.data());
  return static_cast<std::uint32_t>(::crc32_z(0, data, bytes.size()));
}

}  // namespace vivarium::file
