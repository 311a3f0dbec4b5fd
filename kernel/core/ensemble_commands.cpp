// leader, voting_view, zabstate, observers, orst, initial_configuration, last_snapshot, system_properties:
// commands without a four-letter word.
#include "kernel/core/command_rows.hpp"
#include "kernel/core/hex.hpp"
#include "kernel/core/java_text.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace vivarium {
namespace {

// --- members, as the text of the configuration has them -------------------------------------------

/// `server.1=host:2888:3888:participant;0.0.0.0:2181`
struct Member {
  std::string id;
  std::string quorum_address, election_address, client_address;
  bool votes = true;
};

/// The part before the first `mark` that stands in no brackets, and takes both away.
std::string_view cut(std::string_view& rest, char mark) {
  const auto from = rest.starts_with('[') ? rest.find(']') : 0;
  const auto end = from == rest.npos ? rest.npos : rest.find(mark, from);
  const auto part = rest.substr(0, end);
  rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
  return part;
}

std::string joined(std::string_view host, std::string_view port) {
  return std::string(host) + ":" + std::string(port);
}

Member parse_member(std::string_view id, std::string_view address) {
  Member member;
  member.id = id;
  auto servers = cut(address, ';');
  const auto host = cut(servers, ':');
  member.quorum_address = joined(host, cut(servers, ':'));
  member.election_address = joined(host, cut(servers, ':'));
  member.votes = cut(servers, ':') != "observer";
  member.client_address = address;
  return member;
}

std::vector<Member> members(const Inspection& server) {
  constexpr std::string_view kServer = "server.";
  std::vector<Member> all;
  if (!server.settings.ensemble) return all;
  std::string_view text = server.settings.ensemble->config;
  while (!text.empty()) {
    auto line = cut(text, '\n');
    if (!line.starts_with(kServer)) continue;
    line.remove_prefix(kServer.size());
    const auto id = cut(line, '=');
    all.push_back(parse_member(id, line));
  }
  return all;
}

std::optional<Member> member(const Inspection& server, ServerId id) {
  for (auto& one : members(server))
    if (one.id == std::to_string(id.value)) return std::move(one);
  return {};
}

std::string host_of(const std::string& address) { return address.substr(0, address.rfind(':')); }

// --- the commands ---------------------------------------------------------------------------------

Value leader(const Inspection& server) {
  if (!server.settings.ensemble) return Value::Fields{{"error", "server is not initialized"}};
  const auto leader = server.broadcast.leader();
  const auto found = leader ? member(server, *leader) : std::nullopt;
  return Value::Fields{{"is_leader", server.role() == ServingRole::leader},
                       {"leader_id", leader ? leader->value : -1},
                       {"leader_ip", found ? host_of(found->quorum_address) : ""}};
}

Value voting_view(const Inspection& server) {
  Value::Fields view;
  for (const auto& member : members(server)) {
    if (!member.votes) continue;
    view.emplace_back(member.id, Value::Fields{{"server_addresses", Value::List{member.quorum_address}},
                                               {"election_addresses", Value::List{member.election_address}},
                                               {"client_address", member.client_address},
                                               {"learner_type", "participant"}});
  }
  return Value::Fields{{"current_config", std::move(view)}};
}

/// What ZooKeeper calls the phase. A server that has a role has come to the last one.
const char* phase(ServingRole role) {
  return role == ServingRole::none || role == ServingRole::read_only ? "election" : "broadcast";
}

Value zab_state(const Inspection& server) {
  const auto self = member(server, server.settings.id);
  if (!self) return Value::Fields{{"voting", false}, {"zabstate", ""}};
  const auto zxid = server.database().last_applied();
  return Value::Fields{{"myid", server.settings.id.value},
                       {"is_leader", server.role() == ServingRole::leader},
                       {"quorum_address", self->quorum_address},
                       {"election_address", self->election_address},
                       {"client_address", self->client_address},
                       {"voting", self->votes},
                       {"last_zxid", "0x" + to_hex(zxid.value)},
                       {"zab_epoch", zxid.value >> 32},
                       {"zab_counter", zxid.value & 0xffffffff},
                       {"zabstate", phase(server.role())}};
}

/// The leader's; a follower serves none here.
Value observers(const Inspection& server) {
  Value::List list;
  for (const auto& peer : server.broadcast.peers()) {
    if (peer.voter || !peer.synced) continue;
    list.push_back(Value::Fields{{"remote_socket_address", peer.address},
                                 {"sid", peer.id.value},
                                 {"last_zxid", "0x" + to_hex(peer.last_acknowledged.value)}});
  }
  return Value::Fields{{"synced_observers", count_value(list.size())},
                       {"observers", std::move(list)}};
}

/// Ours: all members; what of them only a leader knows is null elsewhere.
Value members_known(const Inspection& server) {
  const auto leader = server.broadcast.leader();
  const auto peers = server.broadcast.peers();
  const bool leads = server.role() == ServingRole::leader;
  Value::List list;
  for (const auto& member : members(server)) {
    const auto is_member = [&](ServerId id) { return std::to_string(id.value) == member.id; };
    const auto peer = std::find_if(peers.begin(), peers.end(),
                                   [&](const auto& one) { return is_member(one.id); });
    const bool self = is_member(server.settings.id);
    const bool known = peer != peers.end();
    list.push_back(Value::Fields{
        {"sid", member.id},
        {"quorum_address", member.quorum_address},
        {"client_address", member.client_address},
        {"voting", member.votes},
        {"is_self", self},
        {"is_leader", leader && is_member(*leader)},
        {"synced", leads ? Value(self || (known && peer->synced)) : Value()},
        {"last_zxid", known ? Value("0x" + to_hex(peer->last_acknowledged.value)) : Value()}});
  }
  return Value::Fields{{"members", std::move(list)}};
}

Value nothing(const Inspection&) { return Value::Fields{}; }

Value initial_configuration(const Inspection& server) {
  const auto& ensemble = server.settings.ensemble;
  return Value::Fields{{"initial_configuration", ensemble ? Value(ensemble->config) : Value()}};
}

Value last_snapshot(const Inspection& server) {
  const auto& last = server.stats.last_snapshot;
  return Value::Fields{{"zxid", to_hex(last.zxid.value)},
                       {"timestamp", last.wall_ms < 0 ? -1 : last.wall_ms / 1000}};
}

/// Those of Java's that have a meaning here.
Value system_properties(const Inspection& server) {
  Value::Fields fields;
  for (const auto& [key, value] : server.settings.environment)
    if (!key.starts_with("java.") && key != "host.name") fields.emplace_back(key, value);
  return fields;
}

using enum CommandPermission;
using enum Available;

constexpr CommandRow kCommands[] = {
    {"leader", nullptr, operators, while_serving, "Who leads.", leader, nullptr, "lead"},
    {"voting_view", nullptr, operators, while_serving, "The members that vote.", voting_view, nullptr},
    {"zabstate", nullptr, operators, always, "This member's addresses, phase and zxid.", zab_state,
     nullptr},
    {"observers", nullptr, operators, while_serving, "The observers that a leader serves.", observers,
     nullptr, "obsr"},
    {"members", nullptr, operators, always, "The members; on the leader, who of them has its state.",
     members_known, nullptr},
    {"observer_connection_stat_reset", nullptr, operators, while_serving,
     "Accepted, and without effect here.", nothing, nullptr, "orst"},
    {"initial_configuration", nullptr, operators, while_serving,
     "The members that the server was started with.", initial_configuration, nullptr, "icfg"},
    {"last_snapshot", nullptr, operators, while_serving, "Zxid and time of the newest snapshot.",
     last_snapshot, nullptr, "lsnp"},
    {"system_properties", nullptr, operators, always, "Host, user, system.", system_properties, nullptr,
     "sysp"},
};

}  // namespace

std::span<const CommandRow> ensemble_commands() { return kCommands; }

}  // namespace vivarium
