#pragma once
// The transport `tcp`: sockets as they are.

#include <memory>
#include <string>

#include "transports/socket/socket_transport.hpp"

namespace vivarium {

class TcpTransport final : public SocketTransport {
 public:
  explicit TcpTransport(PluginHost& host) : SocketTransport(host) {}

  std::unique_ptr<SocketStream> accepted(Socket socket) override;
  std::unique_ptr<SocketStream> connecting(Socket socket, const std::string& host) override;
};

}  // namespace vivarium
