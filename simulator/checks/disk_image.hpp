#pragma once
// What lies in a server's data directory, read with eyes of our own and by ZooKeeper's formats (sections
// G.2 and G.3 of the reference), so that the store is not its own judge; and what a history on disk must
// be: S-9 and S-10 of the reliability page.

#include "kernel/core/database.hpp"

#include <vivarium/ids.hpp>
#include <vivarium/log_store.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vivarium::simulator {

struct DiskImage {
  struct Snapshot {
    Zxid zxid;
    bool whole = false;  ///< Its seals match.
    std::string body;    ///< Of a whole one.
  };
  struct LogFile {
    Zxid first;  ///< By its name.
    std::vector<LogEntry> entries;  ///< The whole ones at its beginning.
  };
  std::vector<Snapshot> snapshots;  ///< Oldest first, as the logs.
  std::vector<LogFile> logs;

  /// Of the files of `version-2`, by path. Those that are neither are passed over, and so is what is
  /// compressed.
  static DiskImage of(const std::map<std::string, std::string>& files);
  /// The oldest of so many newest whole snapshots; nothing while there are fewer.
  std::optional<Zxid> oldest_kept(unsigned kept) const;
};

/// Does this transaction belong at its zxid? Its bytes are the primary's.
using IsProposal = std::function<bool(const LogEntry&)>;
/// The tree's digest behind a zxid, as its leader foresaw it, if it did.
using Foreseen = std::function<std::optional<std::uint64_t>(Zxid)>;

/// The state that a snapshot and the log behind it come to, at `end` or, where that is nothing, with the last
/// transaction that is there; or, in `why`, what is wrong with them.
std::unique_ptr<Database> load(const DiskImage& image, const DiskImage::Snapshot& snapshot,
                               std::optional<Zxid> end, const IsProposal& is_proposal,
                               const Foreseen& foreseen, std::string& why);

/// S-9: each snapshot is whole, and with the log behind it gives the history, down to `durable` at least.
/// Returns what is wrong; empty for nothing.
std::string judge_history(const DiskImage& image, Zxid durable, const IsProposal& is_proposal,
                          const Foreseen& foreseen);
/// S-10: may the file of this path go, with this on the disk for certain? Likewise.
std::string judge_removal(const DiskImage& durable, std::string_view path, unsigned snapshots_kept);

}  // namespace vivarium::simulator
