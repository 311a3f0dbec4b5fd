#include "transports/socket/socket_address.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

namespace vivarium {
namespace {

struct FreeAddresses {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};
using AddressList = std::unique_ptr<addrinfo, FreeAddresses>;

int ask(const std::string& host, std::uint16_t port, int flags, AddressList& answer) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | flags;
  addrinfo* list = nullptr;
  const int error = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
  answer.reset(list);
  return error;
}

std::vector<SocketAddress> all_of(const addrinfo* list) {
  std::vector<SocketAddress> addresses;
  for (; list; list = list->ai_next) addresses.emplace_back(list->ai_addr, list->ai_addrlen);
  return addresses;
}

std::string text_of_error(int error) {
  if (error == EAI_SYSTEM) return std::generic_category().message(errno);
  return ::gai_strerror(error);
}

}  // namespace

SocketAddress::SocketAddress(const sockaddr* address, socklen_t size) : size_(size) {
  std::memcpy(&storage_, address, size);
}

SocketAddress SocketAddress::local_of(int socket) {
  SocketAddress address;
  address.size_ = sizeof address.storage_;
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&address.storage_), &address.size_);
  return address;
}

std::vector<SocketAddress> SocketAddress::wildcards(std::uint16_t port) {
  sockaddr_in6 six{};
  six.sin6_family = AF_INET6;
  six.sin6_port = htons(port);
  sockaddr_in four{};
  four.sin_family = AF_INET;
  four.sin_port = htons(port);
  return {{reinterpret_cast<const sockaddr*>(&six), sizeof six},
          {reinterpret_cast<const sockaddr*>(&four), sizeof four}};
}

std::string SocketAddress::host() const {
  if (family() == AF_INET6) {
    const auto& bytes = reinterpret_cast<const sockaddr_in6*>(&storage_)->sin6_addr;
    std::array<char, INET_ADDRSTRLEN> text{};
    if (IN6_IS_ADDR_V4MAPPED(&bytes))
      return ::inet_ntop(AF_INET, &bytes.s6_addr[12], text.data(), text.size());
  }
  std::array<char, NI_MAXHOST> text{};  // getnameinfo, because it also writes the scope.
  ::getnameinfo(data(), size_, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST);
  return text.data();
}

std::uint16_t SocketAddress::port() const {
  if (family() == AF_INET6)
    return ntohs(reinterpret_cast<const sockaddr_in6*>(&storage_)->sin6_port);
  return ntohs(reinterpret_cast<const sockaddr_in*>(&storage_)->sin_port);
}

std::vector<SocketAddress> numeric_address(const std::string& host, std::uint16_t port) {
  AddressList answer;
  if (ask(host, port, AI_NUMERICHOST, answer) != 0) return {};
  return all_of(answer.get());
}

Result<std::vector<SocketAddress>> look_up(const std::string& host, std::uint16_t port) {
  AddressList answer;
  if (const int error = ask(host, port, 0, answer); error != 0)
    return Error(Errc::not_found, "no address for the name " + host + ": " + text_of_error(error));
  return all_of(answer.get());
}

std::string to_text(const std::string& host, std::uint16_t port) {
  const bool bare = host.find(':') == std::string::npos;
  return (bare ? host : "[" + host + "]") + ":" + std::to_string(port);
}

}  // namespace vivarium
