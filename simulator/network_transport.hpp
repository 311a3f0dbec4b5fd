#pragma once
// The Transport of a simulated host: the channels of production over streams of the simulated network.

#include "simulator/network.hpp"
#include "transports/stream/stream_channels.hpp"
#include "transports/stream/transport_parts.hpp"

#include <vivarium/plugin.hpp>
#include <vivarium/transport.hpp>

#include <memory>
#include <string>

namespace vivarium::simulator {

class NetworkTransport final : public Transport {
 public:
  /// As a plugin of a machine: host.loop() is a MachineLoop, which knows its network.
  explicit NetworkTransport(PluginHost& host);
  /// Loopback addresses and "every interface" stand for the host itself.
  NetworkTransport(Loop& loop, Network& network, HostId host);
  ~NetworkTransport() override;
  NetworkTransport(const NetworkTransport&) = delete;
  NetworkTransport& operator=(const NetworkTransport&) = delete;

  Result<std::unique_ptr<Listener>> listen(const ListenSpec& spec, Acceptor& acceptor) override;
  std::unique_ptr<Connecting> connect(const ConnectSpec& spec, Connector& connector) override;
  void stop() override;

 private:
  const std::string& name_of(const std::string& host) const;

  Network& network_;
  HostId host_;
  std::shared_ptr<StreamChannels> channels_;
  TransportParts parts_;
  bool stopped_ = false;
};

}  // namespace vivarium::simulator
