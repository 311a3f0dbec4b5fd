#include "client/servers.hpp"

#include <vivarium/assert.hpp>

#include <algorithm>
#include <utility>

namespace vivarium::client {
namespace {

/// By Loop::random(), since std::shuffle gives another order with each standard library.
void shuffle(std::vector<ServerAddress>& servers, Loop& loop) {
  for (auto left = servers.size(); left > 1; --left)
    std::swap(servers[left - 1], servers[loop.random() % left]);
}

}  // namespace

Servers::Servers(Loop& loop, const Settings& settings)
    : loop_(loop), order_(settings.servers), backoff_first_(settings.backoff_first),
      backoff_max_(settings.backoff_max) {
  VIVARIUM_ASSERT(!order_.empty(), "a session needs a server to talk to");
  if (settings.order == ServerOrder::shuffled) shuffle(order_, loop);
}

Micros Servers::next() {
  current_ = (current_ + 1) % order_.size();
  if (++failures_ % order_.size() != 0) return Micros(0);
  const auto rounds = failures_ / order_.size();
  auto whole = Micros(backoff_first_);
  for (std::size_t i = 1; i < rounds && whole < backoff_max_; ++i) whole *= 2;
  const auto half = std::min(whole, Micros(backoff_max_)).count() / 2;
  return Micros(half + static_cast<std::int64_t>(loop_.random() % static_cast<std::uint64_t>(half + 1)));
}

}  // namespace vivarium::client
