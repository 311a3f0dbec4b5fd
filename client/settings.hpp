#pragma once
// What a session is told when it is made. Plain values.

#include <vivarium/ids.hpp>
#include <vivarium/loop.hpp>
#include <vivarium/result.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vivarium::client {

struct ServerAddress {
  std::string host;  ///< Name or numeric address, IPv6 without brackets.
  std::uint16_t port = 2181;
  auto operator<=>(const ServerAddress&) const = default;
};

/// "a:2181,[::1]:2182,c": the port is 2181 where it is left out.
Result<std::vector<ServerAddress>> parse_servers(std::string_view text);

/// "a:2181", "[::1]:2182".
std::string to_text(const ServerAddress& server);

/// What it takes to go on with a session that another Session, of another process even, has begun.
struct SessionKey {
  SessionId id;
  std::string password;
  Zxid last_zxid;  ///< Servers that have not seen as much are not talked to.
};

enum class ServerOrder : std::uint8_t { shuffled, as_given };
enum class ReadOnly : std::uint8_t { refused, accepted };

struct Settings {
  /// One at least. They are tried round robin, from a place and in an order of the Loop's choosing
  /// unless `order` says otherwise; after a loss the next one is tried first.
  std::vector<ServerAddress> servers;
  ServerOrder order = ServerOrder::shuffled;

  /// What is asked for; the server has limits of its own: Session::timeout_ms().
  std::int32_t timeout_ms = 10'000;

  /// For how long one server may keep this client waiting, from the attempt to connect to the answer
  /// that there is a session. Zero: the session's timeout divided by the number of servers, so that
  /// all can be tried within it.
  Millis connect_deadline{0};

  /// The pause once every server has failed in a row, by a refusal or by a loss: at first up to
  /// `backoff_first`, twice as much each time, `backoff_max` at most. By chance it is between half of
  /// that and the whole, so that the clients of a server that failed do not come back as one.
  Millis backoff_first{100};
  Millis backoff_max{2'000};

  /// Whether a server that has lost its ensemble, and only lets read, is better than none.
  ReadOnly read_only = ReadOnly::refused;

  /// Of requests and of replies. `jute.maxbuffer` of the servers, where they have another.
  std::uint32_t frame_bytes_max = 1'048'575;

  std::optional<SessionKey> session;  ///< Instead of a new one.
};

}  // namespace vivarium::client
