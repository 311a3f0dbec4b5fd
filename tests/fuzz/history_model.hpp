#pragma once
// What a log means, as simple as can be: nodes and sessions, and what became of each request.
// Aborts when a transaction cannot follow on those before it.
//
// Source: sections B.12, C.2 and D.2 of the reference.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include <vivarium/log_store.hpp>
#include <vivarium/opcodes.hpp>
#include <vivarium/records.hpp>
#include <vivarium/service.hpp>

namespace vivarium::fuzz {

struct HistoryNode {
  std::optional<std::string> data;
  std::string acl;             ///< As a list on the wire; empty: open.
  std::int64_t owner = 0;      ///< Of an ephemeral: its session.
  bool may_be_reaped = false;  ///< A container, or a node with a time to live.
  std::int64_t czxid = 0, mzxid = 0, pzxid = 0, ctime = 0, mtime = 0;
  std::int32_t version = 0, cversion = 0, aversion = 0;  ///< cversion counts creates only.
};

class HistoryModel {
 public:
  struct Outcome {
    std::int64_t zxid = 0;
    WireError err = WireError::ok;
  };

  /// Begins with what a server has at its start. `view` shows all.
  explicit HistoryModel(const ServerView& view);

  void apply(const LogEntry& entry);

  std::int64_t last_zxid() const { return zxid_; }
  const std::map<std::string, HistoryNode, std::less<>>& nodes() const { return nodes_; }
  const std::set<std::int64_t>& sessions() const { return sessions_; }
  /// What became of the session's write of that xid; nullptr when none was logged.
  const Outcome* outcome(std::int64_t session, std::int32_t cxid) const;
  /// Whether a watch on the node, or on its children, that was left at `since` is sure to have fired. It has
  /// ended unheard at a change that not all may hear of, or may have.
  bool fires_data_watch(std::string_view path, std::int64_t since) const;
  bool fires_child_watch(std::string_view path, std::int64_t since) const;

  /// Aborts unless the server shows the nodes that changed since the last call as they are here.
  void check_changed(const ServerView& view);
  /// Likewise all nodes.
  void check_all(const ServerView& view) const;
  /// What a client is told of the node.
  Stat stat_of(std::string_view path) const;
  std::set<std::string> children_of(std::string_view path) const;

 private:
  /// The zxids of the last changes of a node of which all may hear, and of which not all may.
  struct LastEvents {
    std::int64_t heard = 0, unheard = 0;
  };
  using Events = std::map<std::string, LastEvents, std::less<>>;

  void learn(const ServerView& view, const std::string& path);
  WireError apply_one(Op type, JuteIn& body);
  WireError apply_multi(JuteIn& body);
  template <class Txn>
  void create(const Txn& txn, std::int64_t owner, bool may_be_reaped);
  void remove(std::string_view path, bool by_reaper);
  void set_data(const records::SetDataTxn& txn);
  void set_acl(const records::SetAclTxn& txn);
  void close_session(JuteIn& body);
  void check_view(const ServerView& view, const std::string& path) const;
  HistoryNode& node(std::string_view path);
  static bool fires(const Events& events, std::string_view path, std::int64_t since);
  void tell(Events& events, std::string_view path, const HistoryNode& seen_by);

  std::map<std::string, HistoryNode, std::less<>> nodes_;
  std::set<std::int64_t> sessions_;
  std::map<std::pair<std::int64_t, std::int32_t>, Outcome> outcomes_;
  Events data_events_, child_events_;
  std::set<std::string> changed_;
  // Of the transaction at hand.
  std::int64_t zxid_ = 0, session_ = 0, time_ = 0;
};

}  // namespace vivarium::fuzz
