#include "notification.hpp"

#include <vivarium/jute.hpp>

#include <algorithm>
#include <charconv>

namespace vivarium::zab {
namespace {

// Lengths by which Java tells the old forms.
constexpr std::size_t kBytesWithoutEpoch = 28, kBytesWithoutVersion = 40;

Error malformed(const std::string& what) {
  return {Errc::invalid_argument, what};
}

std::optional<PeerState> state_of(std::int32_t number) {
  if (number < 0 || number > 3) return std::nullopt;
  return static_cast<PeerState>(number);
}

bool is_wildcard(std::string_view host) {
  return host == "0.0.0.0" || host == "::" || host == "0:0:0:0:0:0:0:0";
}

std::string text_of(const Address& address) {
  const bool brackets = address.host.find(':') != std::string::npos;
  const auto host = brackets ? "[" + address.host + "]" : address.host;
  return host + ":" + std::to_string(address.port);
}

Result<Address> address_of(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return malformed("an address without a port");
  auto host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  const bool clean = std::all_of(host.begin(), host.end(), [](char c) {
    return static_cast<unsigned char>(c) > ' ' && c != 0x7f && c != '[' && c != ']';
  });
  if (host.empty() || !clean) return malformed("an address without a host");
  std::uint16_t port = 0;
  const auto digits = text.substr(colon + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc{} || end != digits.data() + digits.size() || port == 0)
    return malformed("an address with a port that is none");
  return Address{std::string(host), port};
}

Result<std::vector<Address>> addresses_of(std::string_view text) {
  std::vector<Address> addresses;
  for (;;) {
    const auto bar = text.find('|');
    auto address = address_of(text.substr(0, bar));
    if (!address) return address.error();
    if (!is_wildcard(address->host)) addresses.push_back(std::move(*address));
    if (bar == std::string_view::npos) return addresses;
    text.remove_prefix(bar + 1);
  }
}

}  // namespace

std::string encode(const Notification& notification) {
  std::string bytes;
  append_jute(bytes, static_cast<std::int32_t>(notification.state), notification.leader.value,
              notification.zxid.value, notification.round, notification.peer_epoch.value,
              Notification::kVersion, std::string_view(notification.config));
  return bytes;
}

Result<Notification> decode_notification(std::string_view message) {
  const auto size = message.size();
  if (size < kBytesWithoutVersion && size != kBytesWithoutEpoch)
    return malformed("a notification of " + std::to_string(size) + " bytes");
  JuteIn in(message);
  Notification notification;
  const auto number = in.take<std::int32_t>();
  notification.leader = {in.take<std::int64_t>()};
  notification.zxid = {in.take<std::int64_t>()};
  notification.round = in.take<std::int64_t>();
  notification.peer_epoch = notification.zxid.epoch();
  notification.version = 0;
  if (size != kBytesWithoutEpoch) notification.peer_epoch = {in.take<std::int64_t>()};
  if (size > kBytesWithoutVersion) notification.version = in.take<std::int32_t>();
  if (!in.ok()) return malformed("a notification that ends inside its version");
  if (notification.version > 1) {
    const auto config = in.take_bytes();
    if (!config) return malformed("a notification with a config that is longer than the whole");
    notification.config = *config;
  }
  const auto state = state_of(number);
  if (!state)
    return Error(Errc::unsupported,
                 "a notification of the unknown state " + std::to_string(number));
  notification.state = *state;
  return notification;
}

std::string encode(const Handshake& handshake) {
  std::string addresses;
  for (const auto& address : handshake.addresses)
    addresses += (addresses.empty() ? "" : "|") + text_of(address);
  std::string bytes;
  append_jute(bytes, handshake.addresses.size() > 1 ? Handshake::kSeveralAddresses
                                                    : Handshake::kOneAddress,
              handshake.sid.value, std::string_view(addresses));
  return bytes;
}

Result<std::optional<ReadHandshake>> read_handshake(std::string_view arrived) {
  constexpr std::size_t kBeforeAddresses = 20;
  using Read = std::optional<ReadHandshake>;
  if (arrived.size() < sizeof(std::int64_t)) return Read();
  JuteIn in(arrived);
  const auto form = in.take<std::int64_t>();
  if (form >= 0) return Read({{{form}, {}}, sizeof form});  // Before 3.5: the bare sid.
  if (form != Handshake::kOneAddress && form != Handshake::kSeveralAddresses)
    return malformed("a handshake of the unknown form " + std::to_string(form));
  if (arrived.size() < kBeforeAddresses) return Read();
  const ServerId sid{in.take<std::int64_t>()};
  const auto length = in.take<std::int32_t>();
  if (sid.value < 0) return malformed("a handshake of the server " + std::to_string(sid.value));
  if (length < 1 || length > Handshake::kAddressBytesMax)
    return malformed("a handshake with " + std::to_string(length) + " bytes of addresses");
  const auto size = static_cast<std::size_t>(length);
  if (in.rest().size() < size) return Read();
  auto addresses = addresses_of(in.rest().substr(0, size));
  if (!addresses) return addresses.error();
  return Read({{sid, std::move(*addresses)}, kBeforeAddresses + size});
}

}  // namespace vivarium::zab
