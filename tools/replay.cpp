#include "tools/replay.hpp"

#include "storage/file/format.hpp"
#include "storage/file/history.hpp"
#include "storage/file/try.hpp"
#include "tools/transaction.hpp"

#include <algorithm>

namespace vivarium::tools {
namespace {

// Keys the hash by which children are found. What is read here is not served.
constexpr std::uint64_t kSeed = 0x76697661;

}  // namespace

std::optional<bool> LoadedTree::digest_agrees() const {
  // ZooKeeper leaves the digest empty at 0.
  if (!info.digest || info.zxid == Zxid{}) return std::nullopt;
  return *info.digest == database->tree().digest();
}

std::unique_ptr<Database> empty_tree() {
  auto database = std::make_unique<Database>(kSeed);
  database->set_extended_types(true);
  return database;
}

Result<LoadedTree> load_tree(FileSystem& files, const file::NamedFile& snapshot,
                             const file::BytesSeen& seen) {
  TRY_LET(reader, file::SnapshotReader::open(files, snapshot));
  // Whether TTLs are on is not in the file; without them no owner looks like one.
  DatabaseLoader loader(kSeed, true);
  while (true) {
    TRY_LET(piece, reader.next());
    if (piece.empty()) break;
    seen(piece.size());
    if (const auto fed = loader.feed(piece.view()); !fed)
      return Error(Errc::corrupt, snapshot.path + ": " + fed.error().what);
  }
  auto database = loader.finish(snapshot.zxid);
  if (!database) return Error(Errc::corrupt, snapshot.path + ": " + database.error().what);
  return LoadedTree{std::move(*database), reader.info()};
}

Replay::Replay(LoadedTree tree)
    : caught_up_(tree.digest_agrees().value_or(tree.info.zxid == Zxid{})) {
  database_ = std::move(tree.database);
}

Result<void> Replay::take(Zxid zxid, std::string_view payload) {
  const auto digest = Transaction::of(payload).digest;
  if (zxid > database_->last_applied()) {
    const LogEntry entry{zxid, SharedBytes::copy_of(payload)};
    if (database_->apply(entry, nullptr, DigestCheck::ignore).malformed)
      return Error(Errc::corrupt, "transaction " + file::text_of(zxid) +
                                      " cannot be decoded: its bytes are whole, and no record of "
                                      "its type");
  } else if (zxid != database_->last_applied()) {
    return {};
  }
  agrees_.reset();
  if (digest && digest->version == file::kDigestVersion)
    compare(zxid, static_cast<std::uint64_t>(digest->tree_digest));
  return {};
}

void Replay::compare(Zxid zxid, std::uint64_t digest) {
  agrees_ = digest == database_->tree().digest();
  if (!caught_up_ && !*agrees_) {
    ++digests_.catching_up;
    return;
  }
  caught_up_ = true;
  ++digests_.compared;
  if (*agrees_) return;
  if (digests_.differing++ == 0) digests_.first_difference = zxid;
}

namespace {

/// The first finding behind the first `judged` that hides transactions.
const file::LogFinding* first_loss(const file::LogReader& reader, std::size_t judged) {
  const auto& findings = reader.findings();
  const auto found = std::find_if(
      findings.begin() + static_cast<std::ptrdiff_t>(judged), findings.end(),
      [](const file::LogFinding& one) {
        return one.kind == file::LogFinding::Kind::gap ||
               one.kind == file::LogFinding::Kind::damage;
      });
  return found == findings.end() ? nullptr : &*found;
}

/// Whether the record that was found comes right behind `last`. At the beginning of an epoch what
/// was met before it tells.
Result<void> check_follows(const file::LogReader& reader, std::size_t judged, Zxid last) {
  if (reader.zxid() == last.next()) return {};
  const auto* loss = first_loss(reader, judged);
  if (!loss && file::follows(last, reader.zxid())) return {};
  const std::string what =
      loss ? file::text_of(*loss)
           : reader.path() + " at offset " + std::to_string(reader.offset()) + ", behind " +
                 file::text_of(last) + ": transaction " + file::text_of(reader.zxid()) +
                 ", which is not the next one: what lies between is missing";
  return Error(Errc::corrupt, what + "; a tree without that never was: see `vivarium log "
                                     "--verify`, or name an earlier zxid");
}

}  // namespace

Result<Replay> replay_to(FileSystem& files, const file::NamedFile& snapshot,
                         const std::vector<file::NamedFile>& logs, Zxid end,
                         const file::BytesSeen& seen) {
  TRY_LET(tree, load_tree(files, snapshot, seen));
  Replay replay(std::move(tree));
  // From the record of the snapshot's own zxid on, for its digest.
  file::LogReader reader(files, file::logs_above(logs, Zxid{snapshot.zxid.value - 1}), {snapshot});
  std::uint64_t told = 0;
  std::size_t judged = 0;  // So many findings lie behind us.
  while (true) {
    TRY_LET(found, reader.next());
    if (!found || reader.zxid() > end) break;
    if (!reader.repeated()) {
      if (reader.zxid() > snapshot.zxid)
        TRY(check_follows(reader, judged, replay.database().last_applied()));
      judged = reader.findings().size();
      TRY(replay.take(reader.zxid(), reader.payload()));
    }
    seen(reader.bytes_read() - told);
    told = reader.bytes_read();
  }
  const Zxid last = replay.database().last_applied();
  if (last == end) return replay;
  const auto* damage = first_loss(reader, judged);
  return Error(Errc::out_of_range, "the log behind " + snapshot.path + " does not lead to " +
                                       file::text_of(end) + ": it ends at " + file::text_of(last) +
                                       (damage ? " (" + file::text_of(*damage) + ")" : ""));
}

}  // namespace vivarium::tools
