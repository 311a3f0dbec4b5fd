#include "tests/fuzz/directory_check.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <vivarium/assert.hpp>
#include <vivarium/jute.hpp>

#include "storage/file/history.hpp"
#include "tests/fuzz/log_parts.hpp"
#include "tests/fuzz/machine.hpp"
#include "tests/fuzz/memory_gauge.hpp"
#include "tests/fuzz/tree_text.hpp"

namespace vivarium::fuzz {
namespace {

// Copies of what was read (the simulated disk's own included) and the tree, and buffers of a fixed
// size.
constexpr std::size_t kMemoryPerByte = 24;
constexpr std::size_t kMemoryFixed = std::size_t{6} << 20;

using Payloads = std::set<std::string, std::less<>>;

/// All records that the logs hold in front of anything that is none.
Payloads payloads_in(const Image& image) {
  Payloads payloads;
  for (const ImageFile& file : image.files)
    if (is_log(file))
      for (auto& payload : LogParts::of(file.content + std::string(file.zeros, '\0')).payloads)
        payloads.insert(std::move(payload));
  return payloads;
}

/// A transaction that cannot be decoded is named by its zxid: the state machine knows no files.
bool names_place(const std::string& sentence) {
  return sentence.find("/data/") != sentence.npos || sentence.starts_with("the transaction 0x");
}

/// All that a start found.
struct Found {
  Zxid base, last;
  std::optional<std::uint64_t> snapshot_digest;
  Epochs epochs;
  bool may_vote = false;
  std::string tree;
  std::vector<LogEntry> entries;
};

Found found_by(Machine& machine, const Recovered& recovered) {
  Found found;
  const OpenedLog& opened = recovered.opened;
  if (opened.snapshot) {
    found.base = opened.snapshot->zxid;
    found.snapshot_digest = opened.snapshot->digest;
  }
  found.last = opened.last_durable;
  found.epochs = opened.epochs;
  found.may_vote = opened.may_vote;
  found.tree = text_of(*recovered.database);
  found.entries = machine.entries(found.base);
  return found;
}

void check_history(const Found& found, const Payloads& payloads) {
  Zxid last = found.base;
  for (const LogEntry& entry : found.entries) {
    VIVARIUM_ASSERT(file::follows(last, entry.zxid), "a hole in the history");
    VIVARIUM_ASSERT(zxid_of(entry.payload.view()) == entry.zxid.value, "an entry of another zxid");
    VIVARIUM_ASSERT(payloads.contains(entry.payload.view()), "an entry that is in no file");
    last = entry.zxid;
  }
  VIVARIUM_ASSERT(last == found.last, "the history does not end where the store says");
}

bool equal(const Epochs& a, const Epochs& b) {
  return a.accepted == b.accepted && a.current == b.current;
}

void check_same(const Found& a, const Found& b) {
  VIVARIUM_ASSERT(a.base == b.base && a.last == b.last, "the next start finds another history");
  VIVARIUM_ASSERT(a.snapshot_digest == b.snapshot_digest, "the next start finds another digest");
  VIVARIUM_ASSERT(equal(a.epochs, b.epochs), "the next start finds other epochs");
  VIVARIUM_ASSERT(a.may_vote == b.may_vote, "the next start decides otherwise about votes");
  VIVARIUM_ASSERT(a.tree == b.tree, "the next start finds another tree");
  VIVARIUM_ASSERT(a.entries.size() == b.entries.size(), "the next start finds other entries");
}

/// A transaction that changes nothing.
LogEntry failed_request(Zxid zxid) {
  std::string payload =
      to_jute(records::TxnHeader{1, 1, zxid.value, 1, static_cast<std::int32_t>(Op::error)});
  payload += to_jute(records::ErrorTxn{-101});
  return {zxid, SharedBytes(std::move(payload))};
}

Recovered started(Machine& machine) {
  auto recovered = machine.start();
  VIVARIUM_ASSERT(recovered, "the next start is refused: " + recovered.error().what);
  return std::move(*recovered);
}

void check_next_start(Machine& machine, const Found& before) {
  machine.lose_power();
  const auto recovered = started(machine);
  check_same(before, found_by(machine, recovered));
}

/// Where a history can go on: not at the last zxid of all.
bool has_room(Zxid last) { return last.value < INT64_MAX - 2; }

void check_appending(Machine& machine, Found& found) {
  if (!has_room(found.last)) return;
  for (int i = 0; i < 2; ++i) {
    found.last = found.last.next();
    found.entries.push_back(failed_request(found.last));
  }
  machine.append({found.entries.end() - 2, found.entries.end()});
  machine.lose_power();
  const auto recovered = started(machine);
  const auto after = found_by(machine, recovered);
  VIVARIUM_ASSERT(after.last == found.last && after.entries.size() == found.entries.size(),
                  "what was appended is not found again");
}

/// Where the history ends before its last entry.
void check_truncation(Machine& machine, const Found& found) {
  if (found.entries.size() < 2) return;
  const Zxid end = found.entries[found.entries.size() - 2].zxid;
  const auto outcome = machine.truncate_after(end);
  if (outcome.has_error()) return;  // No snapshot to begin from.
  machine.lose_power();
  const auto after = found_by(machine, started(machine)).last;
  VIVARIUM_ASSERT(after == end, "the history does not end where it was cut");
}

/// Reads the state's own snapshot back.
void check_snapshot(Machine& machine) {
  machine.lose_power();
  auto before = started(machine);
  check_consistent(*before.database);
  machine.take_snapshot(*before.database);
  machine.lose_power();
  const auto after = started(machine);
  check_consistent(*after.database);
  VIVARIUM_ASSERT(
      after.opened.snapshot && after.opened.snapshot->zxid >= before.opened.last_durable,
      "the snapshot that was taken is not found");
  VIVARIUM_ASSERT(text_of(*before.database) == text_of(*after.database),
                  "a snapshot holds another tree");
}

void check_refusal(Machine& machine, const Error& refusal) {
  VIVARIUM_ASSERT(names_place(refusal.what), "a refusal that names no file: " + refusal.what);
  machine.lose_power();
  const auto again = machine.start();
  VIVARIUM_ASSERT(again.has_error(), "refused once and then accepted: " + refusal.what);
  VIVARIUM_ASSERT(again.error().what == refusal.what,
                  "refused for " + refusal.what + " and then for " + again.error().what);
}

}  // namespace

void check_directory(const Image& image) {
  Machine machine(image);
  const MemoryGauge gauge;
  const auto recovered = machine.start();
  gauge.check(kMemoryFixed + kMemoryPerByte * image.total_bytes());
  if (recovered.has_error()) return check_refusal(machine, recovered.error());
  auto found = found_by(machine, *recovered);
  check_history(found, payloads_in(image));
  check_consistent(*recovered->database);
  check_next_start(machine, found);
  check_appending(machine, found);
  check_truncation(machine, found);
  check_snapshot(machine);
}

}  // namespace vivarium::fuzz
