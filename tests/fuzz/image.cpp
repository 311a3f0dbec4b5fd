#include "tests/fuzz/image.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include <vivarium/ids.hpp>

#include "storage/file/format.hpp"

namespace vivarium::fuzz {
namespace {

constexpr std::size_t kFilesMax = 16;
constexpr std::size_t kNameBytesMax = 60;
constexpr std::size_t kZerosMax = std::size_t{1} << 18;
// The deepest first.
constexpr std::array<std::string_view, 3> kFolders = {"vivarium/acknowledged/", "version-2/",
                                                      "vivarium/"};

/// A name that a file of a data directory may have, in one of its folders.
bool is_name(std::string_view name) {
  if (name == "myid" || name == kManifestName) return true;
  const auto folder = std::find_if(kFolders.begin(), kFolders.end(),
                                   [&](auto one) { return name.starts_with(one); });
  if (folder == kFolders.end() || name.size() > kNameBytesMax) return false;
  name.remove_prefix(folder->size());
  const bool plain =
      std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < 0x7f && c != '/'; });
  return plain && !name.empty() && name != "." && name != "..";
}

std::string_view take_word(std::string_view& line) {
  const auto word = line.substr(0, line.find(' '));
  line.remove_prefix(std::min(line.size(), word.size() + 1));
  return word;
}

std::size_t number(std::string_view text) {
  std::size_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::optional<ImageFile> take_file(std::string_view& bytes) {
  const auto end = bytes.find('\n');
  if (end == bytes.npos) return std::nullopt;
  auto line = bytes.substr(0, end);
  bytes.remove_prefix(end + 1);
  ImageFile file;
  file.name = take_word(line);
  const auto size = number(take_word(line));
  file.zeros = std::min(number(line), kZerosMax);
  file.content = bytes.substr(0, size);
  bytes.remove_prefix(file.content.size());
  return file;
}

std::string name_of(std::string_view kind, std::int64_t zxid) {
  return "version-2/" + std::string(kind) + file::text_of(Zxid{zxid}).substr(2);
}

}  // namespace

std::size_t Image::total_bytes() const {
  std::size_t sum = 0;
  for (const ImageFile& file : files) sum += file.content.size() + file.zeros;
  return sum;
}

Image parse_image(std::string_view bytes) {
  if (bytes.starts_with(file::kLogMagic)) return {{{log_name(1), std::string(bytes), 0}}};
  if (bytes.starts_with(file::kSnapshotMagic)) return {{{snapshot_name(0), std::string(bytes), 0}}};
  Image image;
  while (image.files.size() < kFilesMax) {
    auto file = take_file(bytes);
    if (!file) break;
    if (is_name(file->name)) image.files.push_back(std::move(*file));
  }
  return image;
}

std::string bytes_of(const Image& image) {
  std::string bytes;
  for (const ImageFile& file : image.files)
    bytes += file.name + " " + std::to_string(file.content.size()) + " " +
             std::to_string(file.zeros) + "\n" + file.content;
  return bytes;
}

std::string log_name(std::int64_t zxid) { return name_of("log.", zxid); }
std::string snapshot_name(std::int64_t zxid) { return name_of("snapshot.", zxid); }
bool is_log(const ImageFile& file) { return file.name.starts_with("version-2/log."); }
bool is_snapshot(const ImageFile& file) { return file.name.starts_with("version-2/snapshot."); }
bool is_manifest(const ImageFile& file) { return file.name == kManifestName; }
bool is_record(const ImageFile& file) { return file.name.starts_with("vivarium/acknowledged/"); }

}  // namespace vivarium::fuzz
