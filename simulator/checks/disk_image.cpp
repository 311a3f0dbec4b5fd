#include "simulator/checks/disk_image.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace vivarium::simulator {
namespace {

constexpr std::size_t kHeaderBytes = 16;
constexpr std::size_t kRecordHeadBytes = 12;  // checksum, length
constexpr std::size_t kSealBytes = 13;
/// Digest and last zxid, the digest alone, neither: each with its seal.
constexpr std::size_t kTrailers[] = {3 * kSealBytes + 20 + 8, 2 * kSealBytes + 20, kSealBytes};
constexpr std::uint64_t kNameSeed = 1;

std::uint64_t number(std::string_view bytes, std::size_t at, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i)
    value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

std::uint64_t adler(std::string_view bytes) {
  constexpr std::size_t kNoOverflow = 5552;  // So many bytes fit into 32 bits before the remainder.
  std::uint32_t a = 1, b = 0;
  for (std::size_t at = 0; at < bytes.size();) {
    for (const auto end = std::min(at + kNoOverflow, bytes.size()); at < end; ++at)
      b += a += static_cast<unsigned char>(bytes[at]);
    a %= 65521, b %= 65521;
  }
  return std::uint64_t{b} << 16 | a;
}

/// The zxid in the name of a file called `prefix` and that, and nothing more.
std::optional<Zxid> named(std::string_view path, std::string_view prefix) {
  const auto name = path.substr(path.rfind('/') + 1);
  if (!name.starts_with(prefix)) return std::nullopt;
  const auto digits = name.substr(prefix.size());
  std::int64_t zxid = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), zxid, 16);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return Zxid{zxid};
}

DiskImage::Snapshot snapshot_of(Zxid zxid, std::string_view bytes) {
  for (const auto trailers : kTrailers) {
    if (bytes.size() < kHeaderBytes + trailers || !bytes.starts_with("ZKSN")) continue;
    const auto end = bytes.size() - trailers;
    if (number(bytes, end, 8) != adler(bytes.substr(0, end))) continue;
    return {zxid, true, std::string(bytes.substr(kHeaderBytes, end - kHeaderBytes))};
  }
  return {zxid, false, {}};
}

DiskImage::LogFile log_of(Zxid first, std::string_view bytes) {
  DiskImage::LogFile log{first, {}};
  if (!bytes.starts_with("ZKLG")) return log;
  for (auto at = kHeaderBytes; at + kRecordHeadBytes <= bytes.size();) {
    const auto length = static_cast<std::size_t>(number(bytes, at + 8, 4));
    const auto end = at + kRecordHeadBytes + length;
    if (length < 20 || end + 1 > bytes.size() || bytes[end] != 'B') break;
    const auto payload = bytes.substr(at + kRecordHeadBytes, length);
    if (number(bytes, at, 8) != adler(payload)) break;
    log.entries.push_back({{static_cast<std::int64_t>(number(payload, 12, 8))},
                           SharedBytes::copy_of(payload)});
    at = end + 1;
  }
  return log;
}

bool follows(Zxid before, Zxid zxid) {
  if (zxid.epoch() == before.epoch()) return zxid == before.next();
  return zxid.epoch() > before.epoch() && zxid.counter() == 1;
}

std::string hex(Zxid zxid) { return fmt::format("0x{:x}", zxid.value); }

/// Applies what is logged behind the state, without a hole. Returns what is wrong.
std::string replay(const DiskImage& image, std::optional<Zxid> end, const IsProposal& is_proposal,
                   Database& database) {
  for (const auto& log : image.logs)
    for (const auto& entry : log.entries) {
      const auto last = database.last_applied();
      if (entry.zxid <= last || (end && entry.zxid > *end)) continue;
      if (!follows(last, entry.zxid)) return hex(entry.zxid) + " is logged behind " + hex(last);
      if (!is_proposal(entry)) return hex(entry.zxid) + " is logged as nobody has proposed it";
      const auto& applied = database.apply(entry, nullptr, DigestCheck::compare);
      if (applied.malformed) return hex(entry.zxid) + " cannot be read";
      if (applied.digest_differs) return "at " + hex(entry.zxid) + " there is another tree than foreseen";
    }
  return {};
}

}  // namespace

DiskImage DiskImage::of(const std::map<std::string, std::string>& files) {
  DiskImage image;
  for (const auto& [path, bytes] : files) {
    if (const auto zxid = named(path, "snapshot.")) image.snapshots.push_back(snapshot_of(*zxid, bytes));
    if (const auto zxid = named(path, "log.")) image.logs.push_back(log_of(*zxid, bytes));
  }
  std::sort(image.snapshots.begin(), image.snapshots.end(),
            [](const auto& a, const auto& b) { return a.zxid < b.zxid; });
  std::sort(image.logs.begin(), image.logs.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  return image;
}

std::optional<Zxid> DiskImage::oldest_kept(unsigned kept) const {
  for (auto at = snapshots.rbegin(); at != snapshots.rend(); ++at)
    if (at->whole && --kept == 0) return at->zxid;
  return std::nullopt;
}

std::unique_ptr<Database> load(const DiskImage& image, const DiskImage::Snapshot& snapshot,
                               std::optional<Zxid> end, const IsProposal& is_proposal,
                               const Foreseen& foreseen, std::string& why) {
  DatabaseLoader loader(kNameSeed, false);
  const auto fed = loader.feed(snapshot.body);
  auto loaded = fed ? loader.finish(snapshot.zxid) : Result<std::unique_ptr<Database>>(fed.error());
  if (!loaded) {
    why = "the snapshot " + hex(snapshot.zxid) + " cannot be loaded: " + loaded.error().what;
    return nullptr;
  }
  auto database = std::move(*loaded);
  const auto wanted = foreseen(snapshot.zxid);
  if (wanted && *wanted != database->tree().digest())
    why = "the snapshot " + hex(snapshot.zxid) + " holds another tree than its leader foresaw";
  else
    why = replay(image, end, is_proposal, *database);
  return database;
}

std::string judge_history(const DiskImage& image, Zxid durable, const IsProposal& is_proposal,
                          const Foreseen& foreseen) {
  for (const auto& snapshot : image.snapshots) {
    if (!snapshot.whole) return "the snapshot " + hex(snapshot.zxid) + " is not whole";
    std::string why;
    const auto database = load(image, snapshot, std::nullopt, is_proposal, foreseen, why);
    if (!why.empty()) return why + " (from the snapshot " + hex(snapshot.zxid) + ")";
    if (database->last_applied() < durable)
      return "from the snapshot " + hex(snapshot.zxid) + " one comes to " +
             hex(database->last_applied()) + ", and " + hex(durable) + " was reported durable";
  }
  return {};
}

std::string judge_removal(const DiskImage& durable, std::string_view path, unsigned snapshots_kept) {
  const auto snapshot = named(path, "snapshot.");
  const auto log = named(path, "log.");
  const auto oldest = durable.oldest_kept(snapshots_kept);
  if (snapshot) {
    const auto is_it = [&](const auto& one) { return one.zxid == *snapshot && one.whole; };
    const bool whole = std::any_of(durable.snapshots.begin(), durable.snapshots.end(), is_it);
    if (!whole || (oldest && *snapshot < *oldest)) return {};
    return "the snapshot " + hex(*snapshot) + " goes and there are not " +
           std::to_string(snapshots_kept) + " newer ones";
  }
  if (!log) return {};
  for (const auto& file : durable.logs)
    if (file.first == *log && !file.entries.empty() &&
        (!oldest || file.entries.back().zxid > *oldest))
      return "the log " + hex(*log) + " goes, which holds " + hex(file.entries.back().zxid) +
             ", and the oldest snapshot to be kept is " + (oldest ? hex(*oldest) : "not there");
  return {};
}

}  // namespace vivarium::simulator
