#pragma once
// What the voters of an ensemble have to work with at one moment, as the world around them knows it: who runs,
// who reaches whom, whose disk works. Not what any of them believes.

#include <vivarium/ids.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace vivarium::simulator {

struct Circumstances {
  enum class Disk : std::uint8_t { works, slow, full };
  struct Server {
    bool powered = true, runs = true, paused = false;
    Disk disk = Disk::works;
    bool operator==(const Server&) const = default;
  };

  static Circumstances all_well(std::size_t voters) { return {std::vector<Server>(voters), {}}; }

  const Server& of(ServerId id) const { return servers[static_cast<std::size_t>(id.value) - 1]; }
  Server& of(ServerId id) { return servers[static_cast<std::size_t>(id.value) - 1]; }
  bool passes(ServerId from, ServerId to) const { return !cut.contains({from, to}); }
  bool reach_each_other(ServerId a, ServerId b) const { return passes(a, b) && passes(b, a); }
  /// It runs, and can keep what it is sent.
  bool takes_part(ServerId id) const;
  /// It runs, and only its disk keeps it from what it does.
  bool is_hampered(ServerId id) const;
  /// Somebody's disk is full: it serves, and refuses writes.
  bool any_refuses_writes() const;
  /// It takes part, its disk keeps pace, and with those that it reaches it is a majority.
  bool can_lead(ServerId id) const;
  /// There are enough that reach each other, and one of them can lead.
  bool have_majority() const;
  /// Somebody is heard by a majority, and does not hear one.
  std::optional<ServerId> deaf() const;
  /// Something that was there is not any more.
  bool worse_than(const Circumstances& before) const;

  std::vector<ServerId> ids() const;

  std::vector<Server> servers;                  ///< servers[i] is server i + 1.
  std::set<std::pair<ServerId, ServerId>> cut;  ///< From whom to whom nothing passes.
  bool operator==(const Circumstances&) const = default;
};

/// What has become worse, for people: "server 2 has ended".
std::string difference(const Circumstances& before, const Circumstances& now);

}  // namespace vivarium::simulator
