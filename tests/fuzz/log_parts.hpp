#pragma once
// Files taken apart and put together again with right checksums, so that changes get past them.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace vivarium::fuzz {

/// A log file: its header, the payloads of its records, and what follows the last one.
struct LogParts {
  std::string header;
  std::vector<std::string> payloads;
  std::string rest;

  /// Looks at lengths alone: checksums and end marks may be wrong, and are right afterwards.
  static LogParts of(std::string_view content);
  std::string content() const;
};

std::int64_t zxid_of(std::string_view payload);
void set_zxid(std::string& payload, std::int64_t zxid);
void set_type(std::string& payload, std::int32_t type);

/// A snapshot: header and body, without seals and trailers.
struct SnapshotParts {
  std::string header, body;

  static SnapshotParts of(std::string_view content);

  enum class Trailers : std::uint8_t { none, digest, digest_and_zxid, zxid };
  static constexpr std::uint64_t kTrailersCount = 4;
  std::string content(Trailers trailers, std::int64_t zxid, std::uint64_t digest) const;
};

/// As the small files have their checksums.
std::string hex(std::uint32_t value);
/// One of our own small files, with the right checksum in its last line.
std::string resealed_own_file(std::string_view content);
/// A backup's manifest, with the right checksum in its last line.
std::string resealed_manifest(std::string_view content);
inline constexpr std::size_t kRecordSlotBytes = 52, kRecordSlotStep = 4096;
/// A record of what was acknowledged, with the right checksums in both slots.
std::string resealed_record(std::string content);

}  // namespace vivarium::fuzz
