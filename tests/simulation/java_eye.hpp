#pragma once
// What a Java server would make of the files, by its rules of loading (sections G.2, G.3 and G.5 of
// the reference): only version-2 counts, and of it only what Java looks at.
//
// It must refuse, or come to a history that the model allows: never one with a hole, never a mix.

#include "tests/simulation/script.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vivarium::test {

class JavaEye {
 public:
  JavaEye(FileSystem& files, std::string snapshots, std::string logs)
      : files_(files), snapshots_(std::move(snapshots)), logs_(std::move(logs)) {}

  struct Seen {
    std::string refusal;  ///< Empty when it would start.
    bool fresh = false;   ///< Nothing there: it would begin with an empty tree.
    Zxid snapshot;
    std::string body;
    std::vector<Held::Written> replayed;
    std::optional<std::int64_t> current, accepted;
    Zxid last() const { return replayed.empty() ? snapshot : replayed.back().zxid; }
  };

  Seen look() {
    Seen seen;
    if (load(seen) && !seen.fresh) read_epochs(seen);
    return seen;
  }

 private:
  using Named = std::map<std::int64_t, std::string>;

  static bool refuse(Seen& seen, std::string why) {
    seen.refusal = std::move(why);
    return false;
  }

  bool load(Seen& seen) {
    const Named logs = named(logs_, "log.");
    Named candidates = named(snapshots_, "snapshot.");
    std::erase_if(candidates, [&](const auto& one) { return !quick_test(one.second); });
    if (candidates.empty()) {
      if (!logs.empty()) return refuse(seen, "no snapshot");
      return seen.fresh = true;
    }
    for (auto one = candidates.rbegin(); one != candidates.rend(); ++one) {
      const auto body = body_of(read(one->second));
      if (!body) continue;
      seen.snapshot = Zxid{one->first};
      seen.body = *body;
      return replay(logs, seen);
    }
    return refuse(seen, "no valid snapshot");
  }

  bool quick_test(const std::string& path) {
    const std::string bytes = read(path);
    return bytes.size() >= 10 && bytes.ends_with(std::string_view("\0\0\0\1/", 5));
  }

  /// The newest file that is not named above the snapshot, and all after it.
  bool replay(const Named& logs, Seen& seen) {
    auto log = logs.upper_bound(seen.snapshot.value);
    if (log != logs.begin()) --log;
    for (; log != logs.end(); ++log)
      if (!replay_file(log->second, seen)) return false;
    return true;
  }

  bool replay_file(const std::string& path, Seen& seen) {
    const std::string bytes = read(path);
    if (!bytes.starts_with("ZKLG")) return refuse(seen, "a log without a header");
    for (std::size_t at = 16; at + 12 <= bytes.size();) {
      const auto checksum = number(bytes, at, 8);
      const auto length = static_cast<std::size_t>(number(bytes, at + 8, 4));
      if (length == 0) return true;
      if (length > bytes.size() || at + 12 + length + 1 > bytes.size()) return true;
      const std::string payload = bytes.substr(at + 12, length);
      if (bytes[at + 12 + length] != 'B') return true;
      if (checksum != adler(payload)) return refuse(seen, "a checksum is wrong");
      const Zxid zxid{static_cast<std::int64_t>(number(payload, 12, 8))};
      if (zxid > seen.snapshot) seen.replayed.push_back({zxid, payload});
      at += 12 + length + 1;
    }
    return true;
  }

  void read_epochs(Seen& seen) {
    const std::int64_t of_last = seen.last().epoch().value;
    seen.current = epoch("currentEpoch").value_or(of_last);
    seen.accepted = epoch("acceptedEpoch").value_or(of_last);
    if (of_last > *seen.current) {
      if (epoch("currentEpoch.tmp") != of_last) {
        refuse(seen, "the current epoch is older than the last zxid");
        return;
      }
      seen.current = of_last;
    }
    if (*seen.accepted < *seen.current) refuse(seen, "the accepted epoch is below the current one");
  }

  std::optional<std::int64_t> epoch(const std::string& name) {
    const std::string path = snapshots_ + "/" + name;
    if (!files_.exists(path)) return std::nullopt;
    const std::string text = read(path);
    std::int64_t value = -1;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
  }

  /// Java takes <prefix><hex> and <prefix><hex>.<anything>.
  Named named(const std::string& directory, std::string_view prefix) {
    Named found;
    if (!files_.exists(directory)) return found;
    const auto entries = files_.list(directory);
    for (const DirectoryEntry& entry : *entries) {
      if (!entry.name.starts_with(prefix)) continue;
      std::int64_t zxid = 0;
      const char* end = entry.name.data() + entry.name.size();
      const auto [at, error] = std::from_chars(entry.name.data() + prefix.size(), end, zxid, 16);
      if (error == std::errc{} && (at == end || *at == '.'))
        found[zxid] = directory + "/" + entry.name;
    }
    return found;
  }

  /// The body of a snapshot that Java can load: its seals match.
  static std::optional<std::string> body_of(const std::string& bytes) {
    for (const std::size_t trailers : {13u + 33u + 21u, 13u + 33u, 13u}) {
      if (bytes.size() < 16 + trailers || !bytes.starts_with("ZKSN")) continue;
      const std::size_t end = bytes.size() - trailers;
      if (number(bytes, end, 8) != adler(std::string_view(bytes).substr(0, end))) continue;
      return bytes.substr(16, end - 16);
    }
    return std::nullopt;
  }

  std::string read(const std::string& path) {
    auto file = files_.open(path, OpenMode::read);
    if (!file) throw Violation("the test cannot read " + path);
    std::string bytes(static_cast<std::size_t>(*(*file)->size()), '\0');
    const auto got = (*file)->read_at(0, bytes.data(), bytes.size());
    bytes.resize(*got);
    return bytes;
  }

  static std::uint64_t number(std::string_view bytes, std::size_t at, std::size_t size) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < size; ++i)
      value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
    return value;
  }

  static std::uint64_t adler(std::string_view bytes) {
    std::uint32_t a = 1, b = 0;
    for (const char c : bytes) {
      a = (a + static_cast<unsigned char>(c)) % 65521;
      b = (b + a) % 65521;
    }
    return static_cast<std::uint64_t>(b) << 16 | a;
  }

  FileSystem& files_;
  std::string snapshots_, logs_;
};

/// Whether the sentence of least loss holds: everything that was reported is in what was seen.
enum class Least : std::uint8_t { all_reported, anything };

/// Why what Java saw is not this history, or a beginning of it; empty when it is.
inline std::string java_mismatch(const JavaEye::Seen& seen, const Held& held, Least least) {
  if (seen.fresh) {
    const bool nothing = held.snapshots.empty() && held.durable == 0 && held.base == Zxid{};
    return nothing || least == Least::anything ? "" : "Java finds nothing at all";
  }
  const Held::Snapshot* snapshot = held.snapshot_at(seen.snapshot);
  if (!snapshot) return "Java loads a snapshot at " + hex(seen.snapshot) + " that is not of it";
  if (snapshot->body != seen.body) return "Java loads another body at " + hex(seen.snapshot);
  std::size_t at = held.count_to(seen.snapshot);
  for (const Held::Written& one : seen.replayed) {
    if (at == held.entries.size() || held.entries[at].zxid != one.zxid)
      return "Java replays " + hex(one.zxid) + " where it does not follow";
    if (held.entries[at++].payload != one.payload)
      return "Java replays other bytes at " + hex(one.zxid);
  }
  if (least == Least::anything || at >= held.durable) return "";
  return "Java ends at " + hex(seen.last()) + ", and " + hex(held.entries[held.durable - 1].zxid) +
         " was reported durable";
}

}  // namespace vivarium::test
