#pragma once
// The members of an ensemble and what makes a quorum of them: ZooKeeper's configuration text, read.
//
//     server.1=10.0.0.1:2888:3888:participant;0.0.0.0:2181
//     group.1=1:2:3            hierarchical quorums: sids of a group,
//     weight.1=2               and the weight of a sid in it
//     version=100000003        hexadecimal zxid of the reconfiguration; 0 for one that never changed
//
// Source: sections E.2 (last item) and E.4 of the reference.

#include <vivarium/ids.hpp>
#include <vivarium/result.hpp>

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

namespace vivarium::zab {

struct Address {
  std::string host;
  std::uint16_t port = 0;
  bool operator==(const Address&) const = default;
};

struct Member {
  ServerId id;
  Address quorum, election;
  bool voter = true;  ///< A participant; otherwise an observer.
};

using ServerIds = std::set<ServerId>;

class Ensemble {
 public:
  /// Knows of nobody; nothing is a quorum of it.
  Ensemble() = default;
  /// Lines in any order; keys that do not concern membership are passed over.
  static Result<Ensemble> parse(std::string_view text);

  const std::map<ServerId, Member>& members() const { return members_; }
  const Member* find(ServerId id) const;
  const ServerIds& voters() const { return voters_; }
  bool is_voter(ServerId id) const { return voters_.contains(id); }
  Zxid version() const { return version_; }

  /// More than half of the voters; with groups, more than half of the weight in more than half of the
  /// groups that have any.
  bool is_quorum(const ServerIds& servers) const;
  /// What a voter counts for: 1, or its weight in its group. 0: it never leads.
  std::int64_t weight(ServerId id) const;

 private:
  Result<void> add_member(std::string_view id, std::string_view value);
  Result<void> add_group(std::string_view id, std::string_view value);
  Result<void> add_weight(std::string_view id, std::string_view value);
  Result<void> check() const;

  std::map<ServerId, Member> members_;
  ServerIds voters_;
  std::map<std::int64_t, ServerIds> groups_;
  std::map<ServerId, std::int64_t> weights_;
  Zxid version_;
};

}  // namespace vivarium::zab
