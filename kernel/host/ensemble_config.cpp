#include "kernel/host/ensemble_config.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

#include <fmt/format.h>

namespace vivarium {
namespace {

template <class Integer>
std::optional<Integer> number(std::string_view text, Integer least) {
  Integer value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && value >= least ? std::optional(value) : std::nullopt;
}

/// What stands between the colons, trimmed; a host in brackets holds colons of its own.
std::vector<std::string_view> fields_of(std::string_view text) {
  std::vector<std::string_view> fields;
  for (;;) {
    const auto bracket = trimmed(text).starts_with('[') ? text.find(']') : 0;
    const auto colon = text.find(':', std::min(bracket, text.size()));
    fields.push_back(trimmed(text.substr(0, colon)));
    if (colon == text.npos) return fields;
    text.remove_prefix(colon + 1);
  }
}

std::string without_brackets(std::string_view host) {
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  return std::string(bracketed ? host.substr(1, host.size() - 2) : host);
}

std::string with_brackets(const std::string& host) {
  return host.find(':') == host.npos ? host : "[" + host + "]";
}

/// "server.3" and "group.3" end in a number.
std::optional<std::int64_t> number_in_key(std::string_view key) {
  return number<std::int64_t>(key.substr(key.find('.') + 1), 0);
}

Error complaint(const Property& line, std::string_view what) {
  return {Errc::invalid_argument,
          fmt::format("{}: {}={} {}", line.origin, line.key, line.value, what)};
}

/// `2181`, or `host:2181`. ZooKeeper writes a missing host as 0.0.0.0.
std::optional<ListenAddress> client_address(std::string_view text) {
  const auto fields = fields_of(text);
  const auto port = number<std::uint16_t>(fields.back(), 1);
  if (fields.size() > 2 || !port) return std::nullopt;
  return ListenAddress{fields.size() == 2 ? without_brackets(fields[0]) : "0.0.0.0", *port};
}

std::string value_of(const EnsembleMember& member) {
  auto value = fmt::format("{}:{}:{}:{}", with_brackets(member.host), member.quorum_port,
                           member.election_port, name_of(member.role));
  if (member.client)
    value += fmt::format(";{}:{}", with_brackets(member.client->host), member.client->port);
  return value;
}

}  // namespace

std::string_view name_of(MemberRole role) {
  return role == MemberRole::observer ? "observer" : "participant";
}

std::optional<MemberRole> parse_member_role(std::string_view text) {
  const auto is = [&](std::string_view name) {
    return std::equal(text.begin(), text.end(), name.begin(), name.end(),
                      [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; });
  };
  for (const auto role : {MemberRole::participant, MemberRole::observer})
    if (is(name_of(role))) return role;
  return std::nullopt;
}

EnsembleConfig::EnsembleConfig(std::span<const Property> lines, std::uint64_t version,
                               std::vector<std::string>& errors)
    : version_(version) {
  for (const auto& line : lines)
    if (const auto added = add(line); !added) errors.push_back(added.error().what);
  if (hierarchical_) complete_groups(errors);
}

const EnsembleMember* EnsembleConfig::find(ServerId id) const {
  const auto found = members_.find(id);
  return found == members_.end() ? nullptr : &found->second;
}

std::size_t EnsembleConfig::voters() const {
  return static_cast<std::size_t>(
      std::count_if(members_.begin(), members_.end(), [](const auto& member) {
        return member.second.role == MemberRole::participant;
      }));
}

Result<void> EnsembleConfig::add(const Property& line) {
  if (line.key.starts_with("server.")) return add_member(line);
  hierarchical_ = true;
  return line.key.starts_with("group.") ? add_group(line) : add_weight(line);
}

Result<void> EnsembleConfig::add_member(const Property& line) {
  const auto id = number_in_key(line.key);
  if (!id) return complaint(line, "has no number of a server behind \"server.\"");
  if (line.value.find('|') != line.value.npos)
    return complaint(line, "gives the server several addresses, which is not offered here; leave the "
                           "one that all others can reach");
  const auto semicolon = line.value.find(';');
  const auto fields = fields_of(std::string_view(line.value).substr(0, semicolon));
  EnsembleMember member{{*id}, without_brackets(fields[0]), 0, 0, MemberRole::participant, {},
                        line.origin};
  const bool complete = fields.size() == 3 || fields.size() == 4;
  const auto quorum = complete ? number<std::uint16_t>(fields[1], 1) : std::nullopt;
  const auto election = complete ? number<std::uint16_t>(fields[2], 1) : std::nullopt;
  if (member.host.empty() || !quorum || !election)
    return complaint(line, "is no member of an ensemble; want "
                           "host:quorumPort:electionPort[:role][;[clientHost:]clientPort]");
  member.quorum_port = *quorum;
  member.election_port = *election;
  const auto role = fields.size() == 4 ? parse_member_role(fields[3]) : MemberRole::participant;
  if (!role) return complaint(line, "has an unknown role; want participant or observer");
  member.role = *role;
  if (semicolon != line.value.npos) {
    member.client = client_address(std::string_view(line.value).substr(semicolon + 1));
    if (!member.client) return complaint(line, "ends in no port; want ;PORT or ;HOST:PORT");
  }
  if (!members_.emplace(member.id, member).second)
    return complaint(line, "names a server for the second time; remove one of the lines");
  return {};
}

Result<void> EnsembleConfig::add_group(const Property& line) {
  const auto group = number_in_key(line.key);
  if (!group) return complaint(line, "has no number of a group behind \"group.\"");
  for (const auto field : fields_of(line.value)) {
    const auto id = number<std::int64_t>(field, 0);
    if (!id) return complaint(line, "is no list of servers; want numbers with colons between them");
    if (!group_of_.emplace(ServerId{*id}, *group).second)
      return complaint(line, fmt::format("has server {}, which is in a group already", *id));
  }
  return {};
}

Result<void> EnsembleConfig::add_weight(const Property& line) {
  const auto id = number_in_key(line.key);
  const auto weight = number<std::int32_t>(line.value, 0);
  if (!id || !weight)
    return complaint(line, "is no weight of a server; want weight.N= and a number from 0 on");
  weights_[{*id}] = *weight;
  return {};
}

/// As ZooKeeper does: each voter is in a group, and counts for 1 unless it is said otherwise.
void EnsembleConfig::complete_groups(std::vector<std::string>& errors) {
  for (const auto& [id, member] : members_) {
    if (member.role == MemberRole::observer) continue;
    if (!group_of_.contains(id))
      errors.push_back(fmt::format("{}: server.{} is in no group, and others are; add it to a group.N "
                                   "line, or remove the group and weight lines",
                                   member.origin, id.value));
    weights_.try_emplace(id, 1);
  }
}

std::string EnsembleConfig::text() const {
  std::string text;
  for (const auto& [id, member] : members_)
    text += fmt::format("server.{}={}\n", id.value, value_of(member));
  std::map<std::int64_t, std::string> groups;
  for (const auto& [id, group] : group_of_) {
    auto& list = groups[group];
    list += (list.empty() ? "" : ":") + std::to_string(id.value);
  }
  for (const auto& [group, list] : groups) text += fmt::format("group.{}={}\n", group, list);
  if (hierarchical_)
    for (const auto& [id, weight] : weights_)
      text += fmt::format("weight.{}={}\n", id.value, weight);
  return text + fmt::format("version={:x}", version_);
}

}  // namespace vivarium
