#include "tests/fuzz/log_parts.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "kernel/core/big_endian.hpp"
#include "storage/file/format.hpp"
#include "storage/file/own_file.hpp"

namespace vivarium::fuzz {
namespace {

constexpr std::size_t kZxidOffset = 12;
constexpr std::size_t kTypeOffset = 28;

std::string_view take(std::string_view& bytes, std::size_t size) {
  const auto part = bytes.substr(0, size);
  bytes.remove_prefix(part.size());
  return part;
}

/// The payload of the record that `rest` begins with, taken off; empty when there is none.
std::string_view take_payload(std::string_view& rest) {
  if (rest.size() < file::kRecordOverheadBytes) return {};
  const auto length = file::record_prefix(rest).length;
  if (length < static_cast<std::int32_t>(file::kTxnHeaderBytes)) return {};
  const auto bytes = static_cast<std::size_t>(length);
  if (bytes + file::kRecordOverheadBytes > rest.size()) return {};
  take(rest, file::kRecordPrefixBytes);
  const auto payload = take(rest, bytes);
  take(rest, 1);
  return payload;
}

}  // namespace

LogParts LogParts::of(std::string_view content) {
  LogParts parts;
  parts.header = take(content, file::kFileHeaderBytes);
  for (auto payload = take_payload(content); !payload.empty(); payload = take_payload(content))
    parts.payloads.emplace_back(payload);
  parts.rest = content;
  return parts;
}

std::string LogParts::content() const {
  std::string content = header;
  for (const std::string& payload : payloads) file::append_record(content, payload);
  return content + rest;
}

std::int64_t zxid_of(std::string_view payload) { return file::zxid_in(payload).value; }
void set_zxid(std::string& payload, std::int64_t zxid) {
  put_big_endian(payload.data() + kZxidOffset, zxid);
}
void set_type(std::string& payload, std::int32_t type) {
  put_big_endian(payload.data() + kTypeOffset, type);
}

SnapshotParts SnapshotParts::of(std::string_view content) {
  constexpr std::size_t kDigestPart = file::kDigestBytes + file::kSealBytes;
  constexpr std::size_t kZxidPart = file::kLastZxidBytes + file::kSealBytes;
  SnapshotParts parts;
  parts.header = take(content, file::kFileHeaderBytes);
  parts.body = content;
  for (const std::size_t trailers :
       {file::kSealBytes + kDigestPart + kZxidPart, file::kSealBytes + kDigestPart,
        file::kSealBytes + kZxidPart, file::kSealBytes}) {
    if (trailers > content.size()) continue;
    const auto body = content.substr(0, content.size() - trailers);
    const auto checksum = file::adler(file::adler(file::kAdlerBegin, parts.header), body);
    if (!file::is_seal(content.substr(body.size()), checksum)) continue;
    parts.body = body;
    break;
  }
  return parts;
}

std::string SnapshotParts::content(Trailers trailers, std::int64_t zxid,
                                   std::uint64_t digest) const {
  std::string content = header + body;
  const auto seal = [&] { file::append_seal(content, file::adler(file::kAdlerBegin, content)); };
  seal();
  if (trailers == Trailers::digest || trailers == Trailers::digest_and_zxid) {
    file::append_digest(content, Zxid{zxid}, digest);
    seal();
  }
  if (trailers == Trailers::zxid || trailers == Trailers::digest_and_zxid) {
    file::append_last_zxid(content, Zxid{zxid});
    seal();
  }
  return content;
}

std::string hex(std::uint32_t value) {
  std::array<char, 8> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value, 16);
  return {digits.data(), end.ptr};
}

std::string resealed_own_file(std::string_view content) {
  std::string text(content.substr(0, content.rfind("crc32 ")));
  if (!text.empty() && text.back() != '\n') text += '\n';
  return text + "crc32 " + hex(file::crc32(text)) + "\n";
}

std::string resealed_manifest(std::string_view content) {
  const std::string text(content.substr(0, content.rfind("end ")));
  return text + "end " + hex(file::crc32(text)) + "\n";
}

std::string resealed_record(std::string content) {
  for (std::size_t slot = 0; slot + kRecordSlotBytes <= content.size(); slot += kRecordSlotStep) {
    const std::size_t sum_at = slot + kRecordSlotBytes - sizeof(std::int32_t);
    const auto sum = file::crc32(std::string_view(content).substr(slot, sum_at - slot));
    put_big_endian(content.data() + sum_at, static_cast<std::int32_t>(sum));
  }
  return content;
}

}  // namespace vivarium::fuzz
