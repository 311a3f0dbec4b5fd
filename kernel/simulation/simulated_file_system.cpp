#include "kernel/simulation/simulated_file_system.hpp"

#include <algorithm>
#include <utility>

#include <vivarium/assert.hpp>

namespace vivarium {
namespace {

constexpr std::size_t kSectorBytes = 512;

std::string parent_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

std::string name_in(const std::string& directory, const std::string& path) {
  return path.substr(directory == "/" ? 1 : directory.size() + 1);
}

void apply(SparseBytes& content, std::uint64_t offset, std::string_view bytes) {
  if (bytes.empty())
    content.resize(offset);
  else
    content.write(offset, bytes);
}

}  // namespace

class SimulatedFile final : public File {
 public:
  using Node = SimulatedFileSystem::Node;

  SimulatedFile(SimulatedFileSystem& files, std::shared_ptr<Node> node, std::string path)
      : files_(files.self_), generation_(files.generation_), node_(std::move(node)),
        path_(std::move(path)) {}

  Result<std::size_t> read_at(std::uint64_t offset, char* into, std::size_t size) override {
    if (auto error = begin("reading ")) return *error;
    const auto count = node_->visible.read(offset, into, size);
    end();
    return count;
  }

  Result<void> write_at(std::uint64_t offset, std::string_view bytes) override {
    if (auto error = begin("writing ")) return *error;
    // As systems do: what fits is written.
    const auto limit = std::max(fs().size_limit(*node_), offset);
    const auto fitting = bytes.substr(0, std::min<std::uint64_t>(bytes.size(), limit - offset));
    if (!fitting.empty()) change(offset, fitting);
    if (fitting.size() < bytes.size()) return full("writing ");
    end();
    return {};
  }

  Result<void> allocate(std::uint64_t size) override {
    if (auto error = begin("reserving space for ")) return *error;
    if (size > fs().size_limit(*node_)) return full("reserving space for ");
    if (size > node_->visible.size()) change(size, {});
    end();
    return {};
  }

  Result<void> truncate(std::uint64_t size) override {
    if (auto error = begin("cutting ")) return *error;
    if (size > fs().size_limit(*node_)) return full("extending ");
    change(size, {});
    end();
    return {};
  }

  Result<void> sync() override {
    if (auto error = begin("syncing ")) return fail_sync(*error);
    if (fs().syncs_fail())
      return fail_sync(Error(Errc::io_failed, "syncing " + path_ + " failed: Input/output error"));
    fs().settle(*node_, CrashLoss::nothing);
    end();
    return {};
  }

  Result<std::uint64_t> size() override {
    if (auto error = begin("asking for the size of ")) return *error;
    end();
    return node_->visible.size();
  }

 private:
  SimulatedFileSystem& fs() { return **files_; }

  std::optional<Error> begin(const char* what) {
    if (*files_ == nullptr || fs().generation_ != generation_)
      return Error(Errc::closed, path_ + " was open when the power failed");
    if (poisoned_)
      return Error(Errc::io_failed,
                   path_ + " cannot be used any more: an earlier sync of it failed");
    return fs().begin(what + path_);
  }
  void end() { fs().end(); }

  Error full(const char* what) const {
    return {Errc::no_space, what + path_ + " failed: No space left on device"};
  }

  void change(std::uint64_t offset, std::string_view bytes) {
    apply(node_->visible, offset, bytes);
    node_->unsynced.push_back({offset, std::string(bytes)});
  }

  /// As systems do: the pages count as clean from now on, whatever part of them reached the disk.
  Error fail_sync(Error error) {
    if (*files_ != nullptr && fs().generation_ == generation_ && !poisoned_)
      fs().settle(*node_, CrashLoss::something);
    poisoned_ = true;
    return error;
  }

  std::shared_ptr<SimulatedFileSystem*> files_;
  std::uint64_t generation_;
  std::shared_ptr<Node> node_;
  std::string path_;
  bool poisoned_ = false;
};

class SimulatedLock final : public FileLock {
 public:
  SimulatedLock(SimulatedFileSystem& files, std::string path)
      : files_(files.self_), generation_(files.generation_), path_(std::move(path)) {
    files.locked_.insert(path_);
  }
  ~SimulatedLock() override {
    if (*files_ != nullptr && (*files_)->generation_ == generation_)
      (*files_)->locked_.erase(path_);
  }

 private:
  std::shared_ptr<SimulatedFileSystem*> files_;
  std::uint64_t generation_;
  std::string path_;
};

bool SimulatedFileSystem::EntryChange::within(const std::string& directory) const {
  return (!removed.empty() && parent_of(removed) == directory) ||
         (!added.empty() && parent_of(added) == directory);
}

SimulatedFileSystem::SimulatedFileSystem(std::function<std::uint64_t()> random)
    : random_(std::move(random)), self_(std::make_shared<SimulatedFileSystem*>(this)) {
  auto root = std::make_shared<Node>();
  root->directory = true;
  visible_["/"] = durable_["/"] = std::move(root);
}

SimulatedFileSystem::~SimulatedFileSystem() { *self_ = nullptr; }

std::map<std::string, std::string> SimulatedFileSystem::contents(const std::string& directory,
                                                                 View view) const {
  std::map<std::string, std::string> files;
  for (const auto& [path, node] : view == View::visible ? visible_ : durable_) {
    if (node->directory || parent_of(path) != directory) continue;
    const auto& bytes = view == View::visible ? node->visible : node->durable;
    auto& content = files[path];
    content.resize(static_cast<std::size_t>(bytes.written_end()));
    bytes.read(0, content.data(), content.size());
  }
  return files;
}

std::optional<Error> SimulatedFileSystem::begin(const std::string& what) {
  if (down_) throw SimulatedCrash{};
  ++operations_;
  if (on_operation_) on_operation_(what);
  if (begin_at_ && operations_ >= begin_at_->operation) meet(*begin_at_);
  if (operations_ != fail_at_) return std::nullopt;
  return Error(Errc::io_failed, what + " failed: Input/output error");
}

void SimulatedFileSystem::end() {
  if (end_at_ && operations_ >= end_at_->operation) meet(*end_at_);
}

void SimulatedFileSystem::meet(const Ending& ending) {
  const auto loss = ending.loss;  // The ending is forgotten with the first word of it.
  loss ? crash(*loss) : kill();
  throw SimulatedCrash{};
}

void SimulatedFileSystem::go_down() {
  ++generation_;
  down_ = true;
  begin_at_.reset();
  end_at_.reset();
  locked_.clear();
}

void SimulatedFileSystem::kill() {
  go_down();
  if (on_crash_) on_crash_();
}

void SimulatedFileSystem::crash(CrashLoss loss) {
  go_down();
  settle_entries(loss);
  drop_orphans();
  visible_ = durable_;
  for (auto& [path, node] : visible_) {
    settle(*node, loss);
    node->visible = node->durable;
  }
  if (on_crash_) on_crash_();
}

void SimulatedFileSystem::settle(Node& node, CrashLoss loss) {
  if (loss == CrashLoss::something) settle_part(node);
  if (loss == CrashLoss::nothing)
    for (const Change& change : node.unsynced) apply(node.durable, change.offset, change.bytes);
  node.unsynced.clear();
}

void SimulatedFileSystem::settle_part(Node& node) {
  // Either the disk wrote in order and stopped somewhere, or each sector went its own way.
  const bool in_order = coin();
  const auto sectors_left = random_() % 64;
  std::uint64_t sectors = 0;
  for (const Change& change : node.unsynced) {
    if (change.bytes.empty()) {
      if (in_order ? sectors++ < sectors_left : coin()) node.durable.resize(change.offset);
      continue;
    }
    for (std::size_t at = 0; at < change.bytes.size();) {
      const auto to_boundary =
          kSectorBytes - static_cast<std::size_t>((change.offset + at) % kSectorBytes);
      const auto part = std::min(to_boundary, change.bytes.size() - at);
      if (in_order ? sectors++ < sectors_left : coin())
        node.durable.write(change.offset + at, std::string_view(change.bytes).substr(at, part));
      at += part;
    }
  }
}

void SimulatedFileSystem::settle_entries(CrashLoss loss) {
  const bool in_order = coin();
  const auto kept = unsynced_.empty() ? 0 : random_() % (unsynced_.size() + 1);
  for (std::size_t i = 0; i < unsynced_.size(); ++i) {
    const EntryChange& change = unsynced_[i];
    const bool lives = loss == CrashLoss::nothing ||
                       (loss == CrashLoss::something && (in_order ? i < kept : coin()));
    if (!lives) continue;
    if (!change.removed.empty()) durable_.erase(change.removed);
    if (!change.added.empty()) durable_[change.added] = change.node;
  }
  unsynced_.clear();
}

void SimulatedFileSystem::drop_orphans() {
  // In path order, so that a parent is gone before its children are looked at.
  for (auto entry = durable_.begin(); entry != durable_.end();)
    entry = durable_.count(parent_of(entry->first)) == 0 ? durable_.erase(entry) : std::next(entry);
}

void SimulatedFileSystem::change_entries(EntryChange change) {
  if (!change.removed.empty()) visible_.erase(change.removed);
  if (!change.added.empty()) visible_[change.added] = change.node;
  unsynced_.push_back(std::move(change));
}

Result<SimulatedFileSystem::NodePtr> SimulatedFileSystem::create(const std::string& path,
                                                                 const std::string& what) {
  VIVARIUM_ASSERT(path.front() == '/', "paths are absolute");
  if (visible_.count(parent_of(path)) == 0)
    return Error(Errc::not_found, what + " failed: No such file or directory");
  auto node = std::make_shared<Node>();
  change_entries({"", path, node});
  return node;
}

Result<std::unique_ptr<File>> SimulatedFileSystem::open(const std::string& path, OpenMode mode) {
  const std::string what = "opening " + path;
  if (auto error = begin(what)) return *error;
  const auto found = visible_.find(path);
  const bool there = found != visible_.end();
  if (there && found->second->directory)
    return Error(Errc::io_failed, what + " failed: Is a directory");
  if (there && mode == OpenMode::create_new)
    return Error(Errc::already_exists, what + " failed: File exists");
  if (!there && (mode == OpenMode::read || mode == OpenMode::read_write))
    return Error(Errc::not_found, what + " failed: No such file or directory");
  Result<NodePtr> node = there ? Result<NodePtr>(found->second) : create(path, what);
  if (node.has_error()) return node.error();
  if (there && mode == OpenMode::create_empty) {
    (*node)->visible.resize(0);
    (*node)->unsynced.push_back({0, ""});
  }
  end();
  return std::unique_ptr<File>(new SimulatedFile(*this, *node, path));
}

Result<std::unique_ptr<FileLock>> SimulatedFileSystem::lock(const std::string& path) {
  const std::string what = "locking " + path;
  if (auto error = begin(what)) return *error;
  if (locked_.count(path) != 0)
    return Error(Errc::in_use, path + " is locked by another process or server");
  if (visible_.count(path) == 0) {
    if (auto created = create(path, what); created.has_error()) return created.error();
  }
  end();
  return std::unique_ptr<FileLock>(new SimulatedLock(*this, path));
}

Result<void> SimulatedFileSystem::rename(const std::string& from, const std::string& to) {
  if (auto error = begin("renaming " + from + " to " + to)) return *error;
  const auto found = visible_.find(from);
  if (found == visible_.end() || visible_.count(parent_of(to)) == 0)
    return Error(Errc::not_found,
                 "renaming " + from + " to " + to + " failed: No such file or directory");
  VIVARIUM_ASSERT(!found->second->directory, "renaming directories is not simulated");
  const NodePtr node = found->second;
  change_entries({from, to, node});
  end();
  return {};
}

Result<void> SimulatedFileSystem::remove(const std::string& path) {
  if (auto error = begin("removing " + path)) return *error;
  if (visible_.count(path) == 0)
    return Error(Errc::not_found, "removing " + path + " failed: No such file or directory");
  const auto below = visible_.lower_bound(path + "/");
  if (below != visible_.end() && below->first.starts_with(path + "/"))
    return Error(Errc::io_failed, "removing " + path + " failed: Directory not empty");
  change_entries({path, "", nullptr});
  end();
  return {};
}

Result<std::vector<DirectoryEntry>> SimulatedFileSystem::list(const std::string& directory) {
  if (auto error = begin("listing " + directory)) return *error;
  const auto found = visible_.find(directory);
  if (found == visible_.end() || !found->second->directory)
    return Error(Errc::not_found, "listing " + directory + " failed: No such file or directory");
  std::vector<DirectoryEntry> entries;
  for (const auto& [path, node] : visible_)
    if (path != "/" && parent_of(path) == directory)
      entries.push_back({name_in(directory, path), node->directory});
  end();
  return entries;
}

Result<void> SimulatedFileSystem::create_directories(const std::string& directory) {
  if (auto error = begin("creating the directory " + directory)) return *error;
  std::vector<std::string> missing;
  for (std::string path = directory; visible_.count(path) == 0; path = parent_of(path))
    missing.push_back(path);
  for (auto path = missing.rbegin(); path != missing.rend(); ++path) {
    auto node = std::make_shared<Node>();
    node->directory = true;
    visible_[*path] = durable_[*path] = std::move(node);
  }
  end();
  return {};
}

bool SimulatedFileSystem::exists(const std::string& path) {
  if (down_) throw SimulatedCrash{};
  return visible_.count(path) != 0;
}

Result<void> SimulatedFileSystem::sync_directory(const std::string& directory) {
  if (auto error = begin("syncing the directory " + directory)) return *error;
  if (visible_.count(directory) == 0)
    return Error(Errc::not_found,
                 "syncing the directory " + directory + " failed: No such file or directory");
  if (syncs_fail())
    return Error(Errc::io_failed,
                 "syncing the directory " + directory + " failed: Input/output error");
  const auto synced =
      std::stable_partition(unsynced_.begin(), unsynced_.end(),
                            [&](const EntryChange& change) { return !change.within(directory); });
  for (auto change = synced; change != unsynced_.end(); ++change) {
    if (!change->removed.empty()) durable_.erase(change->removed);
    if (!change->added.empty()) durable_[change->added] = change->node;
  }
  unsynced_.erase(synced, unsynced_.end());
  end();
  return {};
}

Result<std::uint64_t> SimulatedFileSystem::free_bytes(const std::string& directory) {
  if (auto error = begin("asking for the free space of " + directory)) return *error;
  const auto free = free_bytes();
  end();
  return free;
}

std::uint64_t SimulatedFileSystem::used_bytes() const {
  std::uint64_t sum = 0;
  for (const auto& [path, node] : visible_) sum += node->visible.size();
  return sum;
}

std::uint64_t SimulatedFileSystem::size_limit(const Node& node) const {
  return node.visible.size() + free_bytes();
}

std::uint64_t SimulatedFileSystem::free_bytes() const {
  const bool full = full_.first <= operations_ && operations_ < full_.second;
  const auto used = used_bytes();
  return full || used >= capacity_ ? 0 : capacity_ - used;
}

}  // namespace vivarium
