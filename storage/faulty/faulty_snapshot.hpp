#pragma once
// The snapshots of a faulty store: what its sinks and sources do is its steps.

#include "faulty_store.hpp"

namespace vivarium {

class FaultySink final : public SnapshotSink {
 public:
  FaultySink(FaultyStore& store, std::unique_ptr<SnapshotSink> inner, FaultStep commit)
      : store_(store), store_alive_(store.alive_), inner_(std::move(inner)), commit_(commit) {}

  void write(SharedBytes piece) override { inner_->write(std::move(piece)); }
  std::size_t queued_bytes() const override { return inner_->queued_bytes(); }
  void on_drained(std::function<void()> callback) override {
    inner_->on_drained(std::move(callback));
  }
  void commit(std::optional<std::uint64_t> digest, Done<SnapshotInfo> done) override;

 private:
  FaultyStore& store_;
  std::weak_ptr<void> store_alive_;
  std::unique_ptr<SnapshotSink> inner_;
  FaultStep commit_;
};

class FaultySource final : public SnapshotSource {
 public:
  FaultySource(FaultyStore& store, std::unique_ptr<SnapshotSource> inner)
      : store_(store), store_alive_(store.alive_), inner_(std::move(inner)) {}

  const SnapshotInfo& info() const override { return inner_->info(); }
  void read(Done<SharedBytes> done) override;

 private:
  FaultyStore& store_;
  std::weak_ptr<void> store_alive_;
  std::unique_ptr<SnapshotSource> inner_;
  /// An outcome that is on its way when the source goes is dropped.
  std::shared_ptr<void> alive_ = std::make_shared<int>();
};

}  // namespace vivarium
