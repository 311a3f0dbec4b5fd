#include "tests/fuzz/packing.hpp"

#include <algorithm>
#include <memory>

#include <vivarium/disk.hpp>

namespace vivarium::fuzz {
namespace {

// An image holds no more.
constexpr std::size_t kUnpackedBytesMax = std::size_t{1} << 16;
constexpr std::size_t kStepBytes = 512;

class MemoryFile final : public File {
 public:
  explicit MemoryFile(const std::string& content) : content_(content) {}
  Result<std::size_t> read_at(std::uint64_t offset, char* into, std::size_t size) override {
    return offset < content_.size() ? content_.copy(into, size, offset) : 0;
  }
  Result<std::uint64_t> size() override { return content_.size(); }
  Result<void> write_at(std::uint64_t, std::string_view) override { return read_only(); }
  Result<void> allocate(std::uint64_t) override { return read_only(); }
  Result<void> truncate(std::uint64_t) override { return read_only(); }
  Result<void> sync() override { return read_only(); }

 private:
  static Error read_only() { return {Errc::invalid_argument, "the file is only read"}; }

  const std::string& content_;
};

}  // namespace

std::string unpacked(const std::string& content, file::Compression compression) {
  const auto stream = file::unpack(std::make_unique<MemoryFile>(content), compression);
  std::string bytes;
  char room[kStepBytes];
  while (bytes.size() < kUnpackedBytesMax) {
    const auto got = stream->read(room, sizeof room);
    if (got.has_error() || *got == 0) break;
    bytes.append(room, *got);
  }
  return bytes;
}

std::string packed(const std::string& content, file::Compression compression) {
  const auto compressor = file::make_compressor(compression);
  if (!compressor) return content;
  std::string bytes;
  compressor->add(content, bytes);
  compressor->finish(bytes);
  return bytes;
}

}  // namespace vivarium::fuzz
