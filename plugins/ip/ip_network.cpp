#include "ip_network.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>

namespace vivarium {
namespace {

constexpr std::size_t kGroups = 8;

/// A number of digits only, up to `max`. Java's parser would also take a sign; we do not.
std::optional<int> parse_number(std::string_view text, int base, int max) {
  int value = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value, base);
  if (text.starts_with('-') || stop != end || error != std::errc{} || value > max)
    return std::nullopt;
  return value;
}

/// Cuts the part up to the next separator off `rest`; nullopt once nothing is left.
std::optional<std::string_view> next_part(std::optional<std::string_view>& rest, char separator) {
  if (!rest) return std::nullopt;
  const auto end = rest->find(separator);
  const auto part = rest->substr(0, end);
  if (end == std::string_view::npos)
    rest.reset();
  else
    rest->remove_prefix(end + 1);
  return part;
}

/// Groups of an IPv6 address, between its ends and the "::".
struct Groups {
  std::array<std::uint16_t, kGroups> values{};
  std::size_t count = 0;
};

std::optional<Groups> parse_groups(std::string_view text) {
  Groups groups;
  if (text.empty()) return groups;
  std::optional<std::string_view> rest = text;
  while (const auto part = next_part(rest, ':')) {
    const auto value = part->size() <= 4 ? parse_number(*part, 16, 0xffff) : std::nullopt;
    if (!value || groups.count == kGroups) return std::nullopt;
    groups.values[groups.count++] = static_cast<std::uint16_t>(*value);
  }
  return groups;
}

void put(const Groups& groups, std::uint8_t* at) {
  for (std::size_t i = 0; i < groups.count; ++i) {
    *at++ = static_cast<std::uint8_t>(groups.values[i] >> 8);
    *at++ = static_cast<std::uint8_t>(groups.values[i] & 0xff);
  }
}

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  return text.find(':') != std::string_view::npos ? parse_v6(text) : parse_v4(text);
}

std::optional<IpAddress> IpAddress::parse_v4(std::string_view text) {
  IpAddress address;
  std::optional<std::string_view> rest = text;
  while (const auto part = next_part(rest, '.')) {
    const auto value = parse_number(*part, 10, 255);
    if (!value || address.size_ == 4) return std::nullopt;
    address.bytes_[address.size_++] = static_cast<std::uint8_t>(*value);
  }
  if (address.size_ != 4) return std::nullopt;
  return address;
}

std::optional<IpAddress> IpAddress::parse_v6(std::string_view text) {
  const auto gap = text.find("::");
  const bool has_gap = gap != std::string_view::npos;
  const auto before = parse_groups(text.substr(0, gap));
  const auto after = parse_groups(has_gap ? text.substr(gap + 2) : std::string_view());
  if (!before || !after) return std::nullopt;
  const auto count = before->count + after->count;
  if (has_gap ? count >= kGroups : count != kGroups) return std::nullopt;
  IpAddress address;
  address.size_ = 16;
  put(*before, address.bytes_.data());
  put(*after, address.bytes_.data() + 2 * (kGroups - after->count));
  return address;
}

std::string IpAddress::java_text() const {
  std::string text;
  const bool v4 = size_ == 4;
  for (std::size_t i = 0; i < size_; i += v4 ? 1 : 2) {
    const unsigned value = v4 ? bytes_[i] : static_cast<unsigned>(bytes_[i] << 8 | bytes_[i + 1]);
    std::array<char, 5> digits;
    const auto end = std::to_chars(digits.begin(), digits.end(), value, v4 ? 10 : 16).ptr;
    if (i > 0) text += v4 ? '.' : ':';
    text.append(digits.begin(), end);
  }
  return text;
}

std::optional<IpNetwork> IpNetwork::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  if (slash == std::string_view::npos) return IpNetwork(*address, address->bits());
  const auto bits = parse_number(text.substr(slash + 1), 10, address->bits());
  if (!bits) return std::nullopt;
  return IpNetwork(*address, *bits);
}

bool IpNetwork::contains(const IpAddress& address) const {
  const auto ours = address_.bytes(), theirs = address.bytes();
  if (ours.size() != theirs.size()) return false;
  const auto whole = static_cast<std::size_t>(bits_ / 8);
  if (!std::equal(ours.begin(), ours.begin() + bits_ / 8, theirs.begin())) return false;
  const int rest = bits_ % 8;
  return rest == 0 || (ours[whole] ^ theirs[whole]) >> (8 - rest) == 0;
}

}  // namespace vivarium
