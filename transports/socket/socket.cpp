#include "transports/socket/socket.hpp"

#include <cerrno>
#include <system_error>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

namespace vivarium {
namespace {

Errc class_of(int error) {
  switch (error) {
    case EADDRINUSE: return Errc::in_use;
    case EADDRNOTAVAIL: return Errc::invalid_argument;
    case ECONNREFUSED:
    case EACCES:
    case EPERM: return Errc::refused;
    case ETIMEDOUT: return Errc::timed_out;
    case EMFILE:
    case ENFILE: return Errc::limit_exceeded;
    default: return Errc::io_failed;
  }
}

Error error_of(int error) {
  return Error(class_of(error), text_of_errno(error));
}

Socket stream_socket(const SocketAddress& address) {
  return Socket(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

void set(int socket, int level, int option, int value) {
  ::setsockopt(socket, level, option, &value, sizeof value);
}

Result<Socket> listen_on(const SocketAddress& address, int backlog) {
  auto socket = stream_socket(address);
  if (!socket) return error_of(errno);
  set(socket.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (address.family() == AF_INET6) set(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, 0);
  if (::bind(socket.get(), address.data(), address.size()) != 0) return error_of(errno);
  if (::listen(socket.get(), backlog < 0 ? SOMAXCONN : backlog) != 0) return error_of(errno);
  return socket;
}

}  // namespace

Socket::~Socket() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

std::string text_of_errno(int error) {
  return std::generic_category().message(error);
}

Result<Socket> open_listening(const std::vector<SocketAddress>& addresses, int backlog) {
  Result<Socket> socket = Error(Errc::not_found, "no address");
  for (const auto& address : addresses) {
    socket = listen_on(address, backlog);
    if (socket || socket.error().is(Errc::in_use)) break;
  }
  return socket;
}

Result<Socket> open_connecting(const SocketAddress& address) {
  auto socket = stream_socket(address);
  if (!socket) return error_of(errno);
  prepare_for_sending(socket.get());
  if (::connect(socket.get(), address.data(), address.size()) != 0 && errno != EINPROGRESS)
    return error_of(errno);
  return socket;
}

int pending_error(int socket) {
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

void prepare_for_sending(int socket) {
  constexpr int kUnsentBytes = 1 << 20;
  set(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  set(socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT, kUnsentBytes);
}

}  // namespace vivarium
