#pragma once
// Which outages are forced by what went wrong, and for how long: everything else is a fault of ours.
//
// Nothing is forced while the leader can lead (Circumstances::can_lead). It is from the moment on at which a
// leader cannot, or at which something goes that whoever is about to lead may need, while nobody leads yet:
//
//     notice     until that is known, or over; and until there is a majority that could do without
//     recovery   until another leads, has brought a majority up to date, and clients are answered
//
// How long each may take is Bounds, and does not depend on how long it has taken. A wait for what cannot come
// (a majority) lasts as long as the circumstances do.

#include "simulator/checks/availability.hpp"
#include "simulator/checks/circumstances.hpp"

#include <vivarium/ids.hpp>
#include <vivarium/loop.hpp>

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <vector>

namespace vivarium::simulator {

/// What an ensemble may take for what no fault can spare it.
struct Bounds {
  /// From the config, and what is known of network and disks.
  struct Given {
    MonoTime tick = std::chrono::seconds(2);
    std::int64_t init_limit = 10, sync_limit = 5;
    MonoTime delay = std::chrono::milliseconds(1);     ///< Of the network, at most.
    MonoTime disk = std::chrono::microseconds(100);    ///< One operation, at most.
    MonoTime asks = std::chrono::seconds(1);           ///< How often a client of each server asks.
    MonoTime reconnects = std::chrono::milliseconds(200);  ///< A client, after each failure at most.
  };
  static Bounds of(const Given& given);

  MonoTime answer{};          ///< To a write, when all is well.
  MonoTime told{};            ///< The end of a process closes its connections.
  MonoTime silence{};         ///< Of a leader, or of a majority of followers, until the others go.
  MonoTime first_silence{};   ///< The same before the leader is established.
  MonoTime resent{};          ///< What was held arrives once it can.
  MonoTime reset{};           ///< A machine that is back says that it knows of no connection, when it is asked.
  MonoTime drained{};         ///< What has queued before a slow disk; or until a full one is looked at again.
  MonoTime start{};           ///< Of those that a majority waits for, until the others have found them.
  MonoTime unreachable{};     ///< One that is heard is elected, and hears nothing: until it is given up.
  MonoTime recovery{};        ///< Election, synchronization, the first answer.
};

class Explanations {
 public:
  Explanations(std::size_t voters, const Bounds& bounds);

  /// `why`: what was done, for people.
  void on_change(MonoTime at, const Circumstances& now, const std::string& why);
  /// Who is established and has not left since; nobody for nobody.
  void on_leader(std::optional<ServerId> leader) { leader_ = leader; }

  struct Forced {
    MonoTime begins{};
    std::optional<MonoTime> ends;  ///< At the latest; nothing: not before circumstances change.
    std::string why;
  };
  struct Explanation {
    std::vector<std::string> why;            ///< Those that are needed.
    std::optional<MonoTime> unexplained;     ///< From there on.
    std::optional<MonoTime> allowed;         ///< Until when it could have lasted.
  };
  Explanation explain(const Outage& outage) const;
  /// How much of it is forced by anything.
  MonoTime forced_part(const Outage& outage) const;
  /// How much of it a client's server may have refused writes, whatever the others do.
  MonoTime refused_part(const Outage& outage) const;
  /// What is asked about later will have begun later.
  void forget_before(MonoTime moment);

  /// When circumstances changed last, not after that moment.
  MonoTime last_change(MonoTime moment) const;

 private:
  struct Moment {
    MonoTime at{};
    Circumstances circumstances;
  };
  /// Something has gone that was needed.
  struct Loss {
    MonoTime at{};
    Circumstances before, after;
    std::optional<ServerId> leader;
    std::string why;
  };

  Forced forced_by(const Loss& loss) const;
  /// Of those that cover the moment, the one that lasts longest.
  std::optional<Forced> covering(MonoTime moment) const;
  std::optional<MonoTime> noticed(const Loss& loss) const;
  const Circumstances& at(MonoTime moment) const;
  template <class Holds>
  std::optional<MonoTime> first(MonoTime from, Holds holds) const;

  const Bounds bounds_;
  std::deque<Moment> moments_;
  std::deque<Loss> losses_;
  std::optional<ServerId> leader_;
};

}  // namespace vivarium::simulator
