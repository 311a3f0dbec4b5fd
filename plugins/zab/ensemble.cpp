#include "ensemble.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

namespace vivarium::zab {
namespace {

Error malformed(std::string_view line, std::string_view what) {
  return {Errc::invalid_argument,
          "the line \"" + std::string(line) + "\" of the ensemble's configuration " + std::string(what)};
}

template <class Integer>
std::optional<Integer> number(std::string_view text, int base = 10) {
  Integer value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r";
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

/// Takes what stands before the next colon; a host in brackets holds colons of its own.
std::string_view take_field(std::string_view& text) {
  std::size_t end = 0;
  if (text.starts_with('[')) end = std::min(text.find(']'), text.size());
  end = std::min(text.find(':', end), text.size());
  const auto field = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return field;
}

std::string_view without_brackets(std::string_view host) {
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  return bracketed ? host.substr(1, host.size() - 2) : host;
}

}  // namespace

Result<Ensemble> Ensemble::parse(std::string_view text) {
  Ensemble ensemble;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    const auto equals = line.find('=');
    if (line.empty() || line.front() == '#') continue;
    if (equals == std::string_view::npos) return malformed(line, "has no \"=\"");
    const auto key = trimmed(line.substr(0, equals)), value = trimmed(line.substr(equals + 1));
    const auto id = key.substr(std::min(key.find('.'), key.size() - 1) + 1);
    Result<void> added;
    if (key.starts_with("server.")) added = ensemble.add_member(id, value);
    if (key.starts_with("group.")) added = ensemble.add_group(id, value);
    if (key.starts_with("weight.")) added = ensemble.add_weight(id, value);
    if (key == "version") {
      const auto version = number<std::int64_t>(value, 16);
      if (!version) return malformed(line, "has no hexadecimal version");
      ensemble.version_ = {*version};
    }
    if (!added) return malformed(line, added.error().what);
  }
  if (const auto whole = ensemble.check(); !whole) return whole.error();
  return ensemble;
}

Result<void> Ensemble::add_member(std::string_view id, std::string_view value) {
  const auto sid = number<std::int64_t>(id);
  if (!sid || *sid < 0) return Error(Errc::invalid_argument, "has no number of a server");
  if (value.find('|') != std::string_view::npos)
    return Error(Errc::invalid_argument, "has several addresses of one server; one is read here");
  auto rest = value.substr(0, value.find(';'));
  Member member{{*sid}, {}, {}, true};
  const std::string host(without_brackets(take_field(rest)));
  const auto quorum = number<std::uint16_t>(take_field(rest));
  const auto election = number<std::uint16_t>(take_field(rest));
  const auto role = take_field(rest);
  if (host.empty() || !quorum || !election || !rest.empty())
    return Error(Errc::invalid_argument, "is not host:quorumPort:electionPort[:role]");
  if (!role.empty() && role != "participant" && role != "observer")
    return Error(Errc::invalid_argument, "has a role that is neither participant nor observer");
  member.quorum = {host, *quorum};
  member.election = {host, *election};
  member.voter = role != "observer";
  if (!members_.emplace(member.id, member).second)
    return Error(Errc::invalid_argument, "names a server for the second time");
  if (member.voter) voters_.insert(member.id);
  return {};
}

Result<void> Ensemble::add_group(std::string_view id, std::string_view value) {
  const auto group = number<std::int64_t>(id);
  if (!group) return Error(Errc::invalid_argument, "has no number of a group");
  while (!value.empty()) {
    const auto sid = number<std::int64_t>(trimmed(take_field(value)));
    if (!sid) return Error(Errc::invalid_argument, "is not a list of servers");
    for (const auto& [other, servers] : groups_)
      if (servers.contains({*sid}))
        return Error(Errc::invalid_argument, "has a server that is in a group already");
    groups_[*group].insert({*sid});
  }
  return {};
}

Result<void> Ensemble::add_weight(std::string_view id, std::string_view value) {
  const auto sid = number<std::int64_t>(id);
  const auto weight = number<std::int64_t>(value);
  if (!sid || !weight || *weight < 0 || *weight > INT32_MAX)
    return Error(Errc::invalid_argument, "is not the weight of a server");
  weights_[{*sid}] = *weight;
  return {};
}

Result<void> Ensemble::check() const {
  if (voters_.empty())
    return Error(Errc::invalid_argument, "the ensemble's configuration has no voting server");
  if (groups_.empty()) return {};
  for (const auto voter : voters_)
    if (std::none_of(groups_.begin(), groups_.end(),
                     [&](const auto& group) { return group.second.contains(voter); }))
      return Error(Errc::invalid_argument,
                   "server " + std::to_string(voter.value) + " is in none of the groups");
  return {};
}

const Member* Ensemble::find(ServerId id) const {
  const auto found = members_.find(id);
  return found == members_.end() ? nullptr : &found->second;
}

std::int64_t Ensemble::weight(ServerId id) const {
  if (groups_.empty()) return 1;
  const auto found = weights_.find(id);
  return found == weights_.end() ? 1 : found->second;
}

bool Ensemble::is_quorum(const ServerIds& servers) const {
  const auto counted = static_cast<std::size_t>(std::count_if(
      servers.begin(), servers.end(), [&](ServerId id) { return is_voter(id); }));
  if (groups_.empty()) return counted > voters_.size() / 2;
  std::size_t with_weight = 0, satisfied = 0;
  for (const auto& [number, group] : groups_) {
    std::int64_t whole = 0, have = 0;
    for (const auto id : group) {
      if (!is_voter(id)) continue;
      whole += weight(id);
      if (servers.contains(id)) have += weight(id);
    }
    with_weight += whole > 0;
    satisfied += whole > 0 && have > whole / 2;
  }
  return satisfied > with_weight / 2;
}

}  // namespace vivarium::zab
