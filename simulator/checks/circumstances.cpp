#include "simulator/checks/circumstances.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace vivarium::simulator {

std::vector<ServerId> Circumstances::ids() const {
  std::vector<ServerId> ids;
  for (std::size_t i = 1; i <= servers.size(); ++i) ids.push_back({static_cast<std::int64_t>(i)});
  return ids;
}

bool Circumstances::takes_part(ServerId id) const {
  const auto& server = of(id);
  return server.powered && server.runs && !server.paused && server.disk != Disk::full;
}

bool Circumstances::is_hampered(ServerId id) const {
  const auto& server = of(id);
  return server.powered && server.runs && !server.paused && server.disk != Disk::works;
}

bool Circumstances::any_refuses_writes() const {
  return std::any_of(servers.begin(), servers.end(),
                     [](const Server& server) { return server.disk == Disk::full; });
}

bool Circumstances::can_lead(ServerId id) const {
  if (!takes_part(id) || of(id).disk != Disk::works) return false;
  const auto all = ids();
  const auto with = std::count_if(all.begin(), all.end(), [&](ServerId other) {
    return other == id || (takes_part(other) && reach_each_other(id, other));
  });
  return 2 * static_cast<std::size_t>(with) > servers.size();
}

bool Circumstances::have_majority() const {
  const auto all = ids();
  // Few servers, so few sets of them.
  for (std::uint32_t set = 1; set < 1u << servers.size(); ++set) {
    std::vector<ServerId> members;
    for (const auto id : all)
      if (set >> (id.value - 1) & 1) members.push_back(id);
    const auto fits = [&](ServerId a) {
      return takes_part(a) && std::all_of(members.begin(), members.end(),
                                          [&](ServerId b) { return a == b || reach_each_other(a, b); });
    };
    if (2 * members.size() > servers.size() && std::all_of(members.begin(), members.end(), fits) &&
        std::any_of(members.begin(), members.end(), [&](ServerId id) { return can_lead(id); }))
      return true;
  }
  return false;
}

std::optional<ServerId> Circumstances::deaf() const {
  const auto all = ids();
  const auto majority = [&](ServerId id, auto reaches) {
    const auto count = std::count_if(all.begin(), all.end(), [&](ServerId other) {
      return other == id || (takes_part(other) && reaches(other));
    });
    return 2 * static_cast<std::size_t>(count) > servers.size();
  };
  for (const auto id : all) {
    const bool heard = majority(id, [&](ServerId other) { return passes(id, other); });
    const bool hears = majority(id, [&](ServerId other) { return passes(other, id); });
    if (takes_part(id) && heard && !hears) return id;
  }
  return std::nullopt;
}

bool Circumstances::worse_than(const Circumstances& before) const {
  for (std::size_t i = 0; i < servers.size(); ++i) {
    const auto& now = servers[i];
    const auto& then = before.servers[i];
    if ((then.powered && !now.powered) || (then.runs && !now.runs) || (!then.paused && now.paused) ||
        (then.disk == Disk::works && now.disk != Disk::works))
      return true;
  }
  return !std::includes(before.cut.begin(), before.cut.end(), cut.begin(), cut.end());
}

std::string difference(const Circumstances& before, const Circumstances& now) {
  std::vector<std::string> all;
  for (const auto id : now.ids()) {
    const auto& then = before.of(id);
    const auto& here = now.of(id);
    const auto who = fmt::format("server {}", id.value);
    if (then.powered && !here.powered) all.push_back(who + " has no power");
    else if (then.runs && !here.runs) all.push_back(who + " has ended");
    if (!then.paused && here.paused) all.push_back(who + " stands still");
    if (then.disk == Circumstances::Disk::works && here.disk == Circumstances::Disk::slow)
      all.push_back(who + " has a slow disk");
    if (then.disk != Circumstances::Disk::full && here.disk == Circumstances::Disk::full)
      all.push_back(who + " has a full disk");
  }
  std::vector<std::string> links;
  for (const auto& [from, to] : now.cut)
    if (!before.cut.contains({from, to})) links.push_back(fmt::format("{}>{}", from.value, to.value));
  if (!links.empty()) all.push_back(fmt::format("nothing passes on {}", fmt::join(links, " ")));
  return fmt::format("{}", fmt::join(all, ", "));
}

}  // namespace vivarium::simulator
