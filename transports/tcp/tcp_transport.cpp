#include "tcp_transport.hpp"

#include <utility>

namespace vivarium {

std::unique_ptr<SocketStream> TcpTransport::accepted(Socket socket) {
  return std::make_unique<SocketStream>(loop(), std::move(socket));
}

std::unique_ptr<SocketStream> TcpTransport::connecting(Socket socket, const std::string&) {
  return std::make_unique<SocketStream>(loop(), std::move(socket));
}

}  // namespace vivarium
