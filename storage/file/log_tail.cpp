#include "log_tail.hpp"

#include "format.hpp"
#include "try.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>

namespace vivarium::file {
namespace {

constexpr std::size_t kReadBytes = std::size_t{1} << 20;
constexpr std::size_t kSectorBytes = 512;
// Every record begins with so many zeros: the upper half of its checksum.
constexpr std::size_t kRecordZeros = 4;

/// Much of a preallocated file is: with memcmp this takes a tenth of the time of a look at each byte.
bool all_zero(std::string_view bytes) {
  return bytes.empty() ||
         (bytes.front() == '\0' && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

/// One past the last byte that is not zero, from `offset` on.
Result<std::optional<std::uint64_t>> end_of_data(File& file, std::uint64_t offset) {
  TRY_LET(size, file.size());
  std::optional<std::uint64_t> end;
  const auto left = size - std::min(size, offset);
  std::string part(static_cast<std::size_t>(std::min<std::uint64_t>(left, kReadBytes)), '\0');
  while (offset < size) {
    TRY_LET(got, file.read_at(offset, part.data(), part.size()));
    const auto bytes = std::string_view(part).substr(0, got);
    if (!all_zero(bytes)) end = offset + bytes.find_last_not_of('\0') + 1;
    if (got == 0) break;  // It became shorter.
    offset += got;
  }
  return end;
}

/// Whether a sector that the data runs over holds only zeros.
bool has_zero_sector(std::string_view data, std::uint64_t offset) {
  for (std::size_t at = 0; at < data.size();) {
    const auto part = kSectorBytes - static_cast<std::size_t>((offset + at) % kSectorBytes);
    const bool tells = at > 0 || part > kRecordZeros;
    if (tells && all_zero(data.substr(at, part))) return true;
    at += part;
  }
  return false;
}

bool is_possible(const RecordPrefix& prefix) {
  return prefix.length >= static_cast<std::int32_t>(kTxnHeaderBytes) &&
         static_cast<std::size_t>(prefix.length) <= kPayloadBytesMax;
}

/// Whether the record that begins `data` is a whole one of another length than it says.
bool is_whole_otherwise(std::string_view data, std::uint64_t checksum) {
  constexpr std::uint32_t kModulus = 65521;
  std::uint32_t a = kAdlerBegin, b = 0;
  for (std::size_t at = kRecordPrefixBytes; at < data.size(); ++at) {
    const bool ends = data[at] == kRecordEnd && at - kRecordPrefixBytes >= kTxnHeaderBytes;
    if (ends && (b << 16 | a) == checksum) return true;
    a += static_cast<unsigned char>(data[at]);
    if (a >= kModulus) a -= kModulus;
    b += a;
    if (b >= kModulus) b -= kModulus;
  }
  return false;
}

/// Whether `data` is the beginning of a record whose rest is missing.
bool is_cut_record(std::string_view data) {
  if (data.size() <= kRecordPrefixBytes) return true;
  const RecordPrefix prefix = record_prefix(data);
  if (!is_possible(prefix)) return false;
  if (static_cast<std::size_t>(prefix.length) + kRecordOverheadBytes <= data.size()) return false;
  return !is_whole_otherwise(data, prefix.checksum);
}

/// How much an interrupted write may have brought to where `offset` is.
Result<std::uint64_t> bytes_max_at(File& file, std::uint64_t offset) {
  std::string bytes(kRecordPrefixBytes, '\0');
  TRY_LET(got, file.read_at(offset, bytes.data(), bytes.size()));
  if (got < bytes.size()) return kUnsyncedBytesMax;
  const RecordPrefix prefix = record_prefix(bytes);
  const auto length = is_possible(prefix) ? static_cast<std::uint64_t>(prefix.length) : 0;
  return std::max(kUnsyncedBytesMax, length + kRecordOverheadBytes);
}

}  // namespace

Result<Tail> examine_tail(File& file, std::uint64_t offset) {
  TRY_LET(end, end_of_data(file, offset));
  if (!end) return Tail::clean;
  TRY_LET(bytes_max, bytes_max_at(file, offset));
  if (*end - offset > bytes_max) return Tail::damaged;
  std::string data(static_cast<std::size_t>(*end - offset), '\0');
  TRY_LET(got, file.read_at(offset, data.data(), data.size()));
  if (got < data.size())
    return Error(Errc::io_failed, "a log file became shorter while it was read");
  const bool looks_torn = data.size() <= kUnsyncedBytesMax && has_zero_sector(data, offset);
  return looks_torn || is_cut_record(data) ? Tail::torn : Tail::damaged;
}

Result<Tail> examine_headless(File& file) {
  TRY_LET(end, end_of_data(file, 0));
  if (end && *end > kUnsyncedBytesMax) return Tail::damaged;
  std::string first(kSectorBytes, '\0');
  TRY_LET(got, file.read_at(0, first.data(), first.size()));
  first.resize(got);
  const bool cut = got < kFileHeaderBytes && log_header().starts_with(first);
  return cut || all_zero(first) ? Tail::torn : Tail::damaged;
}

}  // namespace vivarium::file
