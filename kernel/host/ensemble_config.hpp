#pragma once
// The server, group and weight lines of a zoo.cfg, or of the dynamic file that it names: who is in the
// ensemble, and the text in which its members tell each other (section E.2 of the reference).

#include "kernel/host/properties.hpp"

#include <vivarium/ids.hpp>
#include <vivarium/result.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace vivarium {

/// Where to listen.
struct ListenAddress {
  std::string host;        ///< Empty: every interface.
  std::uint16_t port = 0;  ///< 0: a free one.
};

enum class MemberRole : std::uint8_t { participant, observer };
std::string_view name_of(MemberRole role);
/// In any letter case, as ZooKeeper takes it.
std::optional<MemberRole> parse_member_role(std::string_view text);

/// One line `server.N=host:quorumPort:electionPort[:role][;[clientHost:]clientPort]`.
struct EnsembleMember {
  ServerId id;
  std::string host;  ///< As it is written, without brackets.
  std::uint16_t quorum_port = 0, election_port = 0;
  MemberRole role = MemberRole::participant;
  std::optional<ListenAddress> client;
  std::string origin;  ///< Where the line stands.
};

class EnsembleConfig {
 public:
  /// Each line that makes no sense adds a sentence to `errors`, and is left out.
  EnsembleConfig(std::span<const Property> lines, std::uint64_t version,
                 std::vector<std::string>& errors);

  const std::map<ServerId, EnsembleMember>& members() const { return members_; }
  const EnsembleMember* find(ServerId id) const;
  std::size_t voters() const;
  std::uint64_t version() const { return version_; }
  /// As ZooKeeper writes it, with the members in the order of their numbers.
  std::string text() const;

 private:
  Result<void> add(const Property& line);
  Result<void> add_member(const Property& line);
  Result<void> add_group(const Property& line);
  Result<void> add_weight(const Property& line);
  void complete_groups(std::vector<std::string>& errors);

  std::map<ServerId, EnsembleMember> members_;
  /// Of hierarchical quorums; both empty without.
  std::map<ServerId, std::int64_t> group_of_;
  std::map<ServerId, std::int64_t> weights_;
  bool hierarchical_ = false;
  std::uint64_t version_;
};

}  // namespace vivarium
