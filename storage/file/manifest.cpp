// The manifest of a backup: lines of text, the last one a checksum of those before.
//
//     vivarium-backup 1
//     program 0.1.0
//     made 2026-11-26T20:20:00Z
//     source /var/lib/vivarium
//     first 0x0
//     last 0x1f
//     digest 0x51c6cc08
//     file 457 1a2b3c4d version-2/snapshot.0
//     end 5e6f7081
#include "backup.hpp"

#include "format.hpp"
#include "try.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>

#include <zlib.h>

namespace vivarium::file {
namespace {

constexpr std::string_view kName = "manifest";
constexpr std::string_view kFirstWord = "vivarium-backup ";
constexpr std::string_view kFirstLine = "vivarium-backup 1\n";
constexpr std::size_t kBytesMax = std::size_t{64} << 20;

std::string hex(std::uint64_t value) { return text_of(Zxid{static_cast<std::int64_t>(value)}); }

std::uint32_t crc(std::string_view bytes) {
  return static_cast<std::uint32_t>(
      ::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

/// A directory's name may hold anything; a line may not.
std::string one_line(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r'; }, '?');
  return text;
}

std::string encode(const Manifest& manifest) {
  std::string text(kFirstLine);
  const auto line = [&](std::string_view key, const std::string& value) {
    text += std::string(key) + " " + one_line(value) + "\n";
  };
  line("program", manifest.program);
  line("made", manifest.made);
  line("source", manifest.source);
  line("first", text_of(manifest.first));
  line("last", text_of(manifest.last));
  if (manifest.digest) line("digest", hex(*manifest.digest));
  for (const BackupFile& file : manifest.files)
    line("file", std::to_string(file.bytes) + " " + hex(file.crc).substr(2) + " " + file.name);
  return text + "end " + hex(crc(text)).substr(2) + "\n";
}

template <class Integer>
bool read_number(std::string_view text, Integer& value, int base = 10) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return error == std::errc{} && end == text.data() + text.size();
}

/// "0x1f"
bool read_hex(std::string_view text, std::uint64_t& value) {
  return text.starts_with("0x") && read_number(text.substr(2), value, 16);
}

bool read_zxid(std::string_view text, Zxid& zxid) {
  std::uint64_t value = 0;
  if (!read_hex(text, value)) return false;
  zxid.value = static_cast<std::int64_t>(value);
  return true;
}

std::string_view take_word(std::string_view& text) {
  const auto end = std::min(text.find(' '), text.size());
  const auto word = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return word;
}

/// A name that cannot lead out of the backup.
bool is_inner(std::string_view name) {
  return !name.empty() && name.front() != '/' && name.find("..") == name.npos;
}

bool read_file_line(std::string_view rest, Manifest& manifest) {
  BackupFile file;
  const bool numbers =
      read_number(take_word(rest), file.bytes) && read_number(take_word(rest), file.crc, 16);
  file.name = rest;
  manifest.files.push_back(file);
  return numbers && is_inner(file.name);
}

bool read_line(std::string_view line, Manifest& manifest) {
  const auto key = take_word(line);
  const std::string value(line);
  if (key == "program")
    manifest.program = value;
  else if (key == "made")
    manifest.made = value;
  else if (key == "source")
    manifest.source = value;
  else if (key == "first")
    return read_zxid(value, manifest.first);
  else if (key == "last")
    return read_zxid(value, manifest.last);
  else if (key == "digest")
    return read_hex(value, manifest.digest.emplace());
  else if (key == "file")
    return read_file_line(value, manifest);
  return true;  // Later versions may say more.
}

bool decode(std::string_view text, Manifest& manifest) {
  const auto end = text.rfind("\nend ") + 1;  // 0 when there is none.
  std::uint32_t checksum = 0;
  if (end == 0 || text.back() != '\n' ||
      !read_number(text.substr(end + 4, text.size() - end - 5), checksum, 16) ||
      checksum != crc(text.substr(0, end)))
    return false;
  text = text.substr(0, end);
  text.remove_prefix(kFirstLine.size());
  while (!text.empty()) {
    const auto line_end = text.find('\n');
    if (!read_line(text.substr(0, line_end), manifest)) return false;
    text.remove_prefix(line_end + 1);
  }
  return true;
}

}  // namespace

std::uint64_t Manifest::bytes() const {
  std::uint64_t sum = 0;
  for (const BackupFile& file : files) sum += file.bytes;
  return sum;
}

Result<void> seal_backup(FileSystem& files, const std::string& target, const Manifest& manifest) {
  return replace_file(files, target, std::string(kName), encode(manifest));
}

Result<Manifest> read_manifest(FileSystem& files, const std::string& backup) {
  const std::string path = backup + "/" + std::string(kName);
  auto text = read_file(files, path, kBytesMax);
  if (text.has_error() && text.error().is(Errc::not_found))
    return Error(Errc::not_found,
                 backup + " is no backup, or one that was never completed: it has no manifest; "
                          "name a directory that `vivarium backup` has made");
  if (text.has_error()) return text.error();
  if (text->starts_with(kFirstWord) && !text->starts_with(kFirstLine))
    return Error(Errc::unsupported, path + " was written by a later version, found \"" +
                                        text->substr(0, text->find('\n')) +
                                        "\", wanted \"vivarium-backup 1\"; restore with the "
                                        "version that made it");
  Manifest manifest;
  if (!text->starts_with(kFirstLine) || !decode(*text, manifest))
    return Error(Errc::corrupt, path + " is not as it was written: its last line does not hold the "
                                       "checksum of the others; use another backup");
  return manifest;
}

Directories backup_directories(const std::string& backup) { return {backup, ""}; }

}  // namespace vivarium::file
