#include "snapshot_reader.hpp"

#include "try.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace vivarium::file {
namespace {

constexpr std::size_t kPieceBytes = std::size_t{1} << 20;

// What can follow the body, the longest first.
constexpr std::size_t kDigestPart = kDigestBytes + kSealBytes;
constexpr std::size_t kLastZxidPart = kLastZxidBytes + kSealBytes;
constexpr std::array<std::size_t, 4> kTrailerBytes = {
    kSealBytes + kDigestPart + kLastZxidPart,
    kSealBytes + kDigestPart,
    kSealBytes + kLastZxidPart,
    kSealBytes,
};
constexpr std::size_t kTrailerBytesMax = kTrailerBytes[0];

}  // namespace

SnapshotReader::SnapshotReader(std::unique_ptr<UnpackedFile> file, NamedFile snapshot,
                               std::uint64_t bytes)
    : file_(std::move(file)), snapshot_(std::move(snapshot)) {
  info_.zxid = snapshot_.zxid;
  info_.file = snapshot_.path;
  info_.bytes = bytes;
}

Result<SnapshotReader> SnapshotReader::open(FileSystem& files, const NamedFile& snapshot) {
  TRY_LET(file, files.open(snapshot.path, OpenMode::read));
  TRY_LET(bytes, file->size());
  SnapshotReader reader(unpack(std::move(file), compression_of(snapshot.path)), snapshot, bytes);
  TRY(reader.read_header());
  return reader;
}

Result<void> SnapshotReader::read_header() {
  TRY(fill(kFileHeaderBytes));
  if (window_.size() < kFileHeaderBytes) return corrupt("is too short");
  if (!window_.starts_with(kSnapshotMagic)) return corrupt("does not begin as a snapshot");
  checksum_ = adler(checksum_, window_);
  window_.clear();
  return {};
}

/// Makes the window `bytes` long, or shorter at the end of the file.
Result<void> SnapshotReader::fill(std::size_t bytes) {
  const std::size_t held = window_.size();
  window_.resize(bytes);
  const auto got = file_->read(window_.data() + held, bytes - held);
  window_.resize(held + (got.has_value() ? *got : 0));
  if (got.has_value()) return {};
  return got.error().is(Errc::corrupt) ? corrupt(got.error().what) : got.error();
}

Result<SharedBytes> SnapshotReader::next() {
  if (ended_) return SharedBytes();
  TRY(fill(kPieceBytes + kTrailerBytesMax));
  if (window_.size() <= kTrailerBytesMax) return last_piece();
  std::string piece = std::move(window_);
  window_ = piece.substr(piece.size() - kTrailerBytesMax);
  piece.resize(piece.size() - kTrailerBytesMax);
  checksum_ = adler(checksum_, piece);
  return SharedBytes(std::move(piece));
}

Result<SharedBytes> SnapshotReader::last_piece() {
  ended_ = true;
  const std::string_view rest = window_;
  for (const std::size_t bytes : kTrailerBytes) {
    if (bytes > rest.size()) continue;
    const auto body = rest.substr(0, rest.size() - bytes);
    if (trailers_match(rest.substr(body.size()), adler(checksum_, body)))
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
