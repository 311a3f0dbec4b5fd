// The state as a stream, out and in: sessions, ACL table, nodes, terminator (section G.4).
#include "kernel/core/database.hpp"

#include "kernel/core/paths.hpp"

#include <vivarium/assert.hpp>

namespace vivarium {
namespace {

constexpr std::int64_t kOpenAclKey = -1;
constexpr AclEntry kNobody{0, "world", "anyone"};
constexpr std::size_t kRecordBytesMax = 64u << 20;  ///< No legal record comes near it.

class Cursor final : public SnapshotCursor {
 public:
  explicit Cursor(Database& database)
      : zxid_(database.last_applied()),
        digest_(database.tree().digest()),
        head_(head_of(database)),
        walk_(database.tree().walk()) {}

  Zxid zxid() const override { return zxid_; }
  std::optional<std::uint64_t> digest() const override { return digest_; }

  SharedBytes next(std::size_t bytes) override {
    if (ended_) return {};
    std::string piece = std::move(head_);
    head_.clear();
    if (!walk_->next(piece, bytes)) {
      append_jute(piece, std::string_view("/"));
      ended_ = true;
    }
    return SharedBytes(std::move(piece));
  }

 private:
  static std::string head_of(const Database& database) {
    std::string head;
    JuteOut out(head);
    out(static_cast<std::int32_t>(database.sessions().size()));
    for (const auto& [session, timeout] : database.sessions()) out(session.value, timeout);
    const auto numbers = database.acls().numbers();
    out(static_cast<std::int32_t>(numbers.size()));
    for (const auto number : numbers) {
      const auto entries = database.acls().entries(number);
      out(static_cast<std::int64_t>(number), AclList(entries.begin(), entries.end()));
    }
    return head;
  }

  Zxid zxid_;
  std::uint64_t digest_;
  std::string head_;
  std::unique_ptr<TreeWalk> walk_;
  bool ended_ = false;
};

bool is_acl_key(std::int64_t key) { return key > 0 && key <= INT32_MAX; }

/// A node as it stands in the stream.
struct NodeRecord {
  Text path;
  Data data;
  std::int64_t acl = 0;
  NewZnode node;

  void read(JuteIn& in) {
    in(path);
    if (path == "/") return;  // The terminator; the root's own path is "".
    in(data, acl, node.czxid, node.mzxid, node.ctime, node.mtime, node.version, node.cversion,
       node.aversion, node.owner, node.pzxid);
    node.data = data;
  }
};

}  // namespace

std::unique_ptr<SnapshotCursor> Database::snapshot() { return std::make_unique<Cursor>(*this); }

DatabaseLoader::DatabaseLoader(std::uint64_t seed, bool extended_types)
    : database_(std::make_unique<Database>(seed)) {
  database_->set_extended_types(extended_types);
}

DatabaseLoader::~DatabaseLoader() = default;

Result<void> DatabaseLoader::feed(std::string_view piece) {
  pending_.append(piece);
  std::string_view left = pending_;
  while (part_ != Part::done && problem_.empty()) {
    JuteIn in(left);
    if (!step(in)) break;
    left = in.rest();
  }
  if (!problem_.empty()) return failure(problem_);
  pending_.erase(0, pending_.size() - left.size());
  if (part_ == Part::done && !pending_.empty()) return failure("bytes follow its end");
  if (pending_.size() > kRecordBytesMax) return failure("a record has an impossible length");
  return {};
}

Result<void> DatabaseLoader::failure(std::string what) {
  problem_ = std::move(what);
  return Error(Errc::corrupt, "the snapshot cannot be loaded: " + problem_);
}

bool DatabaseLoader::step(JuteIn& in) {
  if (part_ == Part::nodes) return read_node(in);
  if (!left_) {
    std::int32_t count = 0;
    in(count);
    if (!in.ok()) return false;
    left_ = count;
    return true;
  }
  if (*left_ <= 0) {
    part_ = part_ == Part::sessions ? Part::acls : Part::nodes;
    left_.reset();
    return true;
  }
  const bool whole = part_ == Part::sessions ? read_session(in) : read_acl(in);
  if (whole) --*left_;
  return whole;
}

bool DatabaseLoader::read_session(JuteIn& in) {
  std::int64_t id = 0;
  std::int32_t timeout = 0;
  in(id, timeout);
  if (in.ok()) database_->sessions_[{id}] = timeout;
  return in.ok();
}

bool DatabaseLoader::read_acl(JuteIn& in) {
  std::int64_t key = 0;
  AclList entries;
  in(key, entries);
  if (!in.ok()) return false;
  if (!is_acl_key(key))
    problem_ = "the ACL key " + std::to_string(key) + " is outside 1 to 2147483647";
  else
    database_->acls_.put(static_cast<AclNumber>(key), entries);
  return true;
}

bool DatabaseLoader::read_node(JuteIn& in) {
  NodeRecord record;
  record.read(in);
  if (!in.ok()) return false;
  if (record.path == "/") {
    part_ = Part::done;
    if (!has_root_) problem_ = "it has no root";
    return true;
  }
  if (record.acl != kOpenAclKey && !is_acl_key(record.acl)) {
    problem_ = "the node " + std::string(record.path) + " has an impossible ACL key";
    return true;
  }
  auto& database = *database_;
  const auto path = record.path.empty() ? std::string_view("/") : record.path;
  const auto* parent = path == "/" ? nullptr : database.tree_.find(paths::parent(path));
  if (path != "/" && (!has_root_ || !parent || !paths::valid(path))) {
    problem_ = "the node " + std::string(path) + " has no parent before it";
    return true;
  }
  record.node.acl = record.acl == kOpenAclKey ? kOpenAcl : static_cast<AclNumber>(record.acl);
  if (record.node.acl == kOpenAcl || !database.acls_.entries(record.node.acl).empty())
    database.acls_.acquire(record.node.acl);
  else  // A fuzzy snapshot of an old server may lack a list; until the log gives it, only super passes.
    record.node.acl = database.acls_.acquire(std::span(&kNobody, 1));
  database.tree_.load(path, record.node);
  database.index(path, record.node.owner);
  has_root_ = has_root_ || path == "/";
  if (const auto limited = Quotas::limited_by(path)) database.quotas_.add(*limited);
  return true;
}

Result<std::unique_ptr<Database>> DatabaseLoader::finish(Zxid zxid) {
  if (part_ != Part::done)
    return Error(Errc::corrupt, "the snapshot cannot be loaded: it ends in the middle");
  database_->acls_.drop_unused();
  database_->last_applied_ = zxid;
  return std::move(database_);
}

}  // namespace vivarium
