#pragma once
// The transport `memory`: channels inside one process, carried by Loop::post. The twin of tcp for
// tests and simulations, which give all their transports one MemoryNetwork.

#include <cstdint>
#include <memory>
#include <string>

#include <vivarium/plugin.hpp>
#include <vivarium/transport.hpp>

#include "memory_network.hpp"
#include "transports/stream/stream_channels.hpp"
#include "transports/stream/transport_parts.hpp"

namespace vivarium {

class MemoryTransport final : public Transport {
 public:
  /// On a network of its own: what listens here is reached by what connects through this instance.
  explicit MemoryTransport(PluginHost& host);
  /// `host` is the name by which others reach this instance and which they see as their peer's;
  /// "localhost", loopback addresses and "every interface" stand for it.
  MemoryTransport(Loop& loop, std::shared_ptr<MemoryNetwork> network,
                  std::string host = "127.0.0.1");
  ~MemoryTransport() override;
  MemoryTransport(const MemoryTransport&) = delete;
  MemoryTransport& operator=(const MemoryTransport&) = delete;

  Result<std::unique_ptr<Listener>> listen(const ListenSpec& spec, Acceptor& acceptor) override;
  std::unique_ptr<Connecting> connect(const ConnectSpec& spec, Connector& connector) override;
  void stop() override;

 private:
  std::string name_of(const std::string& host) const;

  std::shared_ptr<MemoryNetwork> network_;
  std::string host_;
  std::shared_ptr<StreamChannels> channels_;
  TransportParts parts_;
  bool stopped_ = false;
};

}  // namespace vivarium
