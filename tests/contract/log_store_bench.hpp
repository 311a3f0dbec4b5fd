#pragma once
// A LogStore with everything around it, driven as sequential code: each call runs the loop until
// its outcome has come.

#include "storage/faulty/faulty_store.hpp"
#include "storage/file/file_store.hpp"
#include "storage/file/format.hpp"
#include "storage/memory/memory_store.hpp"
#include "tests/contract/doors.hpp"
#include "tests/support/fake_host.hpp"

#include <vivarium/jute.hpp>
#include <vivarium/log_store.hpp>

#include <catch2/catch.hpp>

#include <optional>
#include <string>
#include <vector>

template <>
struct Catch::StringMaker<vivarium::Zxid> {
  static std::string convert(vivarium::Zxid zxid) { return vivarium::file::text_of(zxid); }
};

namespace vivarium::test {

/// A transaction as logs hold it: a TxnHeader, and `bytes` bytes of body that depend on the zxid.
inline LogEntry entry(Zxid zxid, std::size_t bytes = 20) {
  std::string payload;
  append_jute(payload, std::int64_t{0x100}, std::int32_t{7}, zxid.value,
              std::int64_t{1'600'000'000'000}, std::int32_t{-1});
  for (std::size_t i = 0; i < bytes; ++i)
    payload.push_back(static_cast<char>('a' + (static_cast<std::size_t>(zxid.value) + i) % 26));
  return {zxid, SharedBytes(std::move(payload))};
}

class RecordedEvents final : public LogStoreEvents {
 public:
  void on_durable(Zxid zxid) override {
    CHECK(zxid > last_durable);
    last_durable = zxid;
    ++durable_events;
  }
  void on_failed(const Error& error) override {
    CHECK_FALSE(failure);
    failure = error;
  }
  void on_space(bool low, std::uint64_t free) override {
    space_low = low;
    free_bytes = free;
  }

  Zxid last_durable{-1};
  int durable_events = 0;
  std::optional<Error> failure;
  bool space_low = false;
  std::uint64_t free_bytes = ~std::uint64_t{0};
};

struct MemoryKind {
  using Store = MemoryStore;
  static std::span<const OptionSpec> options() { return {}; }
  static Settings settings() { return {}; }
  static constexpr bool kDurable = false;
};

struct FileKind {
  using Store = file::FileStore;
  static std::span<const OptionSpec> options() { return file::kFileOptions; }
  static Settings settings() { return {{"prealloc", "64K"}}; }
  static constexpr bool kDurable = true;
};

/// A store that can fail on command, around one of another kind.
template <class InnerKind>
struct FaultyKind {
  using Store = FaultyStore;
  using Inner = InnerKind;
  static std::span<const OptionSpec> options() { return kFaultyOptions; }
  static Settings settings() { return {}; }
  static constexpr bool kDurable = InnerKind::kDurable;
};

template <class DoorsType, class Kind>
struct StoreBench {
  static constexpr bool kDurable = Kind::kDurable;

  DoorsType doors;
  std::unique_ptr<typename DoorsType::DiskType> disk = doors.disk();
  std::unique_ptr<FakeHost> inner_host, host;
  std::unique_ptr<LogStore> store;
  RecordedEvents events;
  Settings settings = Kind::settings();
  Settings server_settings;

  std::string data_dir() const {
    return doors.directory() == "/" ? "/data" : doors.directory() + "/data";
  }

  void make() {
    store.reset();  // Its host must outlive it.
    host = lend(Kind::options(), settings);
    if constexpr (requires { typename Kind::Inner; }) {
      inner_host = lend(Kind::Inner::options(), Kind::Inner::settings());
      host->inner = std::make_unique<typename Kind::Inner::Store>(*inner_host);
    }
    store = std::make_unique<typename Kind::Store>(*host);
    events = {};
  }

  std::unique_ptr<FakeHost> lend(std::span<const OptionSpec> options, const Settings& values) {
    auto lending = std::make_unique<FakeHost>(
        options, values, FakeDoors{doors.loop.get(), disk.get(), nullptr});
    lending->server_settings = server_settings;
    lending->server_settings["dataDir"] = data_dir();
    return lending;
  }

  Result<OpenedLog> try_open() {
    make();
    return await<OpenedLog>([&](Done<OpenedLog> done) { store->open(events, std::move(done)); });
  }

  OpenedLog open() {
    auto opened = try_open();
    if (opened.has_error()) FAIL(opened.error().what);
    events.last_durable = opened->last_durable;
    return *opened;
  }

  /// As after a stop of the process.
  OpenedLog reopen() {
    close();
    return open();
  }

  void close() {
    store->stop();
    store.reset();
    doors.restart(disk);
  }

  template <class T>
  Result<T> await(const std::function<void(Done<T>)>& start) {
    std::optional<Result<T>> outcome;
    start([&](Result<T> result) {
      CHECK_FALSE(outcome);
      outcome.emplace(std::move(result));
    });
    CHECK_FALSE(outcome);  // Nothing comes inside the call that caused it.
    REQUIRE(doors.run_until([&] { return outcome || events.failure; }));
    if (!outcome) FAIL("the store failed: " + events.failure->what);
    return std::move(*outcome);
  }

  void append(const std::vector<LogEntry>& entries) { store->append(entries); }

  /// Appends the zxids from `first` to `last` and waits until they are durable.
  void append(Zxid first, Zxid last, std::size_t bytes = 20) {
    std::vector<LogEntry> entries;
    for (Zxid zxid = first; zxid <= last; zxid = zxid.next()) entries.push_back(entry(zxid, bytes));
    append(entries);
    wait_durable(last);
  }

  void wait_durable(Zxid zxid) {
    REQUIRE(doors.run_until([&] { return events.last_durable >= zxid || events.failure; }));
    REQUIRE_FALSE(events.failure);
  }

  Result<LogSlice> read(Zxid after, std::size_t bytes_max = 1 << 30) {
    return await<LogSlice>(
        [&](Done<LogSlice> done) { store->read(after, bytes_max, std::move(done)); });
  }

  /// The zxids above `after`, each with the content that was appended.
  std::vector<std::int64_t> zxids(Zxid after, std::size_t bytes = 20) {
    auto slice = read(after);
    if (slice.has_error()) FAIL(slice.error().what);
    CHECK(slice->end);
    std::vector<std::int64_t> zxids;
    for (const LogEntry& one : slice->entries) {
      CHECK(one.payload.view() == entry(one.zxid, bytes).payload.view());
      zxids.push_back(one.zxid.value);
    }
    return zxids;
  }

  Result<void> truncate(Zxid zxid) {
    const auto result =
        await<void>([&](Done<void> done) { store->truncate_after(zxid, std::move(done)); });
    if (result.has_value()) events.last_durable = zxid;
    return result;
  }

  Result<void> set_epoch(EpochKind kind, std::int64_t epoch) {
    return await<void>(
        [&](Done<void> done) { store->set_epoch(kind, Epoch{epoch}, std::move(done)); });
  }

  std::unique_ptr<SnapshotSink> begin_snapshot(Zxid zxid) {
    return taken(store->begin_snapshot(zxid));
  }
  std::unique_ptr<SnapshotSink> install_snapshot(Zxid zxid) {
    return taken(store->install_snapshot(zxid));
  }

  Result<SnapshotInfo> commit(SnapshotSink& sink, std::optional<std::uint64_t> digest = {}) {
    return await<SnapshotInfo>(
        [&](Done<SnapshotInfo> done) { sink.commit(digest, std::move(done)); });
  }

  SnapshotInfo take_snapshot(Zxid zxid, std::string_view body,
                             std::optional<std::uint64_t> digest = {}) {
    const auto sink = begin_snapshot(zxid);
    sink->write(SharedBytes::copy_of(body));
    return *commit(*sink, digest);
  }

  SnapshotInfo install(Zxid zxid, std::string_view body) {
    const auto sink = install_snapshot(zxid);
    sink->write(SharedBytes::copy_of(body));
    const auto info = *commit(*sink);
    events.last_durable = zxid;
    return info;
  }

  /// The body of the newest snapshot; nothing when there is none.
  std::optional<std::string> snapshot_body() {
    auto source = store->open_snapshot();
    if (source.has_error()) {
      CHECK(source.error().is(Errc::not_found));
      return std::nullopt;
    }
    std::string body;
    while (true) {
      auto piece =
          await<SharedBytes>([&](Done<SharedBytes> done) { (*source)->read(std::move(done)); });
      if (piece.has_error()) FAIL(piece.error().what);
      if (piece->empty()) return body;
      body += piece->view();
    }
  }

  /// Lets everything run that has been begun.
  void settle() {
    bool turned = false;
    disk->submit(
        Lane::log, [](FileSystem&) {},
        [&] {
          disk->submit(
              Lane::bulk, [](FileSystem&) {}, [&] { doors.loop->post([&] { turned = true; }); });
        });
    REQUIRE(doors.run_until([&] { return turned; }));
  }

  /// Reads the history to its end, as a start does, and lets the store do what it does behind that:
  /// of the logs below the snapshot it reads one a turn.
  void rest() {
    REQUIRE(read(events.last_durable)->end);
    for (int turn = 0; turn < 12; ++turn) settle();
  }

 private:
  static std::unique_ptr<SnapshotSink> taken(Result<std::unique_ptr<SnapshotSink>> sink) {
    if (sink.has_error()) FAIL(sink.error().what);
    return std::move(*sink);
  }
};

template <class T>
bool fails_with(const Result<T>& result, Errc code) {
  return result.has_error() && result.error().is(code);
}

/// first, first + 1, ..., last
inline std::vector<std::int64_t> range(std::int64_t first, std::int64_t last) {
  std::vector<std::int64_t> values;
  for (std::int64_t value = first; value <= last; ++value) values.push_back(value);
  return values;
}

}  // namespace vivarium::test
