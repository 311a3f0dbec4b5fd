#pragma once
// The address space that instances of the memory transport share: who listens where.
//
// Tests and simulations make one and give it to each of their transports. Only transports on the
// same Loop may share one. All on the core thread.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include <vivarium/transport.hpp>

namespace vivarium {

class MemoryListening;

class MemoryNetwork {
 public:
  MemoryNetwork() = default;
  MemoryNetwork(const MemoryNetwork&) = delete;
  MemoryNetwork& operator=(const MemoryNetwork&) = delete;

  /// Takes the address for `listening`, which gives it back by remove(). Port 0 takes a free one.
  /// Returns the port; 0 when the address is taken.
  std::uint16_t add(const std::string& host, std::uint16_t port, MemoryListening& listening);
  void remove(const std::string& host, std::uint16_t port);
  /// nullptr when nobody listens there.
  MemoryListening* find(const std::string& host, std::uint16_t port) const;

  std::uint16_t free_port();

 private:
  using Address = std::pair<std::uint16_t, std::string>;
  std::map<Address, MemoryListening*> listening_;
  std::uint16_t last_port_ = 49151;  ///< Free ports are dealt out from the range for it.
};

}  // namespace vivarium
