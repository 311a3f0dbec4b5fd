#include "kernel/core/snapshotter.hpp"

#include "kernel/core/hex.hpp"

#include <algorithm>
#include <utility>

namespace vivarium {
namespace {
constexpr std::size_t kPieceBytes = 64u << 10;  ///< What one turn of the loop writes.
/// The walk takes one part in this many of the core's time, and pauses for the others.
constexpr int kPartsOfTime = 20;
constexpr std::size_t kQueuedBytesMax = 4u << 20;
constexpr std::uint64_t kLogBytesMin = 1u << 30;
}  // namespace

bool Snapshotter::due(const LogStore::Sizes& sizes, std::int64_t entries) {
  if (entries > 0) return sizes.log_entries >= static_cast<std::uint64_t>(entries);
  return sizes.log_bytes > std::max(kLogBytesMin, sizes.snapshot_bytes);
}

void Snapshotter::start(std::unique_ptr<SnapshotCursor> cursor, Task ended) {
  if (running()) return;
  auto sink = store_.begin_snapshot(cursor->zxid());
  if (!sink) return log_.warn("no snapshot can be taken: " + sink.error().what);
  cursor_ = std::move(cursor);
  sink_ = std::move(*sink);
  ended_ = std::move(ended);
  began_ = loop_.now();
  next_turn_ = loop_.timer([this] { pump(); });
  pump();
}

void Snapshotter::cancel() {
  next_turn_.reset();
  sink_.reset();
  cursor_.reset();
  ended_ = nullptr;
}

void Snapshotter::pump() {
  if (!cursor_) return;
  if (sink_->queued_bytes() > kQueuedBytesMax) return sink_->on_drained([this] { pump(); });
  const auto began = loop_.now();
  auto piece = cursor_->next(kPieceBytes);
  if (piece.empty()) return commit();
  sink_->write(std::move(piece));
  const auto took = loop_.now() - began;
  next_turn_->arm(std::chrono::duration_cast<Micros>(took * (kPartsOfTime - 1)));
}

void Snapshotter::commit() {
  const auto zxid = cursor_->zxid();
  const auto digest = cursor_->digest();
  cursor_.reset();
  sink_->commit(digest, [this, zxid](Result<SnapshotInfo> written) {
    stats_.snapshot_ms.record(
        std::chrono::duration_cast<Millis>(loop_.now() - began_).count());
    if (written) {
      last_ = zxid;
      log_.info("wrote a snapshot at 0x" + to_hex(zxid.value) + ", " +
                std::to_string(written->bytes) + " bytes");
    } else {
      stats_.snapshots_failed.add();
      log_.error("the snapshot at 0x" + to_hex(zxid.value) + " failed: " + written.error().what);
    }
    next_turn_.reset();
    sink_.reset();
    if (ended_) std::exchange(ended_, nullptr)();
  });
}

}  // namespace vivarium
