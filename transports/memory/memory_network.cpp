#include "memory_network.hpp"

namespace vivarium {

std::uint16_t MemoryNetwork::add(const std::string& host, std::uint16_t port,
                                 MemoryListening& listening) {
  if (port == 0) port = free_port();
  return listening_.try_emplace({port, host}, &listening).second ? port : 0;
}

void MemoryNetwork::remove(const std::string& host, std::uint16_t port) {
  listening_.erase({port, host});
}

MemoryListening* MemoryNetwork::find(const std::string& host, std::uint16_t port) const {
  const auto found = listening_.find({port, host});
  return found == listening_.end() ? nullptr : found->second;
}

/// Ports come round again; one in use by a listener is passed over.
std::uint16_t MemoryNetwork::free_port() {
  for (;;) {
    last_port_ = last_port_ == 65535 ? 49152 : static_cast<std::uint16_t>(last_port_ + 1);
    const auto next = listening_.lower_bound({last_port_, std::string()});
    if (next == listening_.end() || next->first.first != last_port_) return last_port_;
  }
}

}  // namespace vivarium
