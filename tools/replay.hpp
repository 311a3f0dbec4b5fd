#pragma once
// Builds the tree that files hold: a snapshot, and the log behind it, as a start of the server does;
// and compares it with the digests that transactions carry.
//
// A snapshot that was written while writes went on holds effects of transactions behind its zxid. Its
// tree is none that ever was until the log has caught up, and digests do not match before that.

#include "storage/file/backup.hpp"
#include "storage/file/log_reader.hpp"
#include "storage/file/snapshot_reader.hpp"

#include "kernel/core/database.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vivarium::tools {

struct LoadedTree {
  std::unique_ptr<Database> database;
  SnapshotInfo info;

  /// Whether the digest that the file carries is that of the tree; nothing when it carries none for
  /// the zxid of the snapshot.
  std::optional<bool> digest_agrees() const;
};
Result<LoadedTree> load_tree(FileSystem& files, const file::NamedFile& snapshot,
                             const file::BytesSeen& seen);
/// Of a server that never had a transaction.
std::unique_ptr<Database> empty_tree();

/// What came of comparing digests.
struct DigestTally {
  std::uint64_t compared = 0;  ///< When the tree had caught up.
  std::uint64_t catching_up = 0;
  std::uint64_t differing = 0;  ///< Of the compared ones.
  Zxid first_difference;        ///< Of those.
};

class Replay {
 public:
  /// `exact`: the tree is known to be that of its zxid.
  Replay(std::unique_ptr<Database> database, bool exact)
      : database_(std::move(database)),
        caught_up_(exact) {}
  explicit Replay(LoadedTree tree);

  /// Applies a transaction, unless the tree has it already, and compares digests. Errc::corrupt when
  /// it is no transaction.
  Result<void> take(Zxid zxid, std::string_view payload);

  const Database& database() const { return *database_; }
  std::unique_ptr<Database> release() { return std::move(database_); }
  const DigestTally& digests() const { return digests_; }
  bool caught_up() const { return caught_up_; }
  /// Whether the tree has the digest that its last transaction carries; nothing when it carries none.
  std::optional<bool> agrees() const { return agrees_; }

 private:
  void compare(Zxid zxid, std::uint64_t digest);

  std::unique_ptr<Database> database_;
  bool caught_up_;
  std::optional<bool> agrees_;
  DigestTally digests_;
};

/// The tree at exactly `end`, from `snapshot` and the log behind it.
Result<Replay> replay_to(FileSystem& files, const file::NamedFile& snapshot,
                         const std::vector<file::NamedFile>& logs, Zxid end,
                         const file::BytesSeen& seen);

}  // namespace vivarium::tools
