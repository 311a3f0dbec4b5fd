// The state as a stream, out and in: sessions, ACL table, nodes, terminator (section G.4).
#include "kernel/core/database.hpp"

#include "kernel/core/paths.hpp"
#include "kernel/core/znode_block.hpp"

#include <vivarium/assert.hpp>

namespace vivarium {
namespace {

constexpr AclEntry kNobody{0, "world", "anyone"};

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

NewZnode znode_of(const SnapshotNode& record) {
  NewZnode node;
  node.data = record.data;
  node.owner = record.owner;
  node.czxid = record.czxid;
  node.mzxid = record.mzxid;
  node.ctime = record.ctime;
  node.mtime = record.mtime;
  node.version = record.version;
  node.aversion = record.aversion;
  node.cversion = record.cversion;
  node.pzxid = record.pzxid;
  return node;
}

}  // namespace

std::unique_ptr<SnapshotCursor> Database::snapshot() { return std::make_unique<Cursor>(*this); }

DatabaseLoader::DatabaseLoader(std::uint64_t seed, bool extended_types)
    : database_(std::make_unique<Database>(seed)), body_(*this) {
  database_->set_extended_types(extended_types);
}

DatabaseLoader::~DatabaseLoader() = default;

Result<void> DatabaseLoader::feed(std::string_view piece) {
  const auto fed = body_.feed(piece);
  return fed ? fed : Result<void>(unloadable(fed.error().what));
}

Result<std::size_t> DatabaseLoader::feed_part(std::string_view piece) {
  const auto taken = body_.feed_part(piece);
  return taken ? taken : Result<std::size_t>(unloadable(taken.error().what));
}

Error DatabaseLoader::unloadable(const std::string& what) const {
  return {Errc::corrupt, "the snapshot cannot be loaded: " + what};
}

Result<void> DatabaseLoader::take(const SnapshotSession& session) {
  database_->sessions_[{session.session_id}] = session.timeout;
  return {};
}

Result<void> DatabaseLoader::take(const SnapshotAcl& acl) {
  if (!is_acl_key(acl.key))
    return Error(Errc::corrupt,
                 "the ACL key " + std::to_string(acl.key) + " is outside 1 to 2147483647");
  database_->acls_.put(static_cast<AclNumber>(acl.key), acl.acl);
  return {};
}

Result<void> DatabaseLoader::take(const SnapshotNode& record) {
  if (record.acl != kOpenAclKey && !is_acl_key(record.acl))
    return Error(Errc::corrupt,
                 "the node " + std::string(record.path) + " has an impossible ACL key");
  auto& database = *database_;
  const auto path = record.path.empty() ? std::string_view("/") : record.path;
  const auto* parent = path == "/" ? nullptr : database.tree_.find(paths::parent(path));
  if (path != "/" && (!has_root_ || !parent || !paths::valid(path)))
    return Error(Errc::corrupt, "the node " + std::string(path) + " has no parent before it");
  if (paths::name(path).size() > kNameBytesMax)
    return Error(Errc::corrupt, "a name has " + std::to_string(paths::name(path).size()) + " bytes");
  NewZnode node = znode_of(record);
  node.acl = record.acl == kOpenAclKey ? kOpenAcl : static_cast<AclNumber>(record.acl);
  if (node.acl == kOpenAcl || !database.acls_.entries(node.acl).empty())
    database.acls_.acquire(node.acl);
  else  // A fuzzy snapshot of an old server may lack a list; until the log gives it, only super passes.
    node.acl = database.acls_.acquire(std::span(&kNobody, 1));
  // A built-in node; or one that the file holds twice, of which the last counts, as for Java.
  if (const auto* there = database.tree_.find(path)) database.unindex(path, there->owner());
  database.tree_.load(path, node);
  database.index(path, node.owner);
  has_root_ = has_root_ || path == "/";
  if (const auto limited = Quotas::limited_by(path)) database.quotas_.add(*limited);
  return {};
}

Result<std::unique_ptr<Database>> DatabaseLoader::finish(Zxid zxid) {
  if (!body_.complete()) return unloadable("it ends in the middle");
  if (!has_root_) return unloadable("it has no root");
  database_->acls_.drop_unused();
  // In a fuzzy snapshot of a Java server, statistics and what they count are of different moments.
  database_->recount_quotas();
  database_->last_applied_ = zxid;
  return std::move(database_);
}

}  // namespace vivarium
