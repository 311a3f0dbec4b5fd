#pragma once
// The log as the broadcast gets it: the store itself, with a note of when it was given what.

#include "kernel/core/log_timeline.hpp"

#include <vivarium/log_store.hpp>
#include <vivarium/loop.hpp>

#include <utility>

namespace vivarium {

class TimedStore final : public LogStore {
 public:
  TimedStore(Loop& loop, LogTimeline& timeline, LogStore& to)
      : loop_(loop), timeline_(timeline), to_(to) {}

  bool durable() const override { return to_.durable(); }
  void open(LogStoreEvents& events, Done<OpenedLog> done) override {
    to_.open(events, std::move(done));
  }
  void append(std::span<const LogEntry> entries) override {
    timeline_.on_append(entries, loop_.now());
    to_.append(entries);
  }
  void read(Zxid after, std::size_t bytes_max, Done<LogSlice> done) override {
    to_.read(after, bytes_max, std::move(done));
  }
  Zxid first_contiguous() const override { return to_.first_contiguous(); }
  void truncate_after(Zxid zxid, Done<void> done) override {
    timeline_.on_truncate(zxid);
    to_.truncate_after(zxid, std::move(done));
  }
  Result<std::unique_ptr<SnapshotSink>> begin_snapshot(Zxid zxid) override {
    return to_.begin_snapshot(zxid);
  }
  Result<std::unique_ptr<SnapshotSink>> install_snapshot(Zxid zxid) override {
    return to_.install_snapshot(zxid);
  }
  Result<std::unique_ptr<SnapshotSource>> open_snapshot() override { return to_.open_snapshot(); }
  void purge(unsigned snapshots_kept, Done<PurgeReport> done) override {
    to_.purge(snapshots_kept, std::move(done));
  }
  void set_epoch(EpochKind kind, Epoch epoch, Done<void> done) override {
    to_.set_epoch(kind, epoch, std::move(done));
  }
  Sizes sizes() const override { return to_.sizes(); }

 private:
  Loop& loop_;
  LogTimeline& timeline_;
  LogStore& to_;
};

}  // namespace vivarium
