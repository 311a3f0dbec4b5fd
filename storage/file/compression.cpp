#include "compression.hpp"

#include "try.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include <snappy.h>
#include <zlib.h>

#include <vivarium/assert.hpp>
#include <vivarium/jute.hpp>

namespace vivarium::file {
namespace {

constexpr std::size_t kReadBytes = std::size_t{64} << 10;
constexpr int kGzipWindowBits = 15 + 16;  // The largest window, and zlib's sign for gzip.
constexpr int kMemoryLevel = 8;           // zlib's default.

constexpr std::string_view kSnappyMagic("\x82SNAPPY\0", 8);
constexpr std::int32_t kSnappyVersion = 1;
constexpr std::size_t kSnappyHeaderBytes = 16;
constexpr std::size_t kSnappyBlockBytes = std::size_t{32} << 10;

Bytef* zlib_bytes(const char* bytes) {
  return reinterpret_cast<Bytef*>(const_cast<char*>(bytes));
}

// --- packing -------------------------------------------------------------------------------------

class GzCompressor final : public Compressor {
 public:
  GzCompressor() {
    const int status = ::deflateInit2(&stream_, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindowBits,
                                      kMemoryLevel, Z_DEFAULT_STRATEGY);
    VIVARIUM_ASSERT(status == Z_OK, "zlib begins a stream");
  }
  ~GzCompressor() override { ::deflateEnd(&stream_); }
  GzCompressor(const GzCompressor&) = delete;
  GzCompressor& operator=(const GzCompressor&) = delete;

  void add(std::string_view bytes, std::string& out) override {
    while (!bytes.empty()) {
      const auto part = bytes.substr(0, std::numeric_limits<uInt>::max());
      bytes.remove_prefix(part.size());
      stream_.next_in = zlib_bytes(part.data());
      stream_.avail_in = static_cast<uInt>(part.size());
      run(Z_NO_FLUSH, out);
    }
  }
  void finish(std::string& out) override { run(Z_FINISH, out); }

 private:
  void run(int flush, std::string& out) {
    char room[16384];
    do {
      stream_.next_out = zlib_bytes(room);
      stream_.avail_out = sizeof room;
      const int status = ::deflate(&stream_, flush);
      VIVARIUM_ASSERT(status != Z_STREAM_ERROR, "zlib's stream is consistent");
      out.append(room, sizeof room - stream_.avail_out);
    } while (stream_.avail_out == 0);
  }

  z_stream stream_{};
};

class SnappyCompressor final : public Compressor {
 public:
  void add(std::string_view bytes, std::string& out) override {
    while (!bytes.empty()) {
      const auto part = bytes.substr(0, kSnappyBlockBytes - block_.size());
      block_ += part;
      bytes.remove_prefix(part.size());
      if (block_.size() == kSnappyBlockBytes) put_block(out);
    }
  }
  void finish(std::string& out) override {
    put_header(out);
    if (!block_.empty()) put_block(out);
  }

 private:
  void put_header(std::string& out) {
    if (std::exchange(begun_, true)) return;
    out += kSnappyMagic;
    append_jute(out, kSnappyVersion, kSnappyVersion);
  }
  void put_block(std::string& out) {
    put_header(out);
    snappy::Compress(block_.data(), block_.size(), &packed_);
    append_jute(out, static_cast<std::int32_t>(packed_.size()));
    out += packed_;
    block_.clear();
  }

  bool begun_ = false;
  std::string block_, packed_;
};

// --- unpacking -----------------------------------------------------------------------------------

class PlainFile final : public UnpackedFile {
 public:
  explicit PlainFile(std::unique_ptr<File> file) : file_(std::move(file)) {}
  Result<std::size_t> read(char* into, std::size_t size) override {
    TRY_LET(got, file_->read_at(position_, into, size));
    position_ += got;
    return got;
  }

 private:
  std::unique_ptr<File> file_;
  std::uint64_t position_ = 0;
};

class GzFile final : public UnpackedFile {
 public:
  explicit GzFile(std::unique_ptr<File> file) : file_(std::move(file)), packed_(kReadBytes, '\0') {
    const int status = ::inflateInit2(&stream_, kGzipWindowBits);
    VIVARIUM_ASSERT(status == Z_OK, "zlib begins a stream");
  }
  ~GzFile() override { ::inflateEnd(&stream_); }
  GzFile(const GzFile&) = delete;
  GzFile& operator=(const GzFile&) = delete;

  Result<std::size_t> read(char* into, std::size_t size) override {
    VIVARIUM_ASSERT(size <= std::numeric_limits<uInt>::max(), "portions are small");
    stream_.next_out = zlib_bytes(into);
    stream_.avail_out = static_cast<uInt>(size);
    while (stream_.avail_out > 0) {
      if (stream_.avail_in == 0) TRY(refill());
      if (stream_.avail_in == 0 && between_members_) break;
      if (stream_.avail_in == 0) return Error(Errc::corrupt, "is cut short: its gzip stream ends");
      TRY(inflate());
    }
    return size - stream_.avail_out;
  }

 private:
  Result<void> refill() {
    TRY_LET(got, file_->read_at(position_, packed_.data(), packed_.size()));
    position_ += got;
    stream_.next_in = zlib_bytes(packed_.data());
    stream_.avail_in = static_cast<uInt>(got);
    return {};
  }

  Result<void> inflate() {
    const int status = ::inflate(&stream_, Z_NO_FLUSH);
    between_members_ = status == Z_STREAM_END;
    if (between_members_) ::inflateReset(&stream_);
    // With bytes on both sides zlib can always go on.
    if (status == Z_STREAM_END || status == Z_OK) return {};
    return Error(Errc::corrupt, "is no whole gzip stream: " +
                                    std::string(stream_.msg ? stream_.msg : "it cannot go on") +
                                    " before offset " + std::to_string(position_));
  }

  std::unique_ptr<File> file_;
  std::string packed_;
  std::uint64_t position_ = 0;
  z_stream stream_{};
  bool between_members_ = true;  ///< A gzip file may be several streams, one behind the other.
};

class SnappyFile final : public UnpackedFile {
 public:
  explicit SnappyFile(std::unique_ptr<File> file) : file_(std::move(file)) {}

  Result<std::size_t> read(char* into, std::size_t size) override {
    std::size_t done = 0;
    while (done < size) {
      if (at_ == block_.size()) {
        TRY_LET(more, next_block());
        if (!more) break;
      }
      const std::size_t part = std::min(size - done, block_.size() - at_);
      block_.copy(into + done, part, at_);
      done += part;
      at_ += part;
    }
    return done;
  }

 private:
  Result<bool> next_block() {
    if (position_ == 0) TRY(read_header());
    TRY_LET(size, file_->size());
    if (position_ == size) return false;
    TRY_LET(length, read_length(size));
    packed_.resize(length);
    TRY(read_packed());
    std::size_t unpacked = 0;
    if (!snappy::GetUncompressedLength(packed_.data(), length, &unpacked) ||
        unpacked > kSnappyChunkBytesMax)
      return damaged("a chunk of no possible size");
    block_.resize(unpacked);
    at_ = 0;
    if (!snappy::RawUncompress(packed_.data(), length, block_.data()))
      return damaged("a chunk that cannot be unpacked");
    return true;
  }

  Result<void> read_header() {
    packed_.resize(kSnappyHeaderBytes);
    TRY(read_packed());
    JuteIn versions(std::string_view(packed_).substr(kSnappyMagic.size()));
    versions.take<std::int32_t>();
    const auto oldest_reader = versions.take<std::int32_t>();
    if (!packed_.starts_with(kSnappyMagic) || oldest_reader > kSnappyVersion)
      return damaged("no header of a snappy stream that can be read here");
    return {};
  }

  Result<std::size_t> read_length(std::uint64_t size) {
    packed_.resize(sizeof(std::int32_t));
    TRY(read_packed());
    const auto length = JuteIn(packed_).take<std::int32_t>();
    if (length <= 0 ||
        static_cast<std::size_t>(length) > snappy::MaxCompressedLength(kSnappyChunkBytesMax) ||
        static_cast<std::uint64_t>(length) > size - position_)
      return damaged("the length " + std::to_string(length) + ", which no chunk there can have");
    return static_cast<std::size_t>(length);
  }

  /// Fills packed_.
  Result<void> read_packed() {
    TRY_LET(got, file_->read_at(position_, packed_.data(), packed_.size()));
    if (got < packed_.size())
      return Error(Errc::corrupt, "is cut short: its snappy stream ends at offset " +
                                      std::to_string(position_ + got));
    chunk_at_ = position_;
    position_ += got;
    return {};
  }

  Error damaged(const std::string& what) const {
    return {Errc::corrupt, "is no whole snappy stream: at offset " + std::to_string(chunk_at_) +
                               " it holds " + what};
  }

  std::unique_ptr<File> file_;
  std::uint64_t position_ = 0;
  std::uint64_t chunk_at_ = 0;  ///< Where what was read last begins.
  std::string packed_, block_;
  std::size_t at_ = 0;  ///< In block_.
};

}  // namespace

std::string_view suffix_of(Compression compression) {
  switch (compression) {
  case Compression::none: return "";
  case Compression::gz: return ".gz";
  case Compression::snappy: return ".snappy";
  }
  return "";
}

Compression compression_of(std::string_view path) {
  for (const Compression one : {Compression::gz, Compression::snappy})
    if (path.ends_with(suffix_of(one))) return one;
  return Compression::none;
}

std::optional<Compression> compression_named(std::string_view method) {
  if (method.empty()) return Compression::none;
  for (const Compression one : {Compression::gz, Compression::snappy})
    if (method == suffix_of(one).substr(1)) return one;
  return std::nullopt;
}

std::unique_ptr<Compressor> make_compressor(Compression compression) {
  if (compression == Compression::gz) return std::make_unique<GzCompressor>();
  if (compression == Compression::snappy) return std::make_unique<SnappyCompressor>();
  return nullptr;
}

std::unique_ptr<UnpackedFile> unpack(std::unique_ptr<File> file, Compression compression) {
  if (compression == Compression::gz) return std::make_unique<GzFile>(std::move(file));
  if (compression == Compression::snappy) return std::make_unique<SnappyFile>(std::move(file));
  return std::make_unique<PlainFile>(std::move(file));
}

}  // namespace vivarium::file
