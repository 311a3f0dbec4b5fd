#pragma once
// Files in memory that forget at a crash what was not synced.
//
// What is visible and what is durable are kept apart, for the content of each file and for each
// entry of a directory. Between them stand the changes since the last sync; a crash lets none, all
// or a seeded part of them through, a write possibly in part (whole sectors of 512 bytes).

#include "kernel/simulation/sparse_bytes.hpp"

#include <vivarium/disk.hpp>

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

namespace vivarium {

/// Unwinds the job that was running when the power failed. Only the simulated disk, and tests that
/// use its blocking files, catch it.
struct SimulatedCrash {};

/// What becomes of changes that were not synced.
enum class CrashLoss : std::uint8_t { everything, something, nothing };

class SimulatedFileSystem final : public FileSystem {
 public:
  explicit SimulatedFileSystem(std::function<std::uint64_t()> random);
  ~SimulatedFileSystem() override;

  // --- power -------------------------------------------------------------------------------------
  /// Power fails. Locks and open files end; until restart() every operation throws SimulatedCrash.
  void crash(CrashLoss loss);
  /// The process dies and the system lives on: as crash(), but what was written is there, synced or
  /// not, and may still be lost when power fails later.
  void kill();
  void restart() { down_ = false; }
  bool down() const { return down_; }
  /// Power fails when the operation of this number, counted by operations(), has had its effect and
  /// before it returns; if that one fails, at the next one that does not.
  void crash_at(std::uint64_t operation, CrashLoss loss) { end_at_ = {operation, loss}; }
  /// Power fails when the operation of this number would begin.
  void crash_before(std::uint64_t operation, CrashLoss loss) { begin_at_ = {operation, loss}; }
  /// The process dies when the operation of this number would begin.
  void kill_before(std::uint64_t operation) { begin_at_ = {operation, std::nullopt}; }
  /// Called at each crash, before the operation unwinds.
  void on_crash(std::function<void()> callback) { on_crash_ = std::move(callback); }
  /// Called as each operation begins, with what it is: "syncing /data/file".
  void on_operation(std::function<void(const std::string& what)> callback) {
    on_operation_ = std::move(callback);
  }

  // --- for whoever looks on: none of these is an operation ------------------------------------------
  /// What is there, or what would be left if power failed now and took all that it can.
  enum class View : std::uint8_t { visible, durable };
  /// The files right in a directory, by path; without the zeros that some have reserved at their ends.
  std::map<std::string, std::string> contents(const std::string& directory, View view) const;
  bool holds(const std::string& path) const { return visible_.contains(path); }

  // --- faults ------------------------------------------------------------------------------------
  /// How many operations have been begun since construction.
  std::uint64_t operations() const { return operations_; }
  /// The operation of this number fails and has no effect.
  void fail_at(std::uint64_t operation) { fail_at_ = operation; }
  /// Every sync from this operation on fails.
  void fail_syncs_from(std::uint64_t operation) { fail_syncs_from_ = operation; }
  enum class Syncs : std::uint8_t { work, fail };
  void set_syncs(Syncs syncs) { fail_syncs_from_ = syncs == Syncs::fail ? 0 : kNever; }
  /// Takes back what was set to happen and has not.
  void disarm() {
    fail_at_ = 0;
    fail_syncs_from_ = kNever;
    begin_at_.reset();
    end_at_.reset();
    full_ = {};
  }
  /// The size of the disk: the sum of all file sizes cannot grow beyond it. Below what is there
  /// already it stands for somebody else who filled the disk.
  void set_capacity(std::uint64_t bytes) { capacity_ = bytes; }
  std::uint64_t capacity() const { return capacity_; }
  /// From the operation `from` to the one before `to` the disk is full: nothing grows.
  void full_between(std::uint64_t from, std::uint64_t to) { full_ = {from, to}; }

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override;
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<void> remove(const std::string& path) override;
  Result<std::vector<DirectoryEntry>> list(const std::string& directory) override;
  Result<void> create_directories(const std::string& directory) override;
  bool exists(const std::string& path) override;
  Result<void> sync_directory(const std::string& directory) override;
  Result<std::uint64_t> free_bytes(const std::string& directory) override;

 private:
  friend class SimulatedFile;
  friend class SimulatedLock;

  /// A write, or a change of size when `bytes` is empty.
  struct Change {
    std::uint64_t offset = 0;
    std::string bytes;
  };
  /// A file or a directory, whatever names it has.
  struct Node {
    bool directory = false;
    SparseBytes visible, durable;
    std::vector<Change> unsynced;
  };
  static constexpr std::uint64_t kNever = ~std::uint64_t{0};
  using NodePtr = std::shared_ptr<Node>;
  using Names = std::map<std::string, NodePtr>;
  /// Entries that change together: a creation, a removal, or both at once for a rename.
  struct EntryChange {
    std::string removed, added;  ///< Paths; empty for none.
    NodePtr node;                ///< What `added` names.
    bool within(const std::string& directory) const;
  };

  /// The end of a process: by power, with what is lost of it, or alone.
  struct Ending {
    std::uint64_t operation = 0;
    std::optional<CrashLoss> loss;
  };

  std::optional<Error> begin(const std::string& what);
  void end();
  void meet(const Ending& ending);
  void go_down();
  bool syncs_fail() const { return operations_ >= fail_syncs_from_; }
  bool coin() { return random_() % 2 == 0; }
  void change_entries(EntryChange change);
  void settle(Node& node, CrashLoss loss);
  void settle_part(Node& node);
  void settle_entries(CrashLoss loss);
  void drop_orphans();
  Result<NodePtr> create(const std::string& path, const std::string& what);
  std::uint64_t used_bytes() const;
  std::uint64_t free_bytes() const;
  /// To what size `node` may grow.
  std::uint64_t size_limit(const Node& node) const;

  std::function<std::uint64_t()> random_;
  std::function<void()> on_crash_;
  std::function<void(const std::string&)> on_operation_;
  Names visible_, durable_;
  std::vector<EntryChange> unsynced_;
  std::set<std::string> locked_;
  std::uint64_t generation_ = 0;  ///< Counts crashes: files and locks of earlier ones are dead.
  bool down_ = false;
  std::uint64_t operations_ = 0;
  std::uint64_t fail_at_ = 0;
  std::optional<Ending> begin_at_, end_at_;
  std::uint64_t fail_syncs_from_ = kNever;
  std::uint64_t capacity_ = std::uint64_t{1} << 50;
  std::pair<std::uint64_t, std::uint64_t> full_{};
  /// Tells files and locks that outlive this object.
  std::shared_ptr<SimulatedFileSystem*> self_;
};

}  // namespace vivarium
