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
constexpr std::int64_t kEntriesMin = 2;  ///< Of snapCount, as in ZooKeeper.
constexpr auto kRetryAfter = std::chrono::minutes(1);
}  // namespace

Snapshotter::Snapshotter(Loop& loop, Log& log, LogStore& store, ServerStats& stats,
                         SnapshotRule rule, std::function<void()> again)
    : loop_(loop), log_(log), store_(store), stats_(stats), rule_(rule), again_(std::move(again)) {
  if (rule_.entries > 0) rule_.entries = std::max(rule_.entries, kEntriesMin);
  draw();
}

void Snapshotter::draw() {
  entries_wanted_ = half_to_whole(rule_.entries);
  bytes_wanted_ = half_to_whole(rule_.log_bytes);
}

std::uint64_t Snapshotter::half_to_whole(std::int64_t limit) {
  if (limit <= 0) return 0;
  const auto half = static_cast<std::uint64_t>(limit) / 2;
  return half + loop_.random() % std::max<std::uint64_t>(half, 1);
}

bool Snapshotter::due(const LogStore::Sizes& sizes) const {
  if (running() || waiting_) return false;
  if (rule_.entries > 0 && sizes.log_entries > entries_wanted_) return true;
  if (rule_.log_bytes > 0 && sizes.log_bytes > bytes_wanted_) return true;
  if (rule_.entries > 0 || rule_.log_bytes > 0) return false;
  return sizes.log_bytes > std::max(kLogBytesMin, sizes.snapshot_bytes);
}

void Snapshotter::start(std::unique_ptr<SnapshotCursor> cursor, Task ended) {
  if (running()) return;
  draw();
  auto sink = store_.begin_snapshot(cursor->zxid());
  if (!sink) return failed("no snapshot can be taken: " + sink.error().what);
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

void Snapshotter::stop() {
  cancel();
  retry_.reset();
  again_ = nullptr;
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
    stats_.snapshot_ms.record(std::chrono::duration_cast<Millis>(loop_.now() - began_).count());
    next_turn_.reset();
    sink_.reset();
    if (!written) {
      failed("the snapshot at 0x" + to_hex(zxid.value) + " failed: " + written.error().what);
    } else {
      last_ = zxid;
      stats_.last_snapshot = {zxid, loop_.wall_ms()};
      log_.info("wrote a snapshot at 0x" + to_hex(zxid.value) + ", " +
                std::to_string(written->bytes) + " bytes");
    }
    if (ended_) std::exchange(ended_, nullptr)();
  });
}

void Snapshotter::failed(const std::string& what) {
  stats_.snapshots_failed.add();
  log_.error(what + "; nothing is lost, and it is tried again in " +
             std::to_string(std::chrono::seconds(kRetryAfter).count()) + " s");
  if (!again_) return;
  if (!retry_)
    retry_ = loop_.timer([this] {
      waiting_ = false;
      again_();
    });
  waiting_ = true;
  retry_->arm(kRetryAfter);
}

}  // namespace vivarium
