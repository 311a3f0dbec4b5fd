#include "snapshot_reader.hpp"

#include "try.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace vivarium::file {
namespace {

constexpr std::uint64_t kPieceBytes = std::uint64_t{1} << 20;

// What can follow the body, the longest first.
constexpr std::size_t kDigestPart = kDigestBytes + kSealBytes;
constexpr std::size_t kLastZxidPart = kLastZxidBytes + kSealBytes;
constexpr std::array<std::size_t, 4> kTrailerBytes = {
    kSealBytes + kDigestPart + kLastZxidPart,
    kSealBytes + kDigestPart,
    kSealBytes + kLastZxidPart,
    kSealBytes,
};

}  // namespace

SnapshotReader::SnapshotReader(std::unique_ptr<File> file, NamedFile snapshot, std::uint64_t bytes)
    : file_(std::move(file)), snapshot_(std::move(snapshot)) {
  info_.zxid = snapshot_.zxid;
  info_.file = snapshot_.path;
  info_.bytes = bytes;
  held_back_from_ = std::max<std::uint64_t>(
      kFileHeaderBytes, bytes - std::min<std::uint64_t>(bytes, kTrailerBytes[0]));
}

Result<SnapshotReader> SnapshotReader::open(FileSystem& files, const NamedFile& snapshot) {
  TRY_LET(file, files.open(snapshot.path, OpenMode::read));
  TRY_LET(bytes, file->size());
  SnapshotReader reader(std::move(file), snapshot, bytes);
  TRY(reader.read_header());
  return reader;
}

Result<void> SnapshotReader::read_header() {
  if (info_.bytes < kFileHeaderBytes + kSealBytes) return corrupt("is too short");
  TRY_LET(header, read(kFileHeaderBytes));
  if (!header.starts_with(kSnapshotMagic)) return corrupt("does not begin as a snapshot");
  return {};
}

Result<std::string> SnapshotReader::read(std::size_t bytes) {
  std::string piece(bytes, '\0');
  TRY_LET(got, file_->read_at(position_, piece.data(), piece.size()));
  if (got < bytes) return corrupt("became shorter while it was read");
  position_ += got;
  checksum_ = adler(checksum_, piece);
  return piece;
}

Result<SharedBytes> SnapshotReader::next() {
  if (ended_) return SharedBytes();
  if (position_ == held_back_from_) return last_piece();
  const auto bytes = std::min(kPieceBytes, held_back_from_ - position_);
  TRY_LET(piece, read(static_cast<std::size_t>(bytes)));
  return SharedBytes(std::move(piece));
}

Result<SharedBytes> SnapshotReader::last_piece() {
  ended_ = true;
  const std::uint32_t before = checksum_;
  TRY_LET(rest, read(static_cast<std::size_t>(info_.bytes - position_)));
  for (const std::size_t bytes : kTrailerBytes) {
    if (bytes > rest.size()) continue;
    const auto body = std::string_view(rest).substr(0, rest.size() - bytes);
    if (trailers_match(std::string_view(rest).substr(body.size()), adler(before, body)))
      return SharedBytes::copy_of(body);
  }
  return corrupt("does not match its checksum");
}

bool SnapshotReader::trailers_match(std::string_view trailers, std::uint32_t checksum) {
  const auto sealed = [&] {
    const bool matches = is_seal(trailers, checksum);
    checksum = adler(checksum, trailers.substr(0, kSealBytes));
    trailers.remove_prefix(kSealBytes);
    return matches;
  };
  const auto skip = [&](std::size_t bytes) {
    checksum = adler(checksum, trailers.substr(0, bytes));
    trailers.remove_prefix(bytes);
  };
  if (!sealed()) return false;
  std::optional<std::uint64_t> digest;
  Zxid consistent_from = info_.zxid;
  if (trailers.size() >= kDigestPart) {
    const DigestRecord record = digest_record(trailers);
    // That of a fuzzy snapshot belongs to a later transaction.
    consistent_from = std::max(info_.zxid, record.zxid);
    if (record.version == kDigestVersion && record.zxid == info_.zxid) digest = record.digest;
    skip(kDigestBytes);
    if (!sealed()) return false;
  }
  if (!trailers.empty()) {
    skip(kLastZxidBytes);
    if (!sealed()) return false;
  }
  info_.digest = digest;
  info_.consistent_from = consistent_from;
  return true;
}

Error SnapshotReader::corrupt(const std::string& what) const {
  return {Errc::corrupt, snapshot_.path + " " + what};
}

Result<SnapshotInfo> verify_snapshot(FileSystem& files, const NamedFile& snapshot) {
  TRY_LET(reader, SnapshotReader::open(files, snapshot));
  while (true) {
    TRY_LET(piece, reader.next());
    if (piece.empty()) return reader.info();
  }
}

}  // namespace vivarium::file
