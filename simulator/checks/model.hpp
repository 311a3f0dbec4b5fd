#pragma once
// A tree of znodes as the protocol describes it, written to be read and to be right, and with nothing of the
// kernel's. Transactions of the committed history go in; what a client may have been told comes out.

#include "simulator/history.hpp"

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

/// What a watch may tell of.
struct Change {
  Zxid zxid;
  EventType type{};
  std::string path;
};

class Model {
 public:
  struct Node {
    std::string data;
    std::int64_t czxid = 0, mzxid = 0, pzxid = 0, ctime = 0, mtime = 0, owner = 0;
    std::int32_t version = 0, aversion = 0;
    std::int32_t creations = 0;  ///< What sequential names are numbered by.
    std::set<std::string> children;  ///< Names.
  };

  Model();

  const Node* find(std::string_view path) const;
  Stat stat(const Node& node) const;
  bool lives(SessionId session) const { return sessions_.contains(session.value); }
  const std::set<std::string>& ephemerals(SessionId session) const;

  /// What a write would be refused for here; ok for nothing.
  WireError judge(const Write& write) const;
  /// The name that a create makes.
  std::string name_of(const Write& write) const;

  // --- the transactions; `header` tells when and whose ---------------------------------------------
  void begin_session(const records::TxnHeader& header);
  void create(const records::TxnHeader& header, std::string_view path, std::string_view data,
              bool ephemeral);
  void remove(const records::TxnHeader& header, std::string_view path);
  void set(const records::TxnHeader& header, std::string_view path, std::string_view data,
           std::int32_t version);
  void end_session(const records::TxnHeader& header);

  /// What the transactions so far have changed, oldest first.
  const std::vector<Change>& changes() const { return changes_; }
  void forget_changes() { changes_.clear(); }
  const std::map<std::string, Node, std::less<>>& nodes() const { return nodes_; }

 private:
  std::map<std::string, Node, std::less<>> nodes_;
  std::map<std::int64_t, std::set<std::string>> sessions_;  ///< Their ephemerals.
  std::vector<Change> changes_;
};

std::string parent_of(std::string_view path);

}  // namespace vivarium::simulator
