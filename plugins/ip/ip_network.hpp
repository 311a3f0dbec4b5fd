#pragma once
// Addresses and networks as ZooKeeper's `ip` scheme reads and writes them. Pure functions of text:
// no name is looked up.

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace vivarium {

/// An IPv4 or IPv6 address; the two families never equal each other.
class IpAddress {
 public:
  /// Dotted IPv4, or IPv6 in hexadecimal groups with at most one "::". Not read, as in ZooKeeper: a
  /// dotted tail ("::ffff:10.0.0.1"), a zone ("fe80::1%eth0").
  static std::optional<IpAddress> parse(std::string_view text);

  std::span<const std::uint8_t> bytes() const { return {bytes_.data(), size_}; }
  int bits() const { return 8 * size_; }
  /// The text that Java gives an address: IPv6 as eight groups without "::".
  std::string java_text() const;

 private:
  static std::optional<IpAddress> parse_v4(std::string_view text);
  static std::optional<IpAddress> parse_v6(std::string_view text);

  std::array<std::uint8_t, 16> bytes_{};
  std::uint8_t size_ = 0;
};

/// What an ACL entry of the scheme names: an address, or the addresses that share its first bits.
class IpNetwork {
 public:
  /// "10.1.2.3", "10.0.0.0/8", "2001:db8::/32".
  static std::optional<IpNetwork> parse(std::string_view text);
  bool contains(const IpAddress& address) const;

 private:
  IpNetwork(IpAddress address, int bits) : address_(address), bits_(bits) {}
  IpAddress address_;
  int bits_;  ///< 0 to address_.bits().
};

}  // namespace vivarium
