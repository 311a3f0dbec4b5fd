#pragma once
// A Transport on sockets. tcp and tls add to it what lies between a socket and its channel.
//
// Start reading at listening.hpp (how a channel comes in), connect_attempt.hpp (how one goes out)
// and transports/stream/stream_channel.hpp (what it then is).

#include <memory>
#include <string>

#include <vivarium/plugin.hpp>
#include <vivarium/transport.hpp>

#include "transports/socket/socket_stream.hpp"
#include "transports/stream/stream_channels.hpp"
#include "transports/stream/transport_parts.hpp"

namespace vivarium {

class SocketTransport : public Transport {
 public:
  explicit SocketTransport(PluginHost& host);
  ~SocketTransport() override;
  SocketTransport(const SocketTransport&) = delete;
  SocketTransport& operator=(const SocketTransport&) = delete;

  Result<std::unique_ptr<Listener>> listen(const ListenSpec& spec, Acceptor& acceptor) override;
  std::unique_ptr<Connecting> connect(const ConnectSpec& spec, Connector& connector) override;
  void stop() override;

  // --- what tcp and tls differ in ----------------------------------------------------------------
  /// Whether this transport is set up to accept anything.
  virtual Result<void> can_listen() const { return {}; }
  virtual Result<void> can_connect() const { return {}; }
  virtual std::unique_ptr<SocketStream> accepted(Socket socket) = 0;
  virtual std::unique_ptr<SocketStream> connecting(Socket socket, const std::string& host) = 0;

  // --- for the parts -----------------------------------------------------------------------------
  PluginHost& host() { return host_; }
  Loop& loop() { return channels_->loop(); }
  StreamChannels& channels() { return *channels_; }

 private:
  PluginHost& host_;
  std::shared_ptr<StreamChannels> channels_;
  TransportParts parts_;
  bool stopped_ = false;
};

}  // namespace vivarium
