#pragma once
// A tree of znodes as the protocol describes it, written to be read and to be right, and with nothing of the
// kernel's. Transactions of the committed history go in; what a client may have been told comes out.

#include "simulator/history.hpp"

#include <vivarium/identity.hpp>
#include <vivarium/ids.hpp>
#include <vivarium/opcodes.hpp>
#include <vivarium/records.hpp>
#include <vivarium/stat.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace vivarium::simulator {

using AclEntries = std::vector<client::Acl>;  ///< Empty: open, as that of the built-in nodes is.
using Identities = std::vector<Identity>;

/// What a watch may tell of, and the ACL by which it may be told.
struct Change {
  Zxid zxid;
  EventType type{};
  std::string path;
  AclEntries acl = {};
};

/// An ACL that a node has from a transaction on; nothing: there is no such node.
struct AclChange {
  Zxid zxid;
  std::string path;
  std::optional<AclEntries> acl;
};

/// Has one of these any of the permissions?
bool allows(const AclEntries& acl, const Identities& who, std::int32_t permissions);
/// What becomes of an ACL that these ask for; nothing when it is refused.
std::optional<AclEntries> stored_acl(const AclEntries& asked, const Identities& who);
/// How an ACL is shown to these, who may read it: who may not change it sees no digests.
AclEntries shown_acl(const AclEntries& acl, const Identities& who);

/// Who asks for a write, and what its leader had applied by then: quotas are judged by that.
struct Asker {
  Identities who;
  Zxid applied;
};

class Model {
 public:
  struct Node {
    std::string data;
    std::int64_t czxid = 0, mzxid = 0, pzxid = 0, ctime = 0, mtime = 0, owner = 0;
    std::int32_t version = 0, aversion = 0;
    std::int32_t creations = 0;  ///< What sequential names are numbered by.
    std::set<std::string> children;  ///< Names.
    AclEntries acl;
  };
  /// A subtree's quota: its texts, as far as its two nodes are there. No subtree lies in another.
  struct Quota {
    std::optional<std::string> limits, used;
  };

  Model();

  const Node* find(std::string_view path) const;
  Stat stat(const Node& node) const;
  bool lives(SessionId session) const { return sessions_.contains(session.value); }
  const std::set<std::string>& ephemerals(SessionId session) const;

  /// What a write would be refused for here; ok for nothing.
  WireError judge(const Write& write, const Asker& asker) const;
  /// The name that a create makes.
  std::string name_of(const Write& write) const;

  // --- the transactions; `header` tells when and whose ---------------------------------------------
  void begin_session(const records::TxnHeader& header);
  void create(const records::TxnHeader& header, std::string_view path, std::string_view data,
              const AclEntries& acl, bool ephemeral);
  void remove(const records::TxnHeader& header, std::string_view path);
  void set(const records::TxnHeader& header, std::string_view path, std::string_view data,
           std::int32_t version);
  void set_acl(const records::TxnHeader& header, std::string_view path, const AclEntries& acl,
               std::int32_t version);
  void end_session(const records::TxnHeader& header);

  /// What the transactions so far have changed, oldest first.
  const std::vector<Change>& changes() const { return changes_; }
  const std::vector<AclChange>& acl_changes() const { return acl_changes_; }
  void forget_changes() {
    changes_.clear();
    acl_changes_.clear();
  }
  const std::map<std::string, Node, std::less<>>& nodes() const { return nodes_; }
  std::size_t session_count() const { return sessions_.size(); }

 private:
  struct QuotaChange {
    Zxid zxid;
    Quota quota;
  };

  WireError judge_create(const Write& write, const Asker& asker) const;
  WireError judge_removal(const Write& write, const Asker& asker) const;
  WireError judge_set(const Write& write, const Asker& asker) const;
  WireError judge_acl(const Write& write, const Asker& asker) const;
  /// The quota that covers the path, as it was behind a transaction; nullptr: none.
  const Quota* quota_at(std::string_view path, Zxid zxid) const;
  bool exceeds(std::string_view path, Zxid applied, std::int64_t bytes, std::int64_t nodes) const;
  void note_quota_node(const records::TxnHeader& header, std::string_view path);
  void count(const records::TxnHeader& header, std::string_view path, std::int64_t bytes,
             std::int64_t nodes);
  void recount(std::string_view subtree);

  std::map<std::string, Node, std::less<>> nodes_;
  std::map<std::int64_t, std::set<std::string>> sessions_;  ///< Their ephemerals.
  std::vector<Change> changes_;
  std::vector<AclChange> acl_changes_;
  std::map<std::string, std::vector<QuotaChange>, std::less<>> quotas_;  ///< By subtree, oldest first.
};

std::string parent_of(std::string_view path);

}  // namespace vivarium::simulator
