#pragma once
// A LogStore that forgets at the end of the process: for tests, and for ensembles that trust in
// numbers.
//
// Its events come in the same order as those of a disk, each in a later turn of the loop than its
// cause. Of snapshots it keeps the newest one, and of the log what is above the one before that.

#include <vivarium/log_store.hpp>
#include <vivarium/loop.hpp>

#include <deque>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace vivarium {

class MemoryStore final : public LogStore {
 public:
  explicit MemoryStore(PluginHost& host);
  ~MemoryStore() override;

  bool durable() const override { return false; }
  void open(LogStoreEvents& events, Done<OpenedLog> done) override;
  void append(std::span<const LogEntry> entries) override;
  void read(Zxid after, std::size_t bytes_max, Done<LogSlice> done) override;
  Zxid first_contiguous() const override { return first_contiguous_; }
  void truncate_after(Zxid zxid, Done<void> done) override;
  Result<std::unique_ptr<SnapshotSink>> begin_snapshot(Zxid zxid) override;
  Result<std::unique_ptr<SnapshotSink>> install_snapshot(Zxid zxid) override;
  Result<std::unique_ptr<SnapshotSource>> open_snapshot() override;
  void purge(unsigned snapshots_kept, Done<PurgeReport> done) override;
  void set_epoch(EpochKind kind, Epoch epoch, Done<void> done) override;
  Sizes sizes() const override { return sizes_; }
  void stop() override;

 private:
  friend class MemorySink;
  friend class MemorySource;
  struct Snapshot {
    SnapshotInfo info;
    std::vector<SharedBytes> pieces;
  };
  enum class Purpose : std::uint8_t { beside_history, instead_of_history };

  void post(Task task);
  void become_durable();
  LogSlice slice(Zxid after, std::size_t bytes_max) const;
  Result<void> cut(Zxid zxid);
  PurgeReport forget_below_snapshot();
  bool holds(Zxid zxid) const;
  Result<std::unique_ptr<SnapshotSink>> begin(Zxid zxid, Purpose purpose);
  void keep(std::shared_ptr<const Snapshot> snapshot, Purpose purpose);
  void measure();
  std::deque<LogEntry>::const_iterator above(Zxid zxid) const;

  Loop& loop_;
  LogStoreEvents* events_ = nullptr;
  std::deque<LogEntry> entries_;  ///< Durable or not, oldest first.
  Zxid first_contiguous_, last_appended_, last_durable_;
  bool becoming_durable_ = false;
  bool purging_ = false;
  int changes_under_way_ = 0;  ///< Truncations and installs without an outcome yet.
  std::shared_ptr<const Snapshot> snapshot_;
  Epochs epochs_;
  Sizes sizes_;
  /// The sink that is open: expires with it, and is forgotten when the history is cut.
  std::weak_ptr<void> sink_;
  /// Posted tasks hold it weakly, so that none runs after stop().
  std::shared_ptr<void> alive_ = std::make_shared<int>();
};

}  // namespace vivarium
