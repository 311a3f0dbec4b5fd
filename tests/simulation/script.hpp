#pragma once
// What a server does with its store, step by step, and beside it the model: what may be on the disk
// at each moment. A scenario is a few calls of this class.

#include "storage/file/backup.hpp"
#include "storage/file/restore.hpp"
#include "tests/simulation/machine.hpp"

#include <vivarium/jute.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace vivarium::test {

inline std::string hex(Zxid zxid) {
  char text[20];
  std::snprintf(text, sizeof text, "%llx", static_cast<unsigned long long>(zxid.value));
  return text;
}

/// A history that the disk may hold.
struct Held {
  /// Tells branches apart: what is appended in its place after a truncation has other bytes.
  struct Written {
    Zxid zxid;
    std::string payload;
  };
  struct Snapshot {
    Zxid zxid;
    std::string body;
  };

  Zxid base;                        ///< Of the snapshot that was installed last; 0 for none.
  std::vector<Written> entries;     ///< Appended above it.
  std::size_t durable = 0;          ///< So many of them were reported.
  std::vector<Snapshot> snapshots;  ///< Committed.
  std::optional<Snapshot> writing;  ///< Being committed.

  Zxid last() const { return entries.empty() ? base : entries.back().zxid; }
  /// How many entries are not above `zxid`.
  std::size_t count_to(Zxid zxid) const {
    return static_cast<std::size_t>(
        std::partition_point(entries.begin(), entries.end(),
                             [&](const Written& one) { return one.zxid <= zxid; }) -
        entries.begin());
  }
  const Snapshot* snapshot_at(Zxid zxid) const {
    for (auto one = snapshots.rbegin(); one != snapshots.rend(); ++one)
      if (one->zxid == zxid) return &*one;
    return writing && writing->zxid == zxid ? &*writing : nullptr;
  }
  void cut(Zxid zxid) {
    entries.resize(count_to(zxid));
    durable = entries.size();
    std::erase_if(snapshots, [&](const Snapshot& one) { return one.zxid > zxid; });
    writing.reset();
  }
};

class Script {
 public:
  explicit Script(Machine& machine) : machine_(machine) {}

  // --- what a server does ------------------------------------------------------------------------

  void open() {
    const auto opened = machine_.open();
    if (opened) return;
    // What the disk would not do now it may do at the next start.
    if (opened.error().is(Errc::io_failed) || snapshots_unreadable) throw Ended{};
    throw Violation("a clean start is refused: " + opened.error().what);
  }

  void reopen() {
    machine_.stop();
    open();
  }

  /// Appends so many entries, the first alone and the others as the group that gathers meanwhile.
  void append(int count, std::size_t bytes = 300) { append_from(now.last().next(), count, bytes); }
  void begin_epoch(std::int64_t epoch, int count) {
    append_from(Zxid::of(Epoch{epoch}, 1), count, 300);
  }

  /// Takes a snapshot at the end of the history, and appends so many entries meanwhile.
  void snapshot(int meanwhile = 0, std::size_t bytes = 100) {
    const Held::Snapshot taken{now.last(), body_at(now.last(), bytes)};
    auto sink = taken_sink(machine_.store->begin_snapshot(taken.zxid));
    write(*sink, taken.body);
    if (meanwhile > 0) append(meanwhile);
    now.writing = taken;
    while (!committed(*sink)) {
      sink = taken_sink(machine_.store->begin_snapshot(taken.zxid));
      write(*sink, taken.body);
    }
    now.writing.reset();
    now.snapshots.push_back(taken);
  }

  /// Begins one and gives it up.
  void abandon_snapshot() {
    auto sink = taken_sink(machine_.store->begin_snapshot(now.last()));
    write(*sink, body_at(now.last(), 2000));
    append(1);
    sink.reset();
    append(1);
  }

  void truncate(Zxid zxid) {
    next = now;
    next->cut(zxid);
    const auto result = machine_.await<void>(
        [&](Done<void> done) { machine_.store->truncate_after(zxid, done); });
    if (!result) throw Violation("a truncation is refused: " + result.error().what);
    take_next();
  }

  void install(Zxid zxid) {
    ++branch_;
    next = Held{zxid, {}, 0, {{zxid, body_at(zxid, 100)}}, {}};
    std::unique_ptr<SnapshotSink> sink;
    do {
      sink = taken_sink(machine_.store->install_snapshot(zxid));
      write(*sink, next->snapshots.front().body);
    } while (!committed(*sink));
    take_next();
  }

  /// Removes all snapshots but so many, and the logs below them. One that failed leaves some.
  void purge(unsigned snapshots_kept) {
    const auto report = machine_.await<PurgeReport>(
        [&](Done<PurgeReport> done) { machine_.store->purge(snapshots_kept, done); });
    if (!report && !report.error().is(Errc::io_failed))
      throw Violation("a purge is refused: " + report.error().what);
  }

  /// Copies the directory while the store is open.
  void back_up() {
    const auto manifest =
        file::copy_history(machine_.files(), machine_.directories(), "/backup", 10, kUnseen);
    if (!manifest) throw Violation("a backup is refused: " + manifest.error().what);
    if (const auto sealed = file::seal_backup(machine_.files(), "/backup", *manifest); !sealed)
      throw Violation("a backup is not sealed: " + sealed.error().what);
    backed_up_ = now;
  }

  /// Stops, and replaces what is there by the backup as far as `zxid`.
  void restore(Zxid zxid) {
    machine_.stop();
    next = backed_up_;
    next->cut(zxid);
    const auto result = machine_.offline([&](FileSystem& files) -> Result<void> {
      const auto plan = file::plan_restore(files, "/backup", zxid, zxid);
      if (!plan) return plan.error();
      return file::restore(files, "/backup", *plan, machine_.directories(),
                           file::Existing::replace, "word", kUnseen);
    });
    // A restore that failed has said so, and is asked for again or not.
    if (!result && result.error().is(Errc::io_failed)) throw Ended{};
    if (!result) throw Violation("a restore is refused: " + result.error().what);
    take_next();
    open();
  }

  void accept(std::int64_t epoch) { set(EpochKind::accepted, epoch, accepted); }
  void enter(std::int64_t epoch) { set(EpochKind::current, epoch, current); }

  /// Nothing is asked for, and what the store does by itself goes on.
  void rest() {
    machine_.loop.run_until([&] { return machine_.ended(); }, std::chrono::seconds(3));
    if (machine_.ended()) throw Ended{};
  }

  /// Counts what was reported by now: called at the end of life, too.
  void note_durable() { now.durable = std::max(now.durable, now.count_to(machine_.durable)); }

  // --- what a start must find --------------------------------------------------------------------

  /// Opens after the end of a process, and holds what is there against the model.
  void check_start() {
    auto opened = machine_.open();
    if (!opened) throw Violation("the start is refused: " + opened.error().what);
    for (const Damage& damage : opened->damage)
      if (!damage.harmless) throw Violation("the start reports damage: " + damage.message);
    if (!opened->may_vote) throw Violation("no promise was lost, and it may not vote");
    check(opened->epochs.accepted, accepted, "accepted epoch");
    if (!raised_to_history(*opened)) check(opened->epochs.current, current, "current epoch");
    const std::string no = mismatch(*opened, now);
    if (!no.empty() && next && mismatch(*opened, *next).empty()) now = *next;
    else if (!no.empty()) throw Violation(no + (next ? "; " + mismatch(*opened, *next) : ""));
    adopt(*opened);
    check_older();
  }

  struct KeptEpoch {
    std::optional<Epoch> kept, asked;
  };
  Held now;
  std::optional<Held> next;  ///< While a change of the history is under way: what it leads to.
  KeptEpoch accepted, current;
  /// A snapshot could not be read: it may have been set aside, where logs make up for it.
  bool snapshots_unreadable = false;

 private:
  void append_from(Zxid first, int count, std::size_t bytes) {
    ++branch_;
    begin_append(first, 1, bytes);
    int turns = 0;
    machine_.run([&] { return ++turns == 3; });
    begin_append(first.next(), count - 1, bytes);
    const Zxid last = now.last();
    machine_.run([&] { return machine_.durable == last; });
    note_durable();
  }

  void begin_append(Zxid zxid, int count, std::size_t bytes) {
    for (; count > 0; --count, zxid = zxid.next()) {
      now.entries.push_back({zxid, payload(zxid, bytes)});
      machine_.store->append(
          std::vector<LogEntry>{{zxid, SharedBytes::copy_of(now.entries.back().payload)}});
    }
  }

  /// A TxnHeader, and text that no other payload has.
  std::string payload(Zxid zxid, std::size_t bytes) const {
    std::string text;
    append_jute(text, std::int64_t{0x100}, std::int32_t{7}, zxid.value,
                std::int64_t{1'600'000'000'000}, std::int32_t{-1});
    const std::string part = hex(zxid) + " of branch " + std::to_string(branch_) + ", ";
    while (text.size() < bytes) text += part;
    return text;
  }

  std::string body_at(Zxid zxid, std::size_t bytes) const {
    const std::string part =
        "snapshot " + hex(zxid) + " of branch " + std::to_string(branch_) + ", ";
    std::string text = part;
    while (text.size() < bytes) text += part;
    return text;
  }

  static std::unique_ptr<SnapshotSink> taken_sink(Result<std::unique_ptr<SnapshotSink>> sink) {
    if (!sink) throw Violation("a snapshot is refused: " + sink.error().what);
    return std::move(*sink);
  }

  /// In pieces, so that the file grows by several writes.
  void write(SnapshotSink& sink, const std::string& body) {
    const std::size_t half = body.size() / 2;
    for (const std::string& piece : {body.substr(0, half), body.substr(half)}) {
      sink.write(SharedBytes::copy_of(piece));
      machine_.run([&] { return sink.queued_bytes() == 0; });
    }
  }

  /// False when it could not be written, which is not the end of a store.
  bool committed(SnapshotSink& sink) {
    const auto info = machine_.await<SnapshotInfo>(
        [&](Done<SnapshotInfo> done) { sink.commit(std::uint64_t{0x1234}, done); });
    if (!info && !info.error().is(Errc::io_failed))
      throw Violation("a commit is refused: " + info.error().what);
    return info.has_value();
  }

  void take_next() {
    now = *std::exchange(next, std::nullopt);
    machine_.durable = now.last();
  }

  void set(EpochKind kind, std::int64_t epoch, KeptEpoch& value) {
    value.asked = Epoch{epoch};
    const auto result = machine_.await<void>(
        [&](Done<void> done) { machine_.store->set_epoch(kind, Epoch{epoch}, done); });
    if (!result) throw Violation("an epoch is refused: " + result.error().what);
    value.kept = value.asked;
  }

  /// A start may find that it holds history of a later epoch than it had entered, one that it has
  /// accepted: it is in that epoch then.
  bool raised_to_history(const OpenedLog& opened) const {
    const Epoch of_last = opened.last_durable.epoch();
    return opened.epochs.current == of_last && opened.epochs.accepted >= of_last &&
           (!current.kept || *current.kept < of_last);
  }

  static void check(std::optional<Epoch> found, const KeptEpoch& value, const std::string& what) {
    if (found == value.kept || found == value.asked) return;
    throw Violation("the " + what + " is " +
                    (found ? std::to_string(found->value) : std::string("missing")) +
                    ", neither the old nor the new one");
  }

  /// Why the store that was opened does not hold this history; empty when it does.
  std::string mismatch(const OpenedLog& opened, const Held& held) {
    const std::size_t count = held.count_to(opened.last_durable);
    const Zxid last = count == 0 ? held.base : held.entries[count - 1].zxid;
    if (last != opened.last_durable)
      return "it ends at " + hex(opened.last_durable) + ", which is no place of the history";
    if (count < held.durable)
      return "it ends at " + hex(last) + ", and " + hex(held.entries[held.durable - 1].zxid) +
             " was reported durable";
    const std::string snapshot = snapshot_mismatch(opened, held);
    return snapshot.empty() ? entries_mismatch(held, count) : snapshot;
  }

  std::string snapshot_mismatch(const OpenedLog& opened, const Held& held) {
    if (!opened.snapshot)
      return held.snapshots.empty() || snapshots_unreadable ? "" : "a committed snapshot is gone";
    const Zxid zxid = opened.snapshot->zxid;
    const Held::Snapshot* known = held.snapshot_at(zxid);
    if (!known) return "there is a snapshot at " + hex(zxid) + " that nobody took";
    if (!held.snapshots.empty() && zxid < held.snapshots.back().zxid && !snapshots_unreadable)
      return "the snapshot at " + hex(held.snapshots.back().zxid) + " is gone";
    return body() == known->body ? "" : "the snapshot at " + hex(zxid) + " has another body";
  }

  std::string body() {
    auto source = machine_.store->open_snapshot();
    if (!source) throw Violation("the snapshot cannot be opened: " + source.error().what);
    std::string all;
    while (true) {
      const auto piece = machine_.await<SharedBytes>(
          [&](Done<SharedBytes> done) { (*source)->read(done); });
      if (!piece) throw Violation("the snapshot cannot be read: " + piece.error().what);
      if (piece->empty()) return all;
      all += piece->view();
    }
  }

  std::string entries_mismatch(const Held& held, std::size_t count) {
    const Zxid from = machine_.store->first_contiguous();
    const auto slice = machine_.await<LogSlice>([&](Done<LogSlice> done) {
      machine_.store->read(from, std::size_t{1} << 30, done);
    });
    if (!slice) throw Violation("the log cannot be read: " + slice.error().what);
    const auto& found = slice->entries;
    const std::size_t below = held.count_to(from);
    if (found.size() != count - std::min(count, below))
      return "it gives " + std::to_string(found.size()) + " entries above " + hex(from);
    for (std::size_t i = 0; i < found.size(); ++i) {
      const Held::Written& wanted = held.entries[below + i];
      if (found[i].zxid != wanted.zxid) return "an entry is missing before " + hex(found[i].zxid);
      if (found[i].payload.view() != wanted.payload)
        return "the entry " + hex(wanted.zxid) + " has other bytes";
    }
    return "";
  }

  /// The logs below the snapshot are read behind the start, one behind each read that comes to an
  /// end.
  void check_older() {
    for (int read = 0; read < 5; ++read)
      if (const auto no = entries_mismatch(now, now.entries.size()); !no.empty())
        throw Violation(no);
  }

  /// What a start has reported is durable from then on.
  void adopt(const OpenedLog& opened) {
    next.reset();
    now.entries.resize(now.count_to(opened.last_durable));
    now.durable = now.entries.size();
    if (now.writing && opened.snapshot && opened.snapshot->zxid == now.writing->zxid)
      now.snapshots.push_back(*now.writing);
    now.writing.reset();
    accepted = {opened.epochs.accepted, opened.epochs.accepted};
    current = {opened.epochs.current, opened.epochs.current};
  }

  static inline const file::BytesSeen kUnseen = [](std::uint64_t) {};

  Machine& machine_;
  Held backed_up_;
  int branch_ = 0;
};

}  // namespace vivarium::test
