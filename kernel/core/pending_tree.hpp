#pragma once
// The tree as it will be when all that is prepared has been applied: the leader validates against it,
// and takes from it the digest that each transaction will lead to. An overlay over the Database that
// holds only what pending transactions touch; when none is pending it is empty.

#include "kernel/core/database.hpp"
#include "kernel/core/name_hash.hpp"
#include "kernel/core/tree.hpp"

#include <vivarium/acl_policy.hpp>
#include <vivarium/ids.hpp>
#include <vivarium/metrics.hpp>

#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace vivarium {

/// A node as it will be.
struct PendingNode {
  bool exists = false;
  DigestFields fields{};
  std::uint32_t crc = 0;
  std::int32_t child_count = 0;
  std::int32_t data_length = 0;  ///< -1: null
  AclNumber acl = kOpenAcl;
};

class PendingTree final : public AclView {
  struct Hash {
    using is_transparent = void;
    NameHash hash;
    std::size_t operator()(std::string_view text) const { return hash(text); }
  };
  struct Entry {
    PendingNode node;
    Zxid changed;
  };
  using Nodes = std::unordered_map<std::string, Entry, Hash, std::equal_to<>>;
  using Node = Nodes::value_type;

 public:
  /// What is at a path. To be changed, it need not be looked for again; valid until the next change.
  class Found {
   public:
    /// False when there will be no such node.
    explicit operator bool() const { return node_.exists; }
    const PendingNode* operator->() const { return &node_; }

   private:
    friend class PendingTree;
    PendingNode node_;
    Node* touched_ = nullptr;  ///< nullptr: nothing pending touches it.
  };

  /// `begun` and `ended` count what transactions change, once for each node.
  PendingTree(Database& database, Counter& begun, Counter& ended)
      : database_(database), begun_(begun), ended_(ended), nodes_(0, Hash{database.tree().name_hash()}) {}
  ~PendingTree() override { discard(); }

  Found find(std::string_view path) const;
  bool exists(std::string_view path) const override;
  /// Ephemerals that the session will have, sorted.
  std::vector<std::string> ephemerals(SessionId session) const;
  /// The tree digest after everything pending.
  std::uint64_t digest() const { return database_.tree().digest() + difference_; }

  // Changes belong to the transaction `zxid`, above or equal to the last one. The caller has validated;
  // `node` is what it has found at `path`, `parent` what it has found above.
  void create(const Found& parent, std::string_view path, Data data, AclNumber acl, std::int64_t owner,
              std::int32_t parent_cversion, Zxid zxid, std::int64_t time);
  void remove(const Found& node, std::string_view path, Zxid zxid);
  void set_data(const Found& node, std::string_view path, Data data, std::int32_t version, Zxid zxid,
                std::int64_t time);
  void set_acl(const Found& node, std::string_view path, AclNumber acl, std::int32_t aversion, Zxid zxid);

  /// Between begin() and commit(), rollback() undoes every change since begin().
  void begin();
  void commit();
  void rollback();

  /// The Database is about to apply everything up to `zxid` (before) and has done so (after): the
  /// difference between what is and what will be shrinks accordingly.
  void settle(Zxid zxid, std::uint64_t digest_before, std::uint64_t digest_after);
  void discard();
  bool empty() const { return nodes_.empty(); }

 private:
  struct Change {
    Zxid zxid;
    Node* node;
  };
  /// An ephemeral of the session was created or removed by a pending transaction.
  struct OwnedChange {
    Zxid zxid;
    SessionId session;
    std::string path;
  };
  struct Undo {
    std::vector<std::pair<std::string, std::optional<Entry>>> before;  ///< In order of change.
    std::size_t changes = 0;
    std::size_t owned_changes = 0;
    std::uint64_t difference = 0;
  };

  static PendingNode from_tree(const Znode& node);
  /// nullptr when nothing pending touches it.
  Node* touched(std::string_view path) const;
  // Of the entry for `path` the digest is taken out, until it is put back.
  Node& edit(const Found& node, std::string_view path, Zxid zxid);
  Entry& edit_parent(const Found& parent, std::string_view path, Zxid zxid);
  Entry& edit_absent(std::string_view path, Zxid zxid);
  Node& change(Node& node, bool known, Zxid zxid);
  void put_back(std::string_view path, const Entry& entry);
  void erase(Node& node);
  void note_owner(std::int64_t owner, std::string_view path, Zxid zxid);
  void forget_owner(const OwnedChange& change);

  Database& database_;
  Counter& begun_;
  Counter& ended_;
  Nodes nodes_;
  Node* last_parent_ = nullptr;  ///< In nodes_; of the next one as well, mostly.
  std::deque<Change> changes_;
  std::deque<OwnedChange> owned_changes_;
  /// The paths of owned_changes_, by session, so that closing one session costs its own changes only.
  std::unordered_map<SessionId, std::multiset<std::string, std::less<>>> owned_;
  std::uint64_t difference_ = 0;  ///< Digest as it will be, less the digest as it is.
  std::optional<Undo> undo_;
};

}  // namespace vivarium
