// The checksums that the tree digest sums up (section D.3).
#include "kernel/core/big_endian.hpp"
#include "kernel/core/tree.hpp"

// Many times as fast as zlib on the short runs that a write has: a path, some data, sixty bytes.
#include <libdeflate.h>

namespace vivarium {
namespace {

std::uint32_t crc_over(std::uint32_t crc, std::string_view bytes) {
  if (bytes.empty()) return crc;  // A null pointer would mean: begin anew.
  return libdeflate_crc32(crc, bytes.data(), bytes.size());
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
