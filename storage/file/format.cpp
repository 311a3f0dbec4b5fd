#include "format.hpp"

#include <charconv>
#include <array>

#include <libdeflate.h>

#include <vivarium/jute.hpp>

namespace vivarium::file {
namespace {

constexpr std::int32_t kFormatVersion = 2;
// What Java writes; no reader looks at it.
constexpr std::int64_t kLogDatabaseId = 0;
constexpr std::int64_t kSnapshotDatabaseId = -1;
constexpr std::string_view kSealText = "/";

std::string header(std::string_view magic, std::int64_t database_id) {
  std::string bytes(magic);
  append_jute(bytes, kFormatVersion, database_id);
  return bytes;
}

}  // namespace

std::string log_header() { return header(kLogMagic, kLogDatabaseId); }
std::string snapshot_header() { return header(kSnapshotMagic, kSnapshotDatabaseId); }

void append_record(std::string& out, std::string_view payload) {
  JuteWriter writer(out);
  writer.write(std::int64_t{adler(kAdlerBegin, payload)});
  writer.write(static_cast<std::int32_t>(payload.size()));
  out.append(payload);
  out.push_back(kRecordEnd);
}

Zxid zxid_in(std::string_view payload) {
  constexpr std::size_t kOffset = 12;  // Behind the session and the cxid.
  return {JuteReader(payload.substr(kOffset)).take<std::int64_t>()};
}

RecordPrefix record_prefix(std::string_view bytes) {
  JuteReader reader(bytes);
  RecordPrefix prefix;
  prefix.checksum = static_cast<std::uint64_t>(reader.take<std::int64_t>());
  prefix.length = reader.take<std::int32_t>();
  return prefix;
}

void append_seal(std::string& out, std::uint32_t checksum) {
  append_jute(out, std::int64_t{checksum}, kSealText);
}

void append_digest(std::string& out, Zxid zxid, std::uint64_t digest) {
  append_jute(out, zxid.value, kDigestVersion, static_cast<std::int64_t>(digest));
}

void append_last_zxid(std::string& out, Zxid zxid) { append_jute(out, zxid.value); }

bool is_seal(std::string_view bytes, std::uint32_t checksum) {
  std::string seal;
  append_seal(seal, checksum);
  return bytes.starts_with(seal);
}

DigestRecord digest_record(std::string_view bytes) {
  JuteReader reader(bytes);
  DigestRecord record;
  record.zxid = {reader.take<std::int64_t>()};
  record.version = reader.take<std::int32_t>();
  record.digest = static_cast<std::uint64_t>(reader.take<std::int64_t>());
  return record;
}

std::uint32_t adler(std::uint32_t so_far, std::string_view bytes) {
  if (bytes.empty()) return so_far;  // A null pointer would mean: begin anew.
  return libdeflate_adler32(so_far, bytes.data(), bytes.size());
}

std::string text_of(Zxid zxid) {
  std::array<char, 20> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(),
                                 static_cast<std::uint64_t>(zxid.value), 16);
  return "0x" + std::string(digits.data(), end.ptr);
}

}  // namespace vivarium::file
