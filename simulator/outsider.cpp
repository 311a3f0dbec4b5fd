#include "simulator/outsider.hpp"

#include <string>

namespace vivarium::simulator {
namespace {

constexpr std::uint64_t kShortestMs = 100, kLongestMs = 1'500;

}  // namespace

std::string_view name_of(Outsider::Way way) {
  constexpr std::string_view kNames[] = {"stays away", "flaps", "is deaf", "is mute", "restarts"};
  return kNames[static_cast<std::size_t>(way)];
}

Outsider::Outsider(SimulatedLoop& loop, Network& network,
                   std::vector<std::unique_ptr<Machine>>& machines, std::uint64_t seed, Trace& trace,
                   Probes& probes)
    : loop_(loop), network_(network), machines_(machines), state_(seed) {
  which_ = static_cast<std::size_t>(next() % machines_.size());
  way_ = static_cast<Way>(next() % 5);
  probes.met("one server " + std::string(name_of(way_)) + ", and the others serve");
  trace.add("fault", machines_[which_]->spec().name + " is cut off, and later " + std::string(name_of(way_)));
  cut(Direction::both);
}

Outsider::~Outsider() { network_.heal(); }

/// SplitMix64: one of its own, so that what else a seed decides does not depend on this.
std::uint64_t Outsider::next() {
  auto z = state_ += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

void Outsider::cut(Direction direction) {
  const auto it = machines_[which_]->host();
  for (const auto& machine : machines_) {
    if (machine->host() == it) continue;
    if (direction != Direction::from_it) network_.block(machine->host(), it);
    if (direction != Direction::to_it) network_.block(it, machine->host());
  }
}

void Outsider::be_a_nuisance() {
  if (way_ == Way::stays_away) return;
  network_.heal();
  away_ = false;
  if (way_ == Way::is_deaf) return cut(Direction::to_it);
  if (way_ == Way::is_mute) return cut(Direction::from_it);
  later();
}

void Outsider::later() {
  const auto after = Millis(static_cast<std::int64_t>(kShortestMs + next() % (kLongestMs - kShortestMs)));
  loop_.schedule(after, "outsider", [this, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) turn();
  });
}

void Outsider::turn() {
  if (way_ == Way::restarts) {
    machines_[which_]->kill();  // Whoever begins anew what has ended begins it anew.
  } else {
    away_ = !away_;
    away_ ? cut(Direction::both) : network_.heal();
  }
  later();
}

}  // namespace vivarium::simulator
