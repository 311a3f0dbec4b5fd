// What a LogStore promises: each implementation, on real and simulated doors.
#include "tests/contract/log_store_bench.hpp"

using namespace vivarium;
using namespace vivarium::test;

namespace {

using MemoryOnReal = StoreBench<RealDoors, MemoryKind>;
using MemorySimulated = StoreBench<SimulatedDoors, MemoryKind>;
using FileOnReal = StoreBench<RealDoors, FileKind>;
using FileSimulated = StoreBench<SimulatedDoors, FileKind>;
using FaultyOnMemory = StoreBench<SimulatedDoors, FaultyKind<MemoryKind>>;
using FaultyOnFile = StoreBench<SimulatedDoors, FaultyKind<FileKind>>;

}  // namespace

#define ON_EVERY_STORE(name)                                                                     \
  TEMPLATE_TEST_CASE(name, "[log_store]", MemoryOnReal, MemorySimulated, FileOnReal, FileSimulated, \
                     FaultyOnMemory, FaultyOnFile)
#define ON_EVERY_DURABLE_STORE(name) \
  TEMPLATE_TEST_CASE(name, "[log_store]", FileOnReal, FileSimulated, FaultyOnFile)

// --- opening and appending -----------------------------------------------------------------------

ON_EVERY_STORE("a store that is opened for the first time is fresh and holds nothing") {
  TestType bench;
  const OpenedLog opened = bench.open();
  CHECK(opened.fresh);
  CHECK_FALSE(opened.snapshot);
  CHECK(opened.last_durable == Zxid{0});
  CHECK_FALSE(opened.epochs.accepted);
  CHECK_FALSE(opened.epochs.current);
  CHECK(opened.damage.empty());
  CHECK(bench.store->durable() == TestType::kDurable);
  CHECK(bench.store->first_contiguous() == Zxid{0});
  CHECK(bench.zxids(Zxid{0}).empty());
  CHECK_FALSE(bench.snapshot_body());
}

ON_EVERY_STORE("what is appended becomes durable, later and not before") {
  TestType bench;
  bench.open();
  const int before = bench.events.durable_events;
  bench.append({entry(Zxid{1})});
  CHECK(bench.events.durable_events == before);
  bench.wait_durable(Zxid{1});
  CHECK(bench.events.last_durable == Zxid{1});
}

ON_EVERY_STORE("appends of one turn of the loop share one event") {
  TestType bench;
  bench.open();
  bool appended = false;
  bench.doors.loop->post([&] {
    for (std::int64_t zxid = 1; zxid <= 100; ++zxid) bench.append({entry(Zxid{zxid})});
    appended = true;
  });
  bench.wait_durable(Zxid{100});
  CHECK(appended);
  CHECK(bench.events.durable_events == 1);
}

ON_EVERY_STORE("appends go on while earlier ones are being made durable") {
  TestType bench;
  bench.open();
  std::int64_t next = 1;
  std::function<void()> append_more = [&] {
    for (int i = 0; i < 3; ++i) bench.append({entry(Zxid{next++})});
    if (next < 1000) bench.doors.loop->post(append_more);
  };
  bench.doors.loop->post(append_more);
  REQUIRE(bench.doors.run_until([&] { return next >= 1000; }));
  bench.wait_durable(Zxid{next - 1});
  CHECK(bench.zxids(Zxid{0}) == range(1, next - 1));
}

ON_EVERY_STORE("a user may append from the event, and may end the store there") {
  TestType bench;
  struct Appender final : LogStoreEvents {
    explicit Appender(TestType& the_bench) : bench(the_bench) {}
    void on_durable(Zxid zxid) override {
      last = zxid;
      if (zxid < Zxid{5}) return bench.append({entry(zxid.next())});
      bench.store->stop();
      bench.store.reset();
    }
    void on_failed(const Error&) override {}
    void on_space(bool, std::uint64_t) override {}
    TestType& bench;
    Zxid last;
  } appender(bench);
  bench.make();
  bool open = false;
  bench.store->open(appender, [&](Result<OpenedLog>) { open = true; });
  REQUIRE(bench.doors.run_until([&] { return open; }));
  bench.append({entry(Zxid{1})});
  REQUIRE(bench.doors.run_until([&] { return !bench.store; }));
  CHECK(appender.last == Zxid{5});
}

ON_EVERY_STORE("after stop nothing calls back") {
  TestType bench;
  bench.open();
  bool called = false;
  const auto sink = bench.begin_snapshot(Zxid{0});
  sink->write(SharedBytes::copy_of("body"));
  sink->on_drained([&] { called = true; });
  sink->commit({}, [&](Result<SnapshotInfo>) { called = true; });
  bench.append({entry(Zxid{1})});
  bench.store->read(Zxid{0}, 100, [&](Result<LogSlice>) { called = true; });
  bench.store->set_epoch(EpochKind::current, Epoch{1}, [&](Result<void>) { called = true; });
  bench.store->purge(1, [&](Result<PurgeReport>) { called = true; });
  bench.store->stop();
  bench.settle();
  CHECK_FALSE(called);
  CHECK(bench.events.durable_events == 0);
}

// --- reading -------------------------------------------------------------------------------------

ON_EVERY_STORE("reading gives the entries above a zxid, to the last durable one") {
  TestType bench;
  bench.open();
  bench.append(Zxid{1}, Zxid{10});
  CHECK(bench.zxids(Zxid{0}) == range(1, 10));
  CHECK(bench.zxids(Zxid{4}) == range(5, 10));
  CHECK(bench.zxids(Zxid{10}).empty());
  CHECK(bench.zxids(Zxid{99}).empty());
}

ON_EVERY_STORE("reading stops at the byte limit, with at least one entry") {
  TestType bench;
  bench.open();
  bench.append(Zxid{1}, Zxid{10}, 100);
  const std::size_t one = entry(Zxid{1}, 100).payload.size();
  const auto some = bench.read(Zxid{2}, 3 * one);
  REQUIRE(some->entries.size() == 3);
  CHECK(some->entries.front().zxid == Zxid{3});
  CHECK_FALSE(some->end);
  const auto least = bench.read(Zxid{2}, 0);
  CHECK(least->entries.size() == 1);
  CHECK_FALSE(least->end);
  const auto last = bench.read(Zxid{9}, 0);
  CHECK(last->entries.size() == 1);
  CHECK(last->end);
}

ON_EVERY_STORE("a long history is read piece by piece, entries of every size included") {
  TestType bench;
  bench.open();
  std::vector<LogEntry> all;
  for (std::int64_t zxid = 1; zxid <= 60; ++zxid)
    all.push_back(entry(Zxid{zxid}, static_cast<std::size_t>(zxid * zxid * zxid)));
  for (std::int64_t zxid = 61; zxid <= 4000; ++zxid) all.push_back(entry(Zxid{zxid}, 1000));
  bench.append(all);
  bench.wait_durable(Zxid{4000});
  std::size_t count = 0;
  Zxid after{0};
  for (bool end = false; !end;) {
    const auto slice = bench.read(after, 100'000);
    REQUIRE_FALSE(slice->entries.empty());
    for (const LogEntry& one : slice->entries) {
      REQUIRE(one.zxid == all[count].zxid);
      REQUIRE(one.payload.view() == all[count].payload.view());
      ++count;
    }
    after = slice->entries.back().zxid;
    end = slice->end;
  }
  CHECK(count == all.size());
}

ON_EVERY_STORE("epochs of zxids follow each other in one history") {
  TestType bench;
  bench.open();
  bench.append(Zxid::of(Epoch{1}, 1), Zxid::of(Epoch{1}, 3));
  bench.append(Zxid::of(Epoch{4}, 1), Zxid::of(Epoch{4}, 2));
  CHECK(bench.zxids(Zxid{0}).size() == 5);
  CHECK(bench.zxids(Zxid::of(Epoch{1}, 3)).size() == 2);
}

// --- truncation ----------------------------------------------------------------------------------

ON_EVERY_STORE("truncation ends the history at exactly the zxid, and it goes on from there") {
  TestType bench;
  bench.open();
  bench.append(Zxid{1}, Zxid{10});
  REQUIRE(bench.truncate(Zxid{6}).has_value());
  CHECK(bench.zxids(Zxid{0}) == range(1, 6));
  bench.append(Zxid{7}, Zxid{8}, 33);
  CHECK(bench.zxids(Zxid{6}, 33) == range(7, 8));
  CHECK(bench.read(Zxid{0})->entries.size() == 8);
}

ON_EVERY_STORE("truncation may leave nothing, or take nothing") {
  TestType bench;
  bench.open();
  bench.append(Zxid{1}, Zxid{10});
  REQUIRE(bench.truncate(Zxid{10}).has_value());
  CHECK(bench.zxids(Zxid{0}) == range(1, 10));
  REQUIRE(bench.truncate(Zxid{0}).has_value());
  CHECK(bench.zxids(Zxid{0}).empty());
  bench.append(Zxid{1}, Zxid{2});
  CHECK(bench.zxids(Zxid{0}) == range(1, 2));
}

ON_EVERY_STORE("truncation to what is not in the history is refused and changes nothing") {
  TestType bench;
  bench.open();
  bench.append(Zxid{1}, Zxid{10});
  CHECK(fails_with(bench.truncate(Zxid{11}), Errc::out_of_range));
  CHECK(fails_with(bench.truncate(Zxid::of(Epoch{1}, 1)), Errc::out_of_range));
  CHECK(bench.zxids(Zxid{0}) == range(1, 10));
  bench.append(Zxid{11}, Zxid{12});
  CHECK(bench.zxids(Zxid{10}) == range(11, 12));
}

ON_EVERY_STORE("truncation waits for what was appended before it") {
  TestType bench;
  bench.open();
  bench.append({entry(Zxid{1}), entry(Zxid{2}), entry(Zxid{3})});
  REQUIRE(bench.truncate(Zxid{2}).has_value());
  CHECK(bench.zxids(Zxid{0}) == range(1, 2));
}

ON_EVERY_STORE("newer snapshots go with a truncation") {
  TestType bench;
  bench.open();
  bench.take_snapshot(Zxid{0}, "empty");
  bench.append(Zxid{1}, Zxid{10});
  bench.take_snapshot(Zxid{10}, "ten");
  const auto truncated = bench.truncate(Zxid{5});
  if (truncated.has_error()) {
    // A store that keeps one snapshot only cannot go back behind it, and says so.
    CHECK(truncated.error().is(Errc::out_of_range));
    CHECK(bench.snapshot_body() == "ten");
    return;
  }
  CHECK(bench.snapshot_body().value_or("empty") == "empty");
  CHECK(bench.zxids(Zxid{0}) == range(1, 5));
}

ON_EVERY_STORE("reads that are under way and reads that come later stay whole in a truncation") {
  TestType bench;
  bench.open();
  bench.append(Zxid{1}, Zxid{10});
  std::optional<Result<LogSlice>> before, after;
  bench.store->read(Zxid{0}, 1 << 20, [&](Result<LogSlice> slice) { before.emplace(slice); });
  bool truncated = false;
  bench.store->truncate_after(Zxid{5},
                              [&](Result<void> result) { truncated = result.has_value(); });
  bench.store->read(Zxid{0}, 1 << 20, [&](Result<LogSlice> slice) { after.emplace(slice); });
  REQUIRE(bench.doors.run_until([&] { return truncated && before && after; }));
  CHECK((*before)->entries.size() == 10);
  CHECK((*after)->entries.size() == 5);
}

// --- snapshots -----------------------------------------------------------------------------------

ON_EVERY_STORE("a snapshot that was committed is found and read back") {
  TestType bench;
  bench.open();
  bench.append(Zxid{1}, Zxid{5});
  const SnapshotInfo info = bench.take_snapshot(Zxid{3}, "the body", 0x1234);
  CHECK(info.zxid == Zxid{3});
  CHECK(info.bytes >= 8);
  CHECK(info.digest == 0x1234);
  CHECK(bench.snapshot_body() == "the body");
  CHECK((*bench.store->open_snapshot())->info().zxid == Zxid{3});
  CHECK(bench.zxids(Zxid{3}) == range(4, 5));
}

ON_EVERY_STORE("the newest snapshot counts") {
  TestType bench;
  bench.open();
  bench.append(Zxid{1}, Zxid{9});
  bench.take_snapshot(Zxid{3}, "three");
  bench.take_snapshot(Zxid{9}, "nine");
  CHECK(bench.snapshot_body() == "nine");
}

ON_EVERY_STORE("a large snapshot goes through in pieces, with back-pressure") {
  TestType bench;
  bench.open();
  std::string body;
  const auto sink = bench.begin_snapshot(Zxid{0});
  int drained = 0;
  std::function<void()> next = [&] {
    if (++drained > 40) return;
    const std::string piece(200'000, static_cast<char>('a' + drained % 26));
    body += piece;
    sink->write(SharedBytes::copy_of(piece));
    sink->write(SharedBytes::copy_of("-"));
    body += "-";
    sink->on_drained(next);
  };
  sink->on_drained(next);
  REQUIRE(bench.doors.run_until([&] { return drained > 40; }));
  CHECK(sink->queued_bytes() == 0);
  REQUIRE(bench.commit(*sink).has_value());
  CHECK(bench.snapshot_body() == body);
}

ON_EVERY_STORE("one snapshot is written at a time, installs included") {
  TestType bench;
  bench.open();
  auto sink = bench.begin_snapshot(Zxid{0});
  CHECK(fails_with(bench.store->begin_snapshot(Zxid{0}), Errc::in_use));
  CHECK(fails_with(bench.store->install_snapshot(Zxid{0}), Errc::in_use));
  sink.reset();
  sink = bench.install_snapshot(Zxid{1});
  CHECK(fails_with(bench.store->begin_snapshot(Zxid{0}), Errc::in_use));
  bool committed = false;
  sink->commit({}, [&](Result<SnapshotInfo>) { committed = true; });
  CHECK(fails_with(bench.store->begin_snapshot(Zxid{0}), Errc::in_use));
  REQUIRE(bench.doors.run_until([&] { return committed; }));
  CHECK(bench.store->begin_snapshot(Zxid{1}).has_value());
}

ON_EVERY_STORE("a sink that is destroyed before commit leaves nothing behind") {
  TestType bench;
  bench.open();
  auto sink = bench.begin_snapshot(Zxid{0});
  sink->write(SharedBytes::copy_of("abandoned"));
  bench.settle();
  sink.reset();
  bench.settle();
  CHECK_FALSE(bench.snapshot_body());
}

ON_EVERY_STORE("a sink may be destroyed right after commit") {
  TestType bench;
  bench.open();
  auto sink = bench.begin_snapshot(Zxid{0});
  sink->write(SharedBytes::copy_of("kept"));
  bool committed = false;
  sink->commit({}, [&](Result<SnapshotInfo> info) { committed = info.has_value(); });
  sink.reset();
  REQUIRE(bench.doors.run_until([&] { return committed; }));
  CHECK(bench.snapshot_body() == "kept");
}

ON_EVERY_STORE("an installed snapshot replaces history and snapshots as a whole") {
  TestType bench;
  bench.open();
  bench.append(Zxid{1}, Zxid{10});
  bench.take_snapshot(Zxid{10}, "old");
  bench.install(Zxid::of(Epoch{2}, 7), "new");
  CHECK(bench.snapshot_body() == "new");
  CHECK(bench.store->first_contiguous() == Zxid::of(Epoch{2}, 7));
  CHECK(fails_with(bench.read(Zxid{10}), Errc::out_of_range));
  CHECK(bench.zxids(Zxid::of(Epoch{2}, 7)).empty());
  bench.append(Zxid::of(Epoch{2}, 8), Zxid::of(Epoch{2}, 9));
  CHECK(bench.zxids(Zxid::of(Epoch{2}, 7)).size() == 2);
}

ON_EVERY_STORE("an installed snapshot may take the history back") {
  TestType bench;
  bench.open();
  bench.append(Zxid{1}, Zxid{10});
  bench.take_snapshot(Zxid{10}, "old");
  bench.install(Zxid{4}, "new");
  CHECK(bench.snapshot_body() == "new");
  bench.append(Zxid{5}, Zxid{6});
  CHECK(bench.zxids(Zxid{4}) == range(5, 6));
}

ON_EVERY_STORE("until it is committed an install changes nothing") {
  TestType bench;
  bench.open();
  bench.append(Zxid{1}, Zxid{3});
  auto sink = bench.install_snapshot(Zxid{100});
  sink->write(SharedBytes::copy_of("half"));
  bench.settle();
  CHECK(bench.zxids(Zxid{0}) == range(1, 3));
  sink.reset();
  bench.settle();
  CHECK(bench.zxids(Zxid{0}) == range(1, 3));
  CHECK_FALSE(bench.snapshot_body());
}

ON_EVERY_STORE("behind an installed snapshot there is nothing to truncate to") {
  TestType bench;
  bench.open();
  bench.install(Zxid{100}, "body");
  bench.append(Zxid{101}, Zxid{105});
  CHECK(fails_with(bench.truncate(Zxid{50}), Errc::out_of_range));
  REQUIRE(bench.truncate(Zxid{100}).has_value());
  CHECK(bench.zxids(Zxid{100}).empty());
  CHECK(bench.snapshot_body() == "body");
}

ON_EVERY_STORE("a truncation gives up the snapshot that is being written") {
  TestType bench;
  bench.open();
  bench.append(Zxid{1}, Zxid{10});
  auto sink = bench.begin_snapshot(Zxid{10});
  sink->write(SharedBytes::copy_of("half"));
  REQUIRE(bench.truncate(Zxid{5}).has_value());
  sink->write(SharedBytes::copy_of("other half"));
  CHECK(fails_with(bench.commit(*sink), Errc::closed));
  CHECK_FALSE(bench.snapshot_body());
  bench.take_snapshot(Zxid{5}, "five");
  sink.reset();
  bench.settle();
  CHECK(bench.snapshot_body() == "five");
}

ON_EVERY_STORE("a snapshot that is being read stays whole whatever becomes of it") {
  TestType bench;
  bench.open();
  bench.take_snapshot(Zxid{0}, std::string(3'000'000, 'x'));
  const auto source = bench.store->open_snapshot();
  const auto next = [&] {
    return bench.template await<SharedBytes>(
        [&](Done<SharedBytes> done) { (*source)->read(std::move(done)); });
  };
  std::size_t bytes = next()->size();
  bench.install(Zxid{7}, "another");
  for (auto piece = next(); !piece->empty(); piece = next()) bytes += piece->size();
  CHECK(bytes == 3'000'000);
}

ON_EVERY_STORE("the log is measured from the newest snapshot on") {
  TestType bench;
  bench.open();
  bench.append(Zxid{1}, Zxid{10}, 100);
  auto sizes = bench.store->sizes();
  CHECK(sizes.log_entries == 10);
  CHECK(sizes.log_bytes >= 1000);
  CHECK(sizes.snapshot_bytes == 0);
  bench.take_snapshot(Zxid{10}, std::string(5000, 'x'));
  bench.append(Zxid{11}, Zxid{12}, 100);
  sizes = bench.store->sizes();
  CHECK(sizes.log_entries == 2);
  CHECK(sizes.log_bytes >= 200);
  CHECK(sizes.log_bytes < 1000);
  CHECK(sizes.log_bytes_total >= sizes.log_bytes);
  CHECK(sizes.snapshot_bytes >= 5000);
  CHECK(sizes.snapshot_bytes_total >= sizes.snapshot_bytes);
}

// --- purge ---------------------------------------------------------------------------------------

namespace {

template <class Bench>
Result<PurgeReport> purge(Bench& bench, unsigned kept) {
  return bench.template await<PurgeReport>(
      [&](Done<PurgeReport> done) { bench.store->purge(kept, std::move(done)); });
}

}  // namespace

ON_EVERY_STORE("a purge leaves the newest snapshot, and all of the history behind it") {
  TestType bench;
  bench.open();
  bench.take_snapshot(Zxid{0}, "zero");
  for (std::int64_t last = 10; last <= 50; last += 10) {
    bench.append(Zxid{last - 9}, Zxid{last});
    bench.take_snapshot(Zxid{last}, std::to_string(last));
  }
  bench.append(Zxid{51}, Zxid{55});
  const auto before = bench.store->sizes();
  const auto report = purge(bench, 1);
  REQUIRE(report.has_value());
  CHECK(report->bytes > 0);
  CHECK(bench.snapshot_body() == "50");
  CHECK(bench.zxids(Zxid{50}) == range(51, 55));
  const auto after = bench.store->sizes();
  CHECK(after.log_bytes_total + after.snapshot_bytes_total <
        before.log_bytes_total + before.snapshot_bytes_total);
  CHECK(after.log_entries == before.log_entries);
  CHECK(bench.store->first_contiguous() <= Zxid{50});
  CHECK(bench.store->first_contiguous() > Zxid{0});
  CHECK(fails_with(bench.read(Zxid{0}), Errc::out_of_range));
  CHECK(purge(bench, 1)->bytes == 0);
  bench.append(Zxid{56}, Zxid{57});
  CHECK(bench.zxids(Zxid{50}) == range(51, 57));
}

ON_EVERY_STORE("a purge removes nothing while there are no more snapshots than shall stay") {
  TestType bench;
  bench.open();
  CHECK(purge(bench, 1)->bytes == 0);
  bench.append(Zxid{1}, Zxid{5});
  CHECK(purge(bench, 1)->bytes == 0);
  bench.take_snapshot(Zxid{5}, "five");
  bench.append(Zxid{6}, Zxid{7});
  CHECK(purge(bench, 2)->bytes == 0);
  CHECK(bench.store->first_contiguous() == Zxid{0});
  CHECK(bench.zxids(Zxid{0}) == range(1, 7));
}

ON_EVERY_STORE("a source that was begun before a purge gives the whole snapshot") {
  TestType bench;
  bench.open();
  bench.take_snapshot(Zxid{0}, "the first");
  const auto source = bench.store->open_snapshot();
  for (std::int64_t zxid = 1; zxid <= 2; ++zxid) {
    bench.append(Zxid{zxid}, Zxid{zxid});
    bench.take_snapshot(Zxid{zxid}, "a later one");
  }
  REQUIRE(purge(bench, 1).has_value());
  const auto piece = bench.template await<SharedBytes>(
      [&](Done<SharedBytes> done) { (*source)->read(std::move(done)); });
  REQUIRE(piece.has_value());
  CHECK(piece->view() == "the first");
}

ON_EVERY_STORE("one purge at a time") {
  TestType bench;
  bench.open();
  bench.take_snapshot(Zxid{0}, "zero");
  std::optional<Result<PurgeReport>> first;
  bench.store->purge(3, [&](Result<PurgeReport> report) { first.emplace(report); });
  CHECK(fails_with(purge(bench, 3), Errc::in_use));
  REQUIRE(bench.doors.run_until([&] { return first.has_value(); }));
  CHECK(first->has_value());
  CHECK(purge(bench, 3).has_value());
}

// --- epochs --------------------------------------------------------------------------------------

ON_EVERY_STORE("epochs are kept apart and never lowered") {
  TestType bench;
  bench.open();
  CHECK(bench.set_epoch(EpochKind::accepted, 5).has_value());
  CHECK(bench.set_epoch(EpochKind::current, 4).has_value());
  CHECK(bench.set_epoch(EpochKind::accepted, 5).has_value());
  CHECK(fails_with(bench.set_epoch(EpochKind::accepted, 4), Errc::invalid_argument));
  CHECK(fails_with(bench.set_epoch(EpochKind::current, 3), Errc::invalid_argument));
}

// --- across a restart ----------------------------------------------------------------------------

ON_EVERY_DURABLE_STORE("a store that is opened again holds everything that was durable") {
  TestType bench;
  bench.open();
  bench.take_snapshot(Zxid{0}, "empty");
  bench.append(Zxid{1}, Zxid{10});
  bench.take_snapshot(Zxid{6}, "six", 66);
  bench.append(Zxid{11}, Zxid{12});
  REQUIRE(bench.set_epoch(EpochKind::accepted, 3).has_value());
  REQUIRE(bench.set_epoch(EpochKind::current, 2).has_value());
  const OpenedLog opened = bench.reopen();
  CHECK_FALSE(opened.fresh);
  CHECK(opened.last_durable == Zxid{12});
  REQUIRE(opened.snapshot);
  CHECK(opened.snapshot->zxid == Zxid{6});
  CHECK(opened.snapshot->digest == 66);
  CHECK(opened.epochs.accepted == Epoch{3});
  CHECK(opened.epochs.current == Epoch{2});
  CHECK(opened.damage.empty());
  CHECK(bench.snapshot_body() == "six");
  CHECK(bench.zxids(Zxid{6}) == range(7, 12));
  CHECK(bench.store->sizes().log_entries == 6);
  CHECK(fails_with(bench.set_epoch(EpochKind::accepted, 2), Errc::invalid_argument));
  bench.append(Zxid{13}, Zxid{14});
  bench.settle();
  CHECK(bench.store->first_contiguous() == Zxid{0});
  CHECK(bench.zxids(Zxid{0}) == range(1, 14));
}

ON_EVERY_DURABLE_STORE("a truncation and an install are still there after a restart") {
  TestType bench;
  bench.open();
  bench.append(Zxid{1}, Zxid{10});
  REQUIRE(bench.truncate(Zxid{4}).has_value());
  CHECK(bench.reopen().last_durable == Zxid{4});
  bench.append(Zxid{5}, Zxid{6});
  CHECK(bench.reopen().last_durable == Zxid{6});
  CHECK(bench.zxids(Zxid{0}) == range(1, 6));
  bench.install(Zxid{50}, "body");
  const OpenedLog opened = bench.reopen();
  CHECK(opened.last_durable == Zxid{50});
  CHECK(opened.snapshot->zxid == Zxid{50});
  CHECK(bench.store->first_contiguous() == Zxid{50});
  CHECK(bench.snapshot_body() == "body");
}

ON_EVERY_DURABLE_STORE("a snapshot that was not committed is not there after a restart") {
  TestType bench;
  bench.open();
  bench.append(Zxid{1}, Zxid{2});
  auto sink = bench.begin_snapshot(Zxid{2});
  sink->write(SharedBytes::copy_of("half"));
  bench.settle();
  bench.close();
  sink.reset();
  const OpenedLog opened = bench.open();
  CHECK_FALSE(opened.snapshot);
  CHECK(opened.last_durable == Zxid{2});
}

ON_EVERY_DURABLE_STORE(
    "a store that is in use is refused with a sentence, and free once it is closed") {
  TestType bench;
  bench.open();
  FakeHost other(file::kFileOptions, {}, {bench.doors.loop.get(), bench.disk.get(), nullptr});
  other.server_settings["dataDir"] = bench.data_dir();
  RecordedEvents events;
  file::FileStore second(other);
  const auto outcome = bench.template await<OpenedLog>(
      [&](Done<OpenedLog> done) { second.open(events, std::move(done)); });
  REQUIRE(fails_with(outcome, Errc::in_use));
  CHECK_THAT(outcome.error().what,
             Catch::Contains(bench.data_dir()) && Catch::Contains("stop that one"));
  bench.append(Zxid{1}, Zxid{1});
  second.stop();
  CHECK(bench.reopen().last_durable == Zxid{1});
}

// --- a full disk ---------------------------------------------------------------------------------
//
// On the simulated disk alone: it can be filled by somebody else.

namespace {

struct FullStore : FileSimulated {
  FullStore() { open(); }
  void leave_free(std::uint64_t bytes) {
    constexpr std::uint64_t kMuch = std::uint64_t{1} << 60;
    disk->files().set_capacity(kMuch);
    disk->files().set_capacity(kMuch - *disk->files().free_bytes("/data") + bytes);
  }
  /// Appends 3 to 8 of a size for which there is no room, behind 1 and 2.
  void fill() {
    append(Zxid{1}, Zxid{2});
    leave_free(10'000);
    for (std::int64_t zxid = 3; zxid <= 8; ++zxid) append({entry(Zxid{zxid}, 200'000)});
    wait_until_full();
  }
  void wait_until_full() {
    REQUIRE(doors.run_until([&] { return events.space_low && events.free_bytes == 0; }));
  }
  void make_room() { leave_free(std::uint64_t{1} << 40); }
  std::vector<std::int64_t> all() {
    std::vector<std::int64_t> zxids;
    const auto slice = read(Zxid{0});
    for (const LogEntry& one : slice->entries) zxids.push_back(one.zxid.value);
    return zxids;
  }
};

}  // namespace

TEST_CASE("what finds no room waits, and is durable in its order when there is room",
          "[log_store][space]") {
  FullStore store;
  store.fill();
  store.append({entry(Zxid{9}), entry(Zxid{10})});
  store.doors.loop->run_for(std::chrono::minutes(1));
  CHECK(store.events.last_durable == Zxid{2});
  CHECK(store.all() == range(1, 2));
  store.make_room();
  store.wait_durable(Zxid{10});
  REQUIRE(store.doors.run_until([&] { return !store.events.space_low; }));
  CHECK(store.all() == range(1, 10));
  store.append(Zxid{11}, Zxid{12});
  CHECK(store.reopen().last_durable == Zxid{12});
  CHECK(store.all() == range(1, 12));
}

TEST_CASE("what waits need not wait for the watermark", "[log_store][space]") {
  FullStore store;
  store.fill();
  store.leave_free(4'000'000);
  store.wait_durable(Zxid{8});
  REQUIRE(store.doors.run_until([&] { return store.events.free_bytes > 0; }));
  CHECK(store.events.space_low);
  store.append(Zxid{9}, Zxid{9});
}

TEST_CASE("a full disk may be full again and again", "[log_store][space]") {
  FullStore store;
  std::int64_t next = 1;
  for (int round = 0; round < 20; ++round) {
    store.leave_free(static_cast<std::uint64_t>(round) * 7'000);
    for (int i = 0; i < 5; ++i) store.append({entry(Zxid{next++}, 50'000)});
    store.wait_until_full();
    store.make_room();
    store.wait_durable(Zxid{next - 1});
    REQUIRE(store.doors.run_until([&] { return !store.events.space_low; }));
  }
  CHECK(store.all() == range(1, next - 1));
  CHECK(store.reopen().last_durable == Zxid{next - 1});
  CHECK(store.all() == range(1, next - 1));
}

TEST_CASE("epochs, reads and truncations go on while appends wait", "[log_store][space]") {
  FullStore store;
  store.fill();
  store.leave_free(0);
  CHECK(store.set_epoch(EpochKind::accepted, 3).has_value());
  CHECK(store.set_epoch(EpochKind::current, 3).has_value());
  CHECK(store.all() == range(1, 2));
  REQUIRE(store.truncate(Zxid{1}).has_value());
  CHECK(store.all() == range(1, 1));
  CHECK(store.events.last_durable == Zxid{1});
  store.make_room();
  REQUIRE(store.doors.run_until([&] { return !store.events.space_low; }));
  // What waited went with the truncation.
  store.append(Zxid{2}, Zxid{3});
  const OpenedLog opened = store.reopen();
  CHECK(opened.last_durable == Zxid{3});
  CHECK(opened.epochs.current == Epoch{3});
  CHECK(store.zxids(Zxid{0}) == range(1, 3));
}

TEST_CASE("a truncation to what waits, waits for it", "[log_store][space]") {
  FullStore store;
  store.fill();
  bool truncated = false;
  store.store->truncate_after(Zxid{5}, [&](Result<void> done) { truncated = done.has_value(); });
  store.doors.loop->run_for(std::chrono::minutes(1));
  CHECK_FALSE(truncated);
  store.make_room();
  REQUIRE(store.doors.run_until([&] { return truncated; }));
  store.events.last_durable = Zxid{5};
  CHECK(store.all() == range(1, 5));
  store.append(Zxid{6}, Zxid{7});
  CHECK(store.all() == range(1, 7));
}

TEST_CASE("an impossible truncation takes nothing away from what waits", "[log_store][space]") {
  FullStore store;
  store.append(Zxid{1}, Zxid{2});
  store.leave_free(10'000);
  const auto waits = Zxid::of(Epoch{1}, 1), last = Zxid::of(Epoch{1}, 4);
  for (Zxid zxid = waits; zxid <= last; zxid = zxid.next()) store.append({entry(zxid, 200'000)});
  store.wait_until_full();
  CHECK(fails_with(store.truncate(Zxid{3}), Errc::out_of_range));
  store.append({entry(last.next())});
  store.make_room();
  store.wait_durable(last.next());
  CHECK(store.reopen().last_durable == last.next());
  CHECK(store.read(Zxid{0})->entries.size() == 7);
}
