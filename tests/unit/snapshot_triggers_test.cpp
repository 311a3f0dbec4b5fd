// When the kernel has snapshots taken and old ones removed.
#include "kernel/core/purger.hpp"
#include "kernel/core/snapshotter.hpp"
#include "kernel/simulation/simulated_loop.hpp"
#include "tests/support/fake_host.hpp"

#include <catch2/catch.hpp>

#include <optional>
#include <set>

using namespace vivarium;
using namespace vivarium::test;

namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

/// A store whose disk is as slow as the test wants, and takes no snapshot when it shall not.
class SlowStore final : public LogStore {
 public:
  explicit SlowStore(Loop& loop) : loop_(loop) {}

  bool durable() const override { return true; }
  void open(LogStoreEvents&, Done<OpenedLog>) override {}
  void append(std::span<const LogEntry>) override {}
  void read(Zxid, std::size_t, Done<LogSlice>) override {}
  Zxid first_contiguous() const override { return {}; }
  void truncate_after(Zxid, Done<void>) override {}
  Result<std::unique_ptr<SnapshotSink>> begin_snapshot(Zxid zxid) override {
    if (refuses) return Error(Errc::in_use, "another snapshot is being written");
    ++begun;
    return std::unique_ptr<SnapshotSink>(new Sink(*this, zxid));
  }
  Result<std::unique_ptr<SnapshotSink>> install_snapshot(Zxid zxid) override {
    return begin_snapshot(zxid);
  }
  Result<std::unique_ptr<SnapshotSource>> open_snapshot() override {
    return Error(Errc::not_found, "none");
  }
  void purge(unsigned snapshots_kept, Done<PurgeReport> done) override {
    purges.push_back(loop_.now());
    kept = snapshots_kept;
    loop_.post([this, done = std::move(done)] { done(purge_outcome); });
  }
  void set_epoch(EpochKind, Epoch, Done<void>) override {}
  Sizes sizes() const override { return {}; }

  /// Writes all that is queued.
  void drain() {
    queued = 0;
    if (drained) std::exchange(drained, nullptr)();
  }

  bool refuses = false, fails = false;
  int begun = 0, committed = 0;
  std::size_t queued = 0, longest_queue = 0, written = 0;
  std::function<void()> drained;
  std::vector<MonoTime> purges;
  unsigned kept = 0;
  Result<PurgeReport> purge_outcome = PurgeReport{};

 private:
  struct Sink final : SnapshotSink {
    Sink(SlowStore& the_store, Zxid at) : store(the_store), zxid(at) {}
    void write(SharedBytes piece) override {
      store.queued += piece.size();
      store.written += piece.size();
      store.longest_queue = std::max(store.longest_queue, store.queued);
    }
    std::size_t queued_bytes() const override { return store.queued; }
    void on_drained(std::function<void()> callback) override {
      store.drained = std::move(callback);
    }
    void commit(std::optional<std::uint64_t>, Done<SnapshotInfo> done) override {
      store.loop_.post([this, done = std::move(done)] {
        if (store.fails) return done(Error(Errc::no_space, "the disk is full"));
        ++store.committed;
        done(SnapshotInfo{zxid, 1, {}});
      });
    }
    SlowStore& store;
    Zxid zxid;
  };
  Loop& loop_;
};

/// A state of some length.
class LongState final : public StateMachine {
 public:
  LogEntry prepare(const Request&, Zxid, std::int64_t) override { return {}; }
  void discard_pending() override {}
  void apply(std::span<const LogEntry>) override {}
  Zxid last_applied() const override { return Zxid{5}; }
  std::uint64_t digest() const override { return 0; }
  std::unique_ptr<SnapshotCursor> snapshot() override { return std::make_unique<Cursor>(bytes); }
  std::unique_ptr<SnapshotLoader> load() override { return nullptr; }
  void reload(Done<void>) override {}
  void touch(SessionId, std::int32_t, ServerId) override {}
  bool revalidate(SessionId, std::int32_t, ServerId, Claim) override { return false; }
  std::optional<ServerId> owner(SessionId) const override { return {}; }
  bool closing(SessionId) const override { return false; }
  std::string committed_config() const override { return {}; }
  std::string last_seen_config() const override { return {}; }
  void activate_config(std::string_view, Zxid) override {}

  std::size_t bytes = 1000;

 private:
  struct Cursor final : SnapshotCursor {
    explicit Cursor(std::size_t bytes) : left(bytes) {}
    Zxid zxid() const override { return Zxid{5}; }
    std::optional<std::uint64_t> digest() const override { return 1; }
    SharedBytes next(std::size_t bytes) override {
      const auto piece = std::min(bytes, left);
      left -= piece;
      return SharedBytes(std::string(piece, 'x'));
    }
    std::size_t left;
  };
};

struct SnapshotterBench {
  explicit SnapshotterBench(SnapshotRule rule = {}, std::uint64_t seed = 1)
      : loop(seed), store(loop), snapshotter(loop, log, store, stats, rule, [this] {
          ++again;
          snapshotter.start(state.snapshot());
        }) {}

  SimulatedLoop loop;
  FakeLog log;
  SlowStore store;
  ServerStats stats;
  LongState state;
  int again = 0;
  Snapshotter snapshotter;
};

LogStore::Sizes grown(std::uint64_t entries, std::uint64_t bytes, std::uint64_t snapshot = 0) {
  LogStore::Sizes sizes;
  sizes.log_entries = entries;
  sizes.log_bytes = bytes;
  sizes.snapshot_bytes = snapshot;
  return sizes;
}

constexpr std::uint64_t kGib = std::uint64_t{1} << 30;

}  // namespace

// --- when ----------------------------------------------------------------------------------------

TEST_CASE("without limits a snapshot is due when the log outgrows the last one, and 1 GiB") {
  const SnapshotterBench bench;
  CHECK_FALSE(bench.snapshotter.due(grown(1'000'000'000, kGib)));
  CHECK(bench.snapshotter.due(grown(1, kGib + 1)));
  CHECK_FALSE(bench.snapshotter.due(grown(1, 3 * kGib, 3 * kGib)));
  CHECK(bench.snapshotter.due(grown(1, 3 * kGib + 1, 3 * kGib)));
}

TEST_CASE("snapCount counts for a half to the whole of it, by chance") {
  std::set<std::uint64_t> firsts;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    const SnapshotterBench bench({.entries = 1000}, seed);
    CHECK_FALSE(bench.snapshotter.due(grown(500, 100 * kGib)));
    CHECK(bench.snapshotter.due(grown(1000, 0)));
    std::uint64_t entries = 500;
    while (!bench.snapshotter.due(grown(entries, 0))) ++entries;
    firsts.insert(entries);
  }
  CHECK(firsts.size() > 20);
  CHECK(*firsts.begin() < 600);
  CHECK(*firsts.rbegin() > 900);
}

TEST_CASE("the numbers are drawn anew for each snapshot") {
  SnapshotterBench bench({.entries = 100'000});
  std::set<std::uint64_t> firsts;
  for (int i = 0; i < 10; ++i) {
    std::uint64_t entries = 50'000;
    while (!bench.snapshotter.due(grown(entries, 0))) ++entries;
    firsts.insert(entries);
    bench.snapshotter.start(bench.state.snapshot());
    bench.loop.run_for(seconds(1));
  }
  CHECK(firsts.size() > 5);
}

TEST_CASE("a snapCount of one counts as two, as in ZooKeeper") {
  const SnapshotterBench bench({.entries = 1});
  CHECK_FALSE(bench.snapshotter.due(grown(1, 0)));
  CHECK(bench.snapshotter.due(grown(2, 0)));
}

TEST_CASE("snapSizeLimitInKb counts beside snapCount, and alone") {
  const SnapshotterBench both({.entries = 1000, .log_bytes = 1 << 20});
  CHECK_FALSE(both.snapshotter.due(grown(500, 1 << 19)));
  CHECK(both.snapshotter.due(grown(0, 1 << 20)));
  CHECK(both.snapshotter.due(grown(1000, 0)));
  const SnapshotterBench alone({.log_bytes = 1 << 20});
  CHECK_FALSE(alone.snapshotter.due(grown(1'000'000, 1 << 19)));
  CHECK(alone.snapshotter.due(grown(1, 1 << 20)));
}

TEST_CASE("no snapshot is due while one is under way") {
  SnapshotterBench bench;
  bench.snapshotter.start(bench.state.snapshot());
  CHECK_FALSE(bench.snapshotter.due(grown(1, 9 * kGib)));
  bench.loop.run_for(seconds(1));
  CHECK(bench.snapshotter.due(grown(1, 9 * kGib)));
}

// --- how -----------------------------------------------------------------------------------------

TEST_CASE("a snapshot that outruns its disk waits each time that the queue is full") {
  SnapshotterBench bench;
  bench.state.bytes = 50u << 20;
  bench.snapshotter.start(bench.state.snapshot());
  int rounds = 0;
  while (bench.store.committed == 0 && rounds < 100) {
    bench.loop.run_for(seconds(1));
    bench.store.drain();
    ++rounds;
  }
  CHECK(bench.store.committed == 1);
  CHECK(bench.store.written == 50u << 20);
  CHECK(rounds > 10);
  CHECK(bench.store.longest_queue < 5u << 20);
}

TEST_CASE("a snapshot that failed is told of and tried again a minute later, and not before") {
  SnapshotterBench bench;
  bench.store.fails = true;
  bench.snapshotter.start(bench.state.snapshot());
  bench.loop.run_for(seconds(59));
  CHECK(bench.store.begun == 1);
  CHECK_FALSE(bench.snapshotter.running());
  CHECK_FALSE(bench.snapshotter.due(grown(1, 9 * kGib)));
  CHECK(bench.stats.snapshots_failed.value() == 1);
  CHECK(bench.log.contains("the snapshot at 0x5 failed: the disk is full; nothing is lost"));
  bench.loop.run_for(minutes(3));
  CHECK(bench.again == 3);
  bench.store.fails = false;
  bench.loop.run_for(minutes(2));
  CHECK(bench.store.committed == 1);
  CHECK(bench.again == 4);
  CHECK(bench.snapshotter.due(grown(1, 9 * kGib)));
}

TEST_CASE("a snapshot that the store cannot take now is tried again too") {
  SnapshotterBench bench;
  bench.store.refuses = true;
  bench.snapshotter.start(bench.state.snapshot());
  CHECK_FALSE(bench.snapshotter.running());
  bench.store.refuses = false;
  bench.loop.run_for(minutes(2));
  CHECK(bench.store.committed == 1);
}

TEST_CASE("after the end nothing is tried again") {
  SnapshotterBench bench;
  bench.store.fails = true;
  bench.snapshotter.start(bench.state.snapshot());
  bench.loop.run_for(seconds(1));
  bench.snapshotter.stop();
  bench.loop.run_for(minutes(5));
  CHECK(bench.again == 0);
}

// --- the purger ----------------------------------------------------------------------------------

namespace {

struct PurgerBench {
  explicit PurgerBench(PurgeRule rule) : store(loop), purger(loop, log, store, rule) {}
  SimulatedLoop loop{1};
  FakeLog log;
  SlowStore store;
  Purger purger;
};

}  // namespace

TEST_CASE("old snapshots are removed at the start and after each interval") {
  PurgerBench bench({.interval = hours(2), .snapshots_kept = 5});
  bench.purger.start();
  bench.purger.start();
  bench.loop.run_for(hours(5));
  REQUIRE(bench.store.purges.size() == 3);
  CHECK(bench.store.purges[0] < seconds(1));
  CHECK(bench.store.purges[2] - bench.store.purges[1] >= hours(2));
  CHECK(bench.store.kept == 5);
}

TEST_CASE("the first removal may wait for the first interval to pass") {
  PurgerBench bench({.interval = hours(1), .first = PurgeRule::First::after_interval});
  bench.purger.start();
  bench.loop.run_for(minutes(59));
  CHECK(bench.store.purges.empty());
  bench.loop.run_for(minutes(2));
  CHECK(bench.store.purges.size() == 1);
  CHECK(bench.store.kept == 3);
}

TEST_CASE("when room is short the removal does not wait for its time") {
  PurgerBench bench({.interval = hours(1), .first = PurgeRule::First::after_interval});
  bench.purger.hurry();
  bench.purger.start();
  bench.loop.run_for(minutes(1));
  CHECK(bench.store.purges.empty());  // Not before the store is open.
  bench.purger.hurry();
  bench.purger.hurry();
  bench.loop.run_for(minutes(1));
  CHECK(bench.store.purges.size() == 1);
  bench.loop.run_for(minutes(62));
  CHECK(bench.store.purges.size() == 2);
}

TEST_CASE("an interval of 0 removes nothing") {
  PurgerBench bench({.interval = Millis(0)});
  bench.purger.start();
  bench.purger.hurry();
  bench.loop.run_for(hours(100));
  CHECK(bench.store.purges.empty());
}

TEST_CASE("what was removed is told, and what could not be is tried again") {
  PurgerBench bench({.interval = hours(1)});
  bench.store.purge_outcome = Error(Errc::io_failed, "removing log.1 failed");
  bench.purger.start();
  bench.loop.run_for(minutes(1));
  CHECK(bench.log.contains("not removed: removing log.1 failed"));
  bench.store.purge_outcome = PurgeReport{2, 3, 4567};
  bench.loop.run_for(hours(1));
  CHECK(bench.log.contains("removed 2 old snapshots and 3 old logs, 4567 bytes"));
  bench.purger.stop();
  bench.loop.run_for(hours(5));
  CHECK(bench.store.purges.size() == 2);
}
