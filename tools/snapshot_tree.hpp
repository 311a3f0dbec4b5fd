#pragma once
// What stands in a snapshot, read record by record, and two trees side by side.

#include "storage/file/directories.hpp"
#include "tools/replay.hpp"

#include <cereal/cereal.hpp>

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

namespace vivarium::tools {

/// Prints every record of the file in its order.
enum class RecordForm : std::uint8_t { text, json };
Result<void> print_records(FileSystem& files, const file::NamedFile& snapshot, RecordForm form,
                           const file::BytesSeen& seen, std::ostream& out);

/// What the records say against each other, in sentences; what is fatal ends the reading with an error.
struct SnapshotCheck {
  std::vector<std::string> damage, notes;
  std::uint64_t nodes = 0, sessions = 0, acls = 0;
};
Result<SnapshotCheck> check_records(FileSystem& files, const file::NamedFile& snapshot,
                                    const file::BytesSeen& seen);

struct Sized {
  std::string path;
  std::int64_t value = 0;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(CEREAL_NVP(path), CEREAL_NVP(value));
  }
};

struct TreeFacts {
  std::string zxid, digest;
  std::int64_t nodes = 0, bytes = 0, largest_depth = 0;
  std::int64_t sessions = 0, acl_lists = 0, ephemerals = 0, containers = 0, ttl_nodes = 0,
               quotas = 0;
  std::vector<Sized> biggest, widest, ephemerals_by_session, subtrees;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(CEREAL_NVP(zxid), CEREAL_NVP(digest), CEREAL_NVP(nodes), CEREAL_NVP(bytes),
            CEREAL_NVP(largest_depth), CEREAL_NVP(sessions), CEREAL_NVP(acl_lists),
            CEREAL_NVP(ephemerals), CEREAL_NVP(containers), CEREAL_NVP(ttl_nodes),
            CEREAL_NVP(quotas), CEREAL_NVP(biggest), CEREAL_NVP(widest),
            CEREAL_NVP(ephemerals_by_session), CEREAL_NVP(subtrees));
  }
};
TreeFacts facts_of(const Database& database);
void print(std::ostream& out, const TreeFacts& facts);

/// Writes each difference as a line: "+ /path", "- /path", "~ /path field: a -> b". Stops behind
/// `most`. Gives how many there were.
std::uint64_t compare_trees(const Database& a, const Database& b, std::uint64_t most,
                            std::ostream& out);

}  // namespace vivarium::tools
