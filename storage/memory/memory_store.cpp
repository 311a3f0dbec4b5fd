#include "memory_store.hpp"

#include <algorithm>
#include <utility>

#include <vivarium/assert.hpp>

namespace vivarium {

class MemorySource final : public SnapshotSource {
 public:
  MemorySource(MemoryStore& store, std::shared_ptr<const MemoryStore::Snapshot> snapshot)
      : store_(store), store_alive_(store.alive_), snapshot_(std::move(snapshot)) {}

  const SnapshotInfo& info() const override { return snapshot_->info; }

  void read(Done<SharedBytes> done) override {
    if (store_alive_.expired()) return;
    const bool end = next_ == snapshot_->pieces.size();
    store_.post([piece = end ? SharedBytes() : snapshot_->pieces[next_++], done = std::move(done),
                 alive = std::weak_ptr<void>(alive_)] {
      if (!alive.expired()) done(piece);
    });
  }

 private:
  MemoryStore& store_;
  std::weak_ptr<void> store_alive_;
  std::shared_ptr<const MemoryStore::Snapshot> snapshot_;
  std::size_t next_ = 0;
  std::shared_ptr<void> alive_ = std::make_shared<int>();
};

class MemorySink final : public SnapshotSink {
 public:
  MemorySink(MemoryStore& store, Zxid zxid, MemoryStore::Purpose purpose)
      : store_(store), store_alive_(store.alive_), purpose_(purpose),
        snapshot_(std::make_shared<MemoryStore::Snapshot>()) {
    snapshot_->info.zxid = zxid;
    store.sink_ = open_;
  }

  void write(SharedBytes piece) override {
    VIVARIUM_ASSERT(open_, "a sink takes nothing after commit");
    snapshot_->info.bytes += piece.size();
    if (!piece.empty()) snapshot_->pieces.push_back(std::move(piece));
  }

  std::size_t queued_bytes() const override { return 0; }

  void on_drained(std::function<void()> callback) override {
    if (store_alive_.expired()) return;
    store_.post([callback = std::move(callback), open = std::weak_ptr<void>(open_)] {
      if (!open.expired()) callback();
    });
  }

  void commit(std::optional<std::uint64_t> digest, Done<SnapshotInfo> done) override {
    VIVARIUM_ASSERT(open_, "a sink is committed once");
    if (store_alive_.expired()) return;
    snapshot_->info.digest = digest;
    const int changes = purpose_ == MemoryStore::Purpose::instead_of_history ? 1 : 0;
    store_.changes_under_way_ += changes;
    store_.post([&store = store_, open = std::move(open_), snapshot = std::move(snapshot_),
                 purpose = purpose_, changes, done = std::move(done)]() mutable {
      const bool abandoned = store.sink_.lock() != open;
      open.reset();
      store.changes_under_way_ -= changes;
      if (abandoned)
        return done(Error(Errc::closed, "the history was cut while this snapshot was written"));
      const SnapshotInfo info = snapshot->info;
      store.keep(std::move(snapshot), purpose);
      done(info);
    });
  }

 private:
  MemoryStore& store_;
  std::weak_ptr<void> store_alive_;
  MemoryStore::Purpose purpose_;
  std::shared_ptr<MemoryStore::Snapshot> snapshot_;
  std::shared_ptr<void> open_ = std::make_shared<int>();
};

MemoryStore::MemoryStore(PluginHost& host) : loop_(host.loop()) {}
MemoryStore::~MemoryStore() { stop(); }

void MemoryStore::stop() {
  alive_.reset();
  events_ = nullptr;
}

void MemoryStore::post(Task task) {
  loop_.post([alive = std::weak_ptr<void>(alive_), task = std::move(task)] {
    if (!alive.expired()) task();
  });
}

void MemoryStore::open(LogStoreEvents& events, Done<OpenedLog> done) {
  VIVARIUM_ASSERT(!events_, "open is called once");
  events_ = &events;
  OpenedLog opened;
  opened.fresh = true;
  post([done = std::move(done), opened = std::move(opened)] { done(opened); });
}

void MemoryStore::append(std::span<const LogEntry> entries) {
  VIVARIUM_ASSERT(events_ && changes_under_way_ == 0,
                  "append comes after open, and not beside a change of the history");
  for (const LogEntry& entry : entries) {
    VIVARIUM_ASSERT(entry.zxid > last_appended_, "entries come in the order of their zxids");
    last_appended_ = entry.zxid;
    entries_.push_back(entry);
    sizes_.log_bytes += entry.payload.size();
    sizes_.log_bytes_total += entry.payload.size();
    ++sizes_.log_entries;
  }
  if (entries.empty() || std::exchange(becoming_durable_, true)) return;
  post([this] { become_durable(); });
}

void MemoryStore::become_durable() {
  becoming_durable_ = false;
  last_durable_ = last_appended_;
  events_->on_durable(last_durable_);
}

std::deque<LogEntry>::const_iterator MemoryStore::above(Zxid zxid) const {
  return std::upper_bound(entries_.begin(), entries_.end(), zxid,
                          [](Zxid value, const LogEntry& entry) { return value < entry.zxid; });
}

void MemoryStore::read(Zxid after, std::size_t bytes_max, Done<LogSlice> done) {
  post([this, after, bytes_max, done = std::move(done)] {
    if (after < first_contiguous_)
      return done(Error(Errc::out_of_range, "the memory store has forgotten what followed"));
    done(slice(after, bytes_max));
  });
}

LogSlice MemoryStore::slice(Zxid after, std::size_t bytes_max) const {
  LogSlice slice;
  std::size_t bytes = 0;
  auto entry = above(after);
  for (; entry != entries_.end() && entry->zxid <= last_durable_; ++entry) {
    bytes += entry->payload.size();
    if (bytes > bytes_max && !slice.entries.empty()) break;
    slice.entries.push_back(*entry);
  }
  slice.end = entry == entries_.end() || entry->zxid > last_durable_;
  return slice;
}

void MemoryStore::truncate_after(Zxid zxid, Done<void> done) {
  ++changes_under_way_;
  post([this, zxid, done = std::move(done)] {
    --changes_under_way_;
    done(cut(zxid));
  });
}

bool MemoryStore::holds(Zxid zxid) const {
  if (zxid == first_contiguous_ || (snapshot_ && zxid == snapshot_->info.zxid)) return true;
  const auto next = above(zxid);
  return next != entries_.begin() && std::prev(next)->zxid == zxid;
}

Result<void> MemoryStore::cut(Zxid zxid) {
  const bool below_snapshot = snapshot_ && zxid < snapshot_->info.zxid;
  // Without the snapshot, the history is whole only if it reaches back to its very beginning.
  if (!holds(zxid) || (below_snapshot && first_contiguous_ != Zxid{}))
    return Error(Errc::out_of_range, "the memory store cannot end its history there");
  entries_.erase(above(zxid), entries_.end());
  if (below_snapshot) snapshot_.reset();
  last_appended_ = last_durable_ = zxid;
  sink_.reset();
  measure();
  return {};
}

Result<std::unique_ptr<SnapshotSink>> MemoryStore::begin_snapshot(Zxid zxid) {
  return begin(zxid, Purpose::beside_history);
}

Result<std::unique_ptr<SnapshotSink>> MemoryStore::install_snapshot(Zxid zxid) {
  return begin(zxid, Purpose::instead_of_history);
}

Result<std::unique_ptr<SnapshotSink>> MemoryStore::begin(Zxid zxid, Purpose purpose) {
  if (!sink_.expired()) return Error(Errc::in_use, "another snapshot is being written");
  return std::unique_ptr<SnapshotSink>(new MemorySink(*this, zxid, purpose));
}

void MemoryStore::keep(std::shared_ptr<const Snapshot> snapshot, Purpose purpose) {
  const Zxid zxid = snapshot->info.zxid;
  if (purpose == Purpose::instead_of_history) {
    entries_.clear();
    first_contiguous_ = last_appended_ = last_durable_ = zxid;
  } else if (snapshot_) {
    first_contiguous_ = std::max(first_contiguous_, snapshot_->info.zxid);
    entries_.erase(entries_.begin(), above(first_contiguous_));
  }
  snapshot_ = std::move(snapshot);
  measure();
}

Result<std::unique_ptr<SnapshotSource>> MemoryStore::open_snapshot() {
  if (!snapshot_) return Error(Errc::not_found, "the memory store holds no snapshot");
  return std::unique_ptr<SnapshotSource>(new MemorySource(*this, snapshot_));
}

void MemoryStore::purge(unsigned snapshots_kept, Done<PurgeReport> done) {
  VIVARIUM_ASSERT(events_ && snapshots_kept > 0, "purge comes after open, and leaves a snapshot");
  const bool busy = std::exchange(purging_, true);
  post([this, busy, snapshots_kept, done = std::move(done)] {
    if (busy) return done(Error(Errc::in_use, "old log entries are being forgotten already"));
    purging_ = false;
    // There is never more than one snapshot.
    done(snapshot_ && snapshots_kept == 1 ? forget_below_snapshot() : PurgeReport{});
  });
}

PurgeReport MemoryStore::forget_below_snapshot() {
  PurgeReport report;
  const auto stays = above(snapshot_->info.zxid);
  for (auto entry = entries_.cbegin(); entry != stays; ++entry)
    report.bytes += entry->payload.size();
  report.logs = stays == entries_.cbegin() ? 0 : 1;
  entries_.erase(entries_.cbegin(), stays);
  first_contiguous_ = std::max(first_contiguous_, snapshot_->info.zxid);
  measure();
  return report;
}

void MemoryStore::set_epoch(EpochKind kind, Epoch epoch, Done<void> done) {
  post([this, kind, epoch, done = std::move(done)] {
    auto& kept = kind == EpochKind::accepted ? epochs_.accepted : epochs_.current;
    if (kept && epoch < *kept)
      return done(Error(Errc::invalid_argument, "an epoch is never lowered"));
    kept = epoch;
    done({});
  });
}

void MemoryStore::measure() {
  sizes_ = {};
  const Zxid since = snapshot_ ? snapshot_->info.zxid : Zxid{};
  for (const LogEntry& entry : entries_) {
    sizes_.log_bytes_total += entry.payload.size();
    if (entry.zxid <= since) continue;
    sizes_.log_bytes += entry.payload.size();
    ++sizes_.log_entries;
  }
  if (snapshot_) sizes_.snapshot_bytes = sizes_.snapshot_bytes_total = snapshot_->info.bytes;
}

}  // namespace vivarium
