#pragma once
// One server that is outside of what works, while the others are a connected majority and nothing else is
// wrong: they must find a leader, keep it, and serve (L-4). At first it is cut off; then it is a nuisance.

#include "simulator/machine.hpp"
#include "simulator/network.hpp"
#include "simulator/probes.hpp"
#include "simulator/trace.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace vivarium::simulator {

class Outsider {
 public:
  enum class Way : std::uint8_t {
    stays_away,  ///<
    flaps,       ///< Is there and away by turns, and looks for a leader time and again.
    is_deaf,     ///< Says what it likes, and hears nothing.
    is_mute,
    restarts,    ///< Time and again.
  };
  /// Which server it is, and its way, is up to the seed. All are borrowed; nobody else may cut links
  /// meanwhile.
  Outsider(SimulatedLoop& loop, Network& network, std::vector<std::unique_ptr<Machine>>& machines,
           std::uint64_t seed, Trace& trace, Probes& probes);
  /// All is in order from then on.
  ~Outsider();
  Outsider(const Outsider&) = delete;
  Outsider& operator=(const Outsider&) = delete;

  /// The others have a leader without it: it begins with what it is here for.
  void be_a_nuisance();

  std::size_t machine() const { return which_; }
  Way way() const { return way_; }

 private:
  enum class Direction : std::uint8_t { to_it, from_it, both };
  void cut(Direction direction);
  void turn();
  void later();
  std::uint64_t next();

  SimulatedLoop& loop_;
  Network& network_;
  std::vector<std::unique_ptr<Machine>>& machines_;
  std::uint64_t state_;
  std::size_t which_;
  Way way_;
  bool away_ = true;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>();
};

std::string_view name_of(Outsider::Way way);

}  // namespace vivarium::simulator
