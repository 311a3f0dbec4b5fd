#pragma once
// A snapshot on its way to the disk. Core thread; the writing happens in jobs of the bulk lane.

#include "file_store.hpp"
#include "snapshot_writer.hpp"

namespace vivarium::file {

/// The work behind a sink, which goes on when the sink is destroyed after commit().
class SnapshotInProgress : public std::enable_shared_from_this<SnapshotInProgress> {
 public:
  SnapshotInProgress(FileStore& store, Zxid zxid, FileStore::Purpose purpose);

  void write(SharedBytes piece);
  std::size_t queued_bytes() const { return queue_bytes_ + bytes_in_flight_; }
  void on_drained(std::function<void()> callback);
  void commit(std::optional<std::uint64_t> digest, Done<SnapshotInfo> done);

  /// The sink is gone: without commit() nothing is left behind.
  void sink_destroyed();
  /// The history is being changed under it. A commit() fails from now on.
  void give_up();
  bool ended() const { return ended_; }

 private:
  void write_queued();
  void written();
  void seal();
  void publish(const SnapshotInfo& info);
  void install(const SnapshotInfo& info);
  void write_failed(const Error& error);
  void discard();
  void refuse_commit();
  bool store_gone() const { return store_alive_.expired(); }

  FileStore& store_;
  std::weak_ptr<void> store_alive_;
  std::shared_ptr<OnDisk> on_disk_;
  Zxid zxid_;
  FileStore::Purpose purpose_;
  SnapshotWriter writer_;  ///< Bulk lane only, until it is sealed.
  /// How much log there was above the snapshot before this one when this one was begun.
  std::uint64_t log_bytes_, log_entries_;

  std::vector<SharedBytes> queue_;
  std::size_t queue_bytes_ = 0, bytes_in_flight_ = 0;
  bool in_flight_ = false;
  std::function<void()> drained_;
  bool committed_ = false;
  std::optional<std::uint64_t> digest_;
  Done<SnapshotInfo> done_;
  bool ended_ = false;
  Error failure_;  ///< What a commit is told when it has ended without one.
};

class FileSink final : public SnapshotSink {
 public:
  explicit FileSink(std::shared_ptr<SnapshotInProgress> snapshot)
      : snapshot_(std::move(snapshot)) {}
  ~FileSink() override { snapshot_->sink_destroyed(); }

  void write(SharedBytes piece) override { snapshot_->write(std::move(piece)); }
  std::size_t queued_bytes() const override { return snapshot_->queued_bytes(); }
  void on_drained(std::function<void()> callback) override {
    snapshot_->on_drained(std::move(callback));
  }
  void commit(std::optional<std::uint64_t> digest, Done<SnapshotInfo> done) override {
    snapshot_->commit(digest, std::move(done));
  }

 private:
  std::shared_ptr<SnapshotInProgress> snapshot_;
};

}  // namespace vivarium::file
