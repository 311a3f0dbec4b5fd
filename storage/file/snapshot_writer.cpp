#include "snapshot_writer.hpp"

#include "try.hpp"

namespace vivarium::file {
namespace {

// Synced in portions: a flush holds up the log's syncs on the same device for as long as it takes.
// tests/bench/snapshot_bench shows what writes wait meanwhile.
constexpr std::uint64_t kSyncEveryBytes = 256u << 10;

}  // namespace

Result<void> SnapshotWriter::begin(FileSystem& files) {
  if (file_) return {};
  TRY_LET(file, files.open(unfinished_path(), OpenMode::create_empty));
  file_ = std::move(file);
  return put(snapshot_header());
}

Result<void> SnapshotWriter::put(std::string_view bytes) {
  checksum_ = adler(checksum_, bytes);
  if (!compressor_) return store(bytes);
  packed_.clear();
  compressor_->add(bytes, packed_);
  return store(packed_);
}

Result<void> SnapshotWriter::store(std::string_view packed) {
  if (packed.empty()) return {};
  TRY(file_->write_at(position_, packed));
  position_ += packed.size();
  if (position_ - synced_ < kSyncEveryBytes) return {};
  synced_ = position_;
  return noting_sync(file_->sync());
}

Result<void> SnapshotWriter::finish_stream() {
  if (!compressor_) return {};
  packed_.clear();
  compressor_->finish(packed_);
  return store(packed_);
}

Result<void> SnapshotWriter::noting_sync(Result<void> synced) {
  sync_failed_ = synced.has_error();
  return synced;
}

Result<void> SnapshotWriter::write(FileSystem& files, std::span<const SharedBytes> body) {
  TRY(begin(files));
  for (const SharedBytes& piece : body) TRY(put(piece.view()));
  return {};
}

Result<SnapshotInfo> SnapshotWriter::finish(FileSystem& files,
                                            std::optional<std::uint64_t> digest) {
  TRY(begin(files));
  std::string trailers;
  const auto seal = [&] { append_seal(trailers, adler(checksum_, trailers)); };
  seal();
  if (digest) {
    append_digest(trailers, zxid_, *digest);
    seal();
    // Only behind a digest: a Java reader looks for the digest first.
    append_last_zxid(trailers, zxid_);
    seal();
  }
  TRY(put(trailers));
  TRY(finish_stream());
  TRY(noting_sync(file_->sync()));
  file_.reset();
  return SnapshotInfo{zxid_, position_, digest};
}

Result<void> SnapshotWriter::publish(FileSystem& files) {
  TRY(files.rename(unfinished_path(), path()));
  return noting_sync(files.sync_directory(directories_.snapshots()));
}

Result<void> SnapshotWriter::discard(FileSystem& files) {
  file_.reset();
  const auto removed = files.remove(unfinished_path());
  // It may not have been begun yet, or be gone with a change of the history.
  return removed.has_error() && removed.error().is(Errc::not_found) ? Result<void>() : removed;
}

}  // namespace vivarium::file
