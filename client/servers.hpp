#pragma once
// Which server is tried next, and how long to wait before that.

#include "client/settings.hpp"

#include <vivarium/loop.hpp>

#include <cstddef>
#include <vector>

namespace vivarium::client {

class Servers {
 public:
  Servers(Loop& loop, const Settings& settings);

  const ServerAddress& current() const { return order_[current_]; }
  std::size_t count() const { return order_.size(); }
  /// Goes on to the next one. Returns the pause before it: none, until all have failed.
  Micros next();
  /// The current one is of use: what had failed before no longer counts.
  void note_success() { failures_ = 0; }

 private:
  Loop& loop_;
  std::vector<ServerAddress> order_;
  Millis backoff_first_, backoff_max_;
  std::size_t current_ = 0;
  std::size_t failures_ = 0;  ///< In a row.
};

}  // namespace vivarium::client
