#include "file_sink.hpp"

#include "change.hpp"
#include "try.hpp"

#include <vivarium/assert.hpp>

namespace vivarium::file {

SnapshotInProgress::SnapshotInProgress(FileStore& store, Zxid zxid, FileStore::Purpose purpose)
    : store_(store), store_alive_(store.alive_), on_disk_(store.on_disk_), zxid_(zxid),
      purpose_(purpose), writer_(on_disk_->directories, zxid,
              // One that is installed takes the place of any other of its zxid by its name.
              purpose == FileStore::Purpose::beside_history ? on_disk_->compression
                                                            : Compression::none),
      log_bytes_(store.history_.bytes_above_base), log_entries_(store.history_.entries_above_base) {
}

void SnapshotInProgress::write(SharedBytes piece) {
  VIVARIUM_ASSERT(!committed_, "a sink takes nothing after commit");
  if (piece.empty() || ended_) return;
  queue_bytes_ += piece.size();
  queue_.push_back(std::move(piece));
  write_queued();
}

void SnapshotInProgress::write_queued() {
  if (in_flight_ || queue_.empty() || store_gone()) return;
  in_flight_ = true;
  auto pieces = std::exchange(queue_, {});
  bytes_in_flight_ = std::exchange(queue_bytes_, 0);
  store_.attempt<void>(
      Lane::bulk,
      [self = shared_from_this(), pieces = std::move(pieces)](FileSystem& files) {
        return self->writer_.write(files, pieces);
      },
      [self = shared_from_this()](Result<void> outcome) {
        self->in_flight_ = false;
        self->bytes_in_flight_ = 0;
        outcome.has_error() ? self->write_failed(outcome.error()) : self->written();
      });
}

void SnapshotInProgress::written() {
  // One that has ended takes what its writer still writes, until commit() tells it.
  if (!ended_) write_queued();
  if (in_flight_) return;
  if (committed_ && !ended_) return seal();
  if (!committed_ && drained_) std::exchange(drained_, nullptr)();
}

void SnapshotInProgress::on_drained(std::function<void()> callback) {
  drained_ = std::move(callback);
  if (in_flight_ || store_gone()) return;
  store_.post([self = shared_from_this()] {
    if (!self->committed_) self->written();
  });
}

void SnapshotInProgress::commit(std::optional<std::uint64_t> digest, Done<SnapshotInfo> done) {
  VIVARIUM_ASSERT(!committed_, "a sink is committed once");
  committed_ = true;
  digest_ = digest;
  done_ = std::move(done);
  drained_ = nullptr;
  if (store_gone()) return;
  if (ended_) return refuse_commit();
  if (!in_flight_) seal();
}

void SnapshotInProgress::seal() {
  store_.attempt<SnapshotInfo>(
      Lane::bulk,
      [self = shared_from_this()](FileSystem& files) {
        return self->writer_.finish(files, self->digest_);
      },
      [self = shared_from_this()](Result<SnapshotInfo> info) {
        if (info.has_error()) return self->write_failed(info.error());
        if (self->ended_) return;
        self->purpose_ == FileStore::Purpose::beside_history ? self->publish(*info)
                                                             : self->install(*info);
      });
}

void SnapshotInProgress::publish(const SnapshotInfo& info) {
  // In the log lane, so that it comes as a whole before or after a change of the history.
  store_.attempt<void>(
      Lane::log,
      [self = shared_from_this()](FileSystem& files) { return self->writer_.publish(files); },
      [self = shared_from_this(), info](Result<void> outcome) {
        if (outcome.has_error()) return self->write_failed(outcome.error());
        if (std::exchange(self->ended_, true)) return;
        self->store_.snapshot_taken(info, self->writer_.path(), self->log_bytes_,
                                    self->log_entries_);
        self->done_(info);
      });
}

/// The log is none the worse for it, unless the disk does not sync.
void SnapshotInProgress::write_failed(const Error& error) {
  if (writer_.sync_failed()) return store_.fail(error);
  if (!ended_) {
    failure_ = error;
    discard();
    if (committed_) refuse_commit();
  }
  written();
}

void SnapshotInProgress::install(const SnapshotInfo& info) {
  constexpr Zxid kNothingStays{-1};
  store_.change_history(kNothingStays, [self = shared_from_this(), info] {
    self->store_.run<Recovered>(
        Lane::log,
        [self](FileSystem& files) -> Result<Recovered> {
          const Directories& directories = self->on_disk_->directories;
          return self->on_disk_->reserve.spend(files, [&]() -> Result<Recovered> {
            TRY(self->on_disk_->writer.roll());
            TRY(make_change(files, directories, {ChangeKind::install, self->zxid_}));
            return recover(files, directories);
          });
        },
        [self, info](Recovered recovered) {
          self->ended_ = true;
          self->store_.history_changed(std::move(recovered));
          self->done_(info);
        });
  });
}

void SnapshotInProgress::sink_destroyed() {
  drained_ = nullptr;
  if (!committed_ && !ended_) discard();
}

void SnapshotInProgress::give_up() {
  if (ended_) return;
  failure_ = Error(Errc::closed, "the history was changed while this snapshot was written");
  discard();
  if (committed_) refuse_commit();
}

void SnapshotInProgress::refuse_commit() {
  store_.post([self = shared_from_this()] { self->done_(self->failure_); });
}

void SnapshotInProgress::discard() {
  ended_ = true;
  queue_.clear();
  queue_bytes_ = 0;
  if (store_gone()) return;
  // Behind its own writes, and before those of the next snapshot, which may have the same name.
  store_.attempt<void>(
      Lane::bulk,
      [self = shared_from_this()](FileSystem& files) { return self->writer_.discard(files); },
      [self = shared_from_this()](Result<void> outcome) {
        // No harm is done: nobody takes it for a snapshot, and the next start removes it.
        if (outcome.has_error())
          self->store_.log_.warn("an unfinished snapshot is left behind: " + outcome.error().what);
      });
}

}  // namespace vivarium::file
