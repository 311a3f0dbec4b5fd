#pragma once
// A socket that is closed with its owner. All sockets here are non-blocking and closed on exec.

#include <string>
#include <utility>

#include <vivarium/result.hpp>

#include "transports/socket/socket_address.hpp"

namespace vivarium {

class Socket {
 public:
  Socket() = default;
  explicit Socket(int descriptor) : descriptor_(descriptor) {}
  Socket(Socket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~Socket();

  int get() const { return descriptor_; }
  explicit operator bool() const { return descriptor_ >= 0; }

 private:
  int descriptor_ = -1;
};

/// "Connection refused"
std::string text_of_errno(int error);

/// Binds and listens on the first of the addresses that can be had.
Result<Socket> open_listening(const std::vector<SocketAddress>& addresses, int backlog);

/// Begins to connect: the socket becomes writable when it is decided; the outcome is
/// pending_error().
Result<Socket> open_connecting(const SocketAddress& address);

/// The error that the socket has met, cleared by the call; 0 for none.
int pending_error(int socket);

/// Small writes are sent at once: what can be coalesced has been by then. The system takes little more
/// than it can send: of what a peer does not read, the rest stays where it is counted and bounded.
void prepare_for_sending(int socket);

}  // namespace vivarium
