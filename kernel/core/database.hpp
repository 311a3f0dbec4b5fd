#pragma once
// The replicated state: znodes, their ACLs, sessions with their timeouts and ephemerals, quotas. It
// changes by transactions only, in zxid order, the same way on every server; applying one that a fuzzy
// snapshot already holds changes nothing (section D.2).

#include "kernel/core/acl_table.hpp"
#include "kernel/core/quotas.hpp"
#include "kernel/core/snapshot_body.hpp"
#include "kernel/core/tree.hpp"

#include <vivarium/acl_policy.hpp>
#include <vivarium/ids.hpp>
#include <vivarium/log_store.hpp>
#include <vivarium/opcodes.hpp>
#include <vivarium/records.hpp>
#include <vivarium/result.hpp>
#include <vivarium/state_machine.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace vivarium {

/// What transactions do that clients may watch for. Each comes when the change is in the tree, with the
/// number of the ACL that decides who may hear of it, valid during the call.
class TreeEvents {
 public:
  virtual ~TreeEvents() = default;
  virtual void on_created(std::string_view path, Zxid zxid, AclNumber acl, AclNumber parent_acl) = 0;
  virtual void on_deleted(std::string_view path, Zxid zxid, AclNumber acl, AclNumber parent_acl) = 0;
  virtual void on_data_changed(std::string_view path, Zxid zxid, AclNumber acl) = 0;
  /// Before one of these: with so many bytes of data.
  virtual void on_written(std::string_view path, std::size_t bytes) = 0;
};

/// What one transaction, or one part of a multi, came to. Views last as long as the entry.
struct Applied {
  Op type = Op::error;
  WireError err = WireError::ok;
  std::string_view path;
  Stat stat;  ///< Of create*, setData, setACL.
};

/// What applying an entry came to: the header, the outcome, and those of a multi's parts.
struct AppliedEntry {
  records::TxnHeader header;
  Applied outcome;
  std::vector<Applied> parts;
  bool malformed = false;      ///< The body could not be decoded: nothing was changed.
  bool digest_differs = false; ///< The tree's digest is not the one that the entry carries.
};

/// Whether the digest of an entry is compared with the tree's.
enum class DigestCheck : std::uint8_t { compare, ignore };

/// Reads a closeSession body. Logs of old servers, or with closeSessionTxn.enabled=false, have no list
/// there, but at once the digest or the end; then `close` lists nothing, and each server deletes what
/// it holds for the session.
void take_close_list(JuteIn& body, records::CloseSessionTxn& close);
/// Reads a create body. Those of servers before 3.4 end before the parent's cversion, and mean one more
/// than it is: -1 here.
void take_create(JuteIn& body, records::CreateTxn& create);

class Database final : public AclView {
 public:
  /// A fresh tree with the built-in nodes. `seed` keys the name hash.
  explicit Database(std::uint64_t seed);

  Tree& tree() { return tree_; }
  const Tree& tree() const { return tree_; }
  AclTable& acls() { return acls_; }
  const AclTable& acls() const { return acls_; }

  /// Applies one entry. `events` may be nullptr. The result is valid until the next call.
  const AppliedEntry& apply(const LogEntry& entry, TreeEvents* events, DigestCheck check);
  Zxid last_applied() const { return last_applied_; }
  void set_last_applied(Zxid zxid) { last_applied_ = zxid; }

  /// AclView: the tree as applied.
  bool exists(std::string_view path) const override { return tree_.find(path) != nullptr; }
  /// What a client is told: container and TTL nodes show no owner.
  Stat stat_of(const Znode& node) const;

  // --- sessions -----------------------------------------------------------------------------------
  const std::map<SessionId, std::int32_t>& sessions() const { return sessions_; }
  /// Paths of the session's ephemerals, sorted; nullptr when it has none.
  const std::set<std::string, std::less<>>* ephemerals(SessionId session) const;
  const std::map<SessionId, std::set<std::string, std::less<>>>& all_ephemerals() const {
    return ephemerals_;
  }
  std::int64_t ephemeral_count() const { return ephemeral_count_; }
  /// Ephemerals whose session is not there, as a crash between two old servers can leave them.
  std::vector<SessionId> dead_owners() const;

  const std::set<std::string, std::less<>>& containers() const { return containers_; }
  const std::set<std::string, std::less<>>& ttl_nodes() const { return ttls_; }
  const Quotas& quotas() const { return quotas_; }
  /// Would this change exceed a hard limit?
  bool quota_exceeded(std::string_view path, std::int64_t bytes, std::int64_t nodes) const;
  void set_extended_types(bool enabled) { extended_types_ = enabled; }
  bool extended_types() const { return extended_types_; }

  /// Puts the ensemble's configuration text into its node, as each server does for itself.
  void set_config(std::string_view text, Zxid version, std::int64_t wall_ms);

  // --- snapshots ----------------------------------------------------------------------------------
  std::unique_ptr<SnapshotCursor> snapshot();

 private:
  friend class DatabaseLoader;
  struct Context;

  void apply_one(const Context& context, Op type, JuteIn& body, Applied& out);
  void apply_multi(const Context& context, JuteIn& body, AppliedEntry& out);
  void apply_create(const Context& context, Op type, JuteIn& body, Applied& out);
  void create(const Context& context, Op type, const records::CreateTtlTxn& txn, std::int64_t owner,
              Applied& out);
  void remove(const Context& context, std::string_view path, Applied& out);
  void set_data(const Context& context, JuteIn& body, Applied& out);
  void set_acl(const Context& context, JuteIn& body, Applied& out);
  void close_session(const Context& context, JuteIn& body);
  void check_digest(JuteIn& body, DigestCheck check, AppliedEntry& out);

  void index(std::string_view path, std::int64_t owner);
  void unindex(std::string_view path, std::int64_t owner);
  void count_in_quota(std::string_view path, std::int64_t bytes, std::int64_t nodes);
  void recount_quota(std::string_view subtree);
  void recount_quotas();

  AclTable acls_;
  Tree tree_;
  std::map<SessionId, std::int32_t> sessions_;
  std::map<SessionId, std::set<std::string, std::less<>>> ephemerals_;
  std::int64_t ephemeral_count_ = 0;
  std::set<std::string, std::less<>> containers_, ttls_;
  Quotas quotas_;
  Zxid last_applied_;
  bool extended_types_ = false;
  AppliedEntry result_;
  JuteIn in_, part_in_;
  // Re-used between entries, for the capacity of their vectors.
  records::CreateTxn create_;
  records::CreateContainerTxn create_container_;
  records::CreateTtlTxn create_ttl_;
  records::SetAclTxn set_acl_;
  records::CloseSessionTxn close_;
  records::MultiTxn multi_;
};

/// Is `owner` (stored form) a session whose end deletes the node?
bool is_ephemeral(std::int64_t owner, bool extended_types);
/// Is it a TTL, and of how many ms?
std::optional<std::int64_t> ttl_of(std::int64_t owner, bool extended_types);
std::int64_t ttl_owner(std::int64_t ttl_ms);

/// Builds a database from a snapshot body (section G.4).
class DatabaseLoader : private SnapshotRecords {
 public:
  DatabaseLoader(std::uint64_t seed, bool extended_types);
  ~DatabaseLoader() override;
  DatabaseLoader(const DatabaseLoader&) = delete;
  DatabaseLoader& operator=(const DatabaseLoader&) = delete;
  /// As SnapshotBody does.
  Result<void> feed(std::string_view piece);
  Result<std::size_t> feed_part(std::string_view piece);
  bool complete() const { return body_.complete(); }
  Result<std::unique_ptr<Database>> finish(Zxid zxid);

 private:
  Result<void> take(const SnapshotSession& session) override;
  Result<void> take(const SnapshotAcl& acl) override;
  Result<void> take(const SnapshotNode& record) override;
  Error unloadable(const std::string& what) const;

  std::unique_ptr<Database> database_;
  SnapshotBody body_;
  bool has_root_ = false;
};

}  // namespace vivarium
