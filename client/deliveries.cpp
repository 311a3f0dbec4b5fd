#include "client/deliveries.hpp"

#include <utility>

namespace vivarium::client {

void Deliveries::run() {
  if (std::exchange(running_, true)) return;
  const auto self = shared_from_this();
  while (!calls_.empty()) {
    const auto call = std::move(calls_.front());
    calls_.pop_front();
    call();
  }
  running_ = false;
}

void Deliveries::run_soon() {
  if (calls_.empty() || running_ || std::exchange(posted_, true)) return;
  loop_.post([self = shared_from_this()] {
    self->posted_ = false;
    self->run();
  });
}

}  // namespace vivarium::client
