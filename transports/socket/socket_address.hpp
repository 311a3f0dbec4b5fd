#pragma once
// Where a socket is bound or connected to, and how names become that.

#include <cstdint>
#include <string>
#include <vector>

#include <sys/socket.h>

#include <vivarium/result.hpp>

namespace vivarium {

class SocketAddress {
 public:
  SocketAddress() = default;
  SocketAddress(const sockaddr* address, socklen_t size);

  static SocketAddress local_of(int socket);
  /// Every interface, IPv4 included, when the system speaks IPv6; otherwise every IPv4 interface.
  static std::vector<SocketAddress> wildcards(std::uint16_t port);

  const sockaddr* data() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  socklen_t size() const { return size_; }
  int family() const { return storage_.ss_family; }

  /// Numeric, without brackets or port; IPv4 for an IPv4 address mapped into IPv6.
  std::string host() const;
  std::uint16_t port() const;

 private:
  sockaddr_storage storage_{};
  socklen_t size_ = 0;
};

/// `host` when it is a numeric address; empty otherwise. Does not block.
std::vector<SocketAddress> numeric_address(const std::string& host, std::uint16_t port);
/// All addresses of a name or numeric address, best first. Blocks on the name service.
Result<std::vector<SocketAddress>> look_up(const std::string& host, std::uint16_t port);

/// "host:port", with brackets around an IPv6 address.
std::string to_text(const std::string& host, std::uint16_t port);

}  // namespace vivarium
