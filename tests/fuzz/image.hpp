#pragma once
// A data directory as one run of bytes: what a fuzzer works on, and what a corpus file holds.
//
//     NAME BYTES ZEROS\n
//     BYTES of content, and so again for the next file
//
// NAME is relative to the data directory: "version-2/log.1". ZEROS follow the content, as
// preallocation leaves them. A log or a snapshot as it is, without such lines, is an image too: of
// that file alone. Any bytes are some image; what makes no sense is left out.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace vivarium::fuzz {

struct ImageFile {
  std::string name, content;
  std::size_t zeros = 0;
};

struct Image {
  std::vector<ImageFile> files;

  /// Of all files as they lie on the disk.
  std::size_t total_bytes() const;
};

Image parse_image(std::string_view bytes);
std::string bytes_of(const Image& image);

/// "version-2/log.1a"
std::string log_name(std::int64_t zxid);
std::string snapshot_name(std::int64_t zxid);
bool is_log(const ImageFile& file);
bool is_snapshot(const ImageFile& file);
/// Of what was acknowledged.
bool is_record(const ImageFile& file);
/// What a backup has beside a data directory's files.
inline constexpr std::string_view kManifestName = "manifest";
bool is_manifest(const ImageFile& file);

}  // namespace vivarium::fuzz
