#pragma once
// How a snapshot is packed in its file: as it is, or in one of ZooKeeper's two compressed streams.
// Checksums are over the unpacked bytes. Runs in jobs of the bulk lane.
//
//     snapshot.<zxid>          as it is
//     snapshot.<zxid>.gz       a gzip stream
//     snapshot.<zxid>.snappy   snappy-java's stream: magic, i32 version, i32 oldest version that
//     can
//                              read it, then chunks: i32 length, raw snappy
//
// A file is not trusted: no length in it is believed before it is held against what is there and
// against kSnappyChunkBytesMax, and what is unpacked comes in portions of the reader's own size.

#include <vivarium/disk.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace vivarium::file {

enum class Compression : std::uint8_t { none, gz, snappy };
inline constexpr std::array kCompressions = {Compression::none, Compression::gz,
                                             Compression::snappy};

/// What stands behind the zxid in a file's name: "", ".gz", ".snappy".
std::string_view suffix_of(Compression compression);
/// By the end of a file's name.
Compression compression_of(std::string_view path);
/// snapshot.compression.method: "", "gz" or "snappy".
std::optional<Compression> compression_named(std::string_view method);

/// Packs a stream. Pure.
class Compressor {
 public:
  virtual ~Compressor() = default;
  /// Takes bytes in, and appends to `out` what is packed so far.
  virtual void add(std::string_view bytes, std::string& out) = 0;
  /// Appends the rest.
  virtual void finish(std::string& out) = 0;
};
/// nullptr for Compression::none: nothing needs to be done.
std::unique_ptr<Compressor> make_compressor(Compression compression);

/// What one chunk of a snappy stream unpacks to at most. ZooKeeper writes chunks of 32 KiB.
inline constexpr std::size_t kSnappyChunkBytesMax = std::size_t{4} << 20;

/// The unpacked bytes of a file, from its beginning.
class UnpackedFile {
 public:
  virtual ~UnpackedFile() = default;
  /// Fewer than `size` bytes only at the end. Errc::corrupt, with the end of a sentence that begins
  /// with the file's name, for a stream that is not whole.
  virtual Result<std::size_t> read(char* into, std::size_t size) = 0;
};
std::unique_ptr<UnpackedFile> unpack(std::unique_ptr<File> file, Compression compression);

}  // namespace vivarium::file
