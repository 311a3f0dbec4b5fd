#pragma once
// ZooKeeper's bytes on disk: file headers, log records, seals of snapshots.
// Source: sections G.2 and G.3 of the reference.

#include <vivarium/ids.hpp>
#include <vivarium/result.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace vivarium::file {

// --- file headers --------------------------------------------------------------------------------

inline constexpr std::size_t kFileHeaderBytes = 16;
inline constexpr std::string_view kLogMagic = "ZKLG";
inline constexpr std::string_view kSnapshotMagic = "ZKSN";

std::string log_header();
std::string snapshot_header();

// --- log records ---------------------------------------------------------------------------------
//
//     i64 Adler-32 of the payload, i32 length, payload, 'B'

inline constexpr std::size_t kRecordPrefixBytes = 12;
inline constexpr std::size_t kRecordOverheadBytes = 13;
inline constexpr std::size_t kTxnHeaderBytes = 32;
inline constexpr char kRecordEnd = 'B';
/// No payload is longer. Far above any jute.maxbuffer in use.
inline constexpr std::size_t kPayloadBytesMax = std::size_t{128} << 20;

void append_record(std::string& out, std::string_view payload);
/// The zxid in the TxnHeader with which a payload begins.
Zxid zxid_in(std::string_view payload);

struct RecordPrefix {
  std::uint64_t checksum = 0;
  std::int32_t length = 0;
};
RecordPrefix record_prefix(std::string_view bytes);

// --- snapshots -----------------------------------------------------------------------------------
//
//     header, body, seal [, digest, seal [, last zxid, seal]]
//
// A seal is an i64 Adler-32 of all bytes before it, and the text "/". The last zxid may also stand
// without a digest: so a Java server writes that has digests disabled.

inline constexpr std::size_t kSealBytes = 13;
inline constexpr std::size_t kDigestBytes = 20;
inline constexpr std::size_t kLastZxidBytes = 8;
inline constexpr std::int32_t kDigestVersion = 2;

void append_seal(std::string& out, std::uint32_t checksum);
void append_digest(std::string& out, Zxid zxid, std::uint64_t digest);
void append_last_zxid(std::string& out, Zxid zxid);
/// Whether `bytes` begins with the seal for this checksum.
bool is_seal(std::string_view bytes, std::uint32_t checksum);

struct DigestRecord {
  Zxid zxid;
  std::int32_t version = 0;
  std::uint64_t digest = 0;
};
DigestRecord digest_record(std::string_view bytes);

/// Adler-32, continued. It begins with kAdlerBegin.
inline constexpr std::uint32_t kAdlerBegin = 1;
std::uint32_t adler(std::uint32_t so_far, std::string_view bytes);

// --- messages ------------------------------------------------------------------------------------

/// "0x100000001"
std::string text_of(Zxid zxid);

}  // namespace vivarium::file
