// The checksums that the tree digest sums up (section D.3).
#include "kernel/core/big_endian.hpp"
#include "kernel/core/tree.hpp"

#include <zlib.h>

#include <array>
#include <bit>
#include <cstring>

namespace vivarium {
namespace {

static_assert(std::endian::native == std::endian::little, "crc_of_short() reads words as they lie");

/// From here on zlib's loop over long runs is the faster one.
constexpr std::size_t kShortBytes = 512;

using CrcTable = std::array<std::uint32_t, 256>;

/// tables[k][b]: what byte b does to the state when k more bytes follow in its word.
constexpr std::array<CrcTable, 8> make_tables() {
  std::array<CrcTable, 8> tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) ? 0xedb88320u : 0u);
    tables[0][byte] = crc;
  }
  for (std::size_t k = 1; k < 8; ++k)
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const auto crc = tables[k - 1][byte];
      tables[k][byte] = (crc >> 8) ^ tables[0][crc & 0xff];
    }
  return tables;
}

constexpr auto kTables = make_tables();

/// Eight bytes a step. zlib takes short runs byte by byte, which made each write's checksums (a
/// path, some data, sixty bytes twice) cost four times as much as all the rest of it.
std::uint32_t crc_of_short(std::uint32_t crc, std::string_view bytes) {
  crc = ~crc;
  for (; bytes.size() >= 8; bytes.remove_prefix(8)) {
    std::uint64_t word;
    std::memcpy(&word, bytes.data(), sizeof word);
    word ^= crc;
    crc = 0;
    for (std::size_t k = 0; k < 8; ++k) crc ^= kTables[7 - k][(word >> (8 * k)) & 0xff];
  }
  for (const char byte : bytes)
    crc = (crc >> 8) ^ kTables[0][(crc ^ static_cast<unsigned char>(byte)) & 0xff];
  return ~crc;
}

std::uint32_t crc_over(std::uint32_t crc, std::string_view bytes) {
  if (bytes.size() < kShortBytes) return crc_of_short(crc, bytes);
  return static_cast<std::uint32_t>(
      crc32_z(crc, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

}  // namespace

std::uint32_t crc_of(std::string_view path, std::optional<std::string_view> data) {
  const auto crc = crc_over(0, path == "/" ? std::string_view() : path);
  return crc_over(crc, data.value_or(std::string_view()));
}

std::uint64_t node_digest(std::uint32_t crc, const DigestFields& fields) {
  char bytes[60];
  char* end = bytes;
  for (const auto value : {fields.czxid, fields.mzxid, fields.pzxid, fields.ctime, fields.mtime})
    end = put_big_endian(end, value);
  for (const auto value : {fields.version, fields.cversion, fields.aversion})
    end = put_big_endian(end, value);
  end = put_big_endian(end, fields.owner);
  return crc_over(crc, {bytes, static_cast<std::size_t>(end - bytes)});
}

bool counts_in_digest(std::string_view path) { return !path.starts_with("/zookeeper/"); }

}  // namespace vivarium
