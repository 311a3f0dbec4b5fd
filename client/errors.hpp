#pragma once
// Outcomes of operations beside those that a server sends: what a client finds out by itself, by the
// numbers that ZooKeeper's clients give it (section B.7 of the reference).

#include <vivarium/opcodes.hpp>

#include <string_view>

namespace vivarium::client {

/// The connection was lost before the answer: whether the operation was carried out is not known.
inline constexpr auto kConnectionLoss = static_cast<WireError>(-4);
/// The request is longer than Settings::frame_bytes_max, and was not sent.
inline constexpr auto kRequestTooLong = WireError::marshalling_error;
/// Also said of everything asked for once the session has ended, by whichever side.
inline constexpr auto kSessionExpired = WireError::session_expired;
/// The server refused a credential: the session is of no use any more.
inline constexpr auto kAuthFailed = WireError::auth_failed;

/// ZooKeeper's name of an outcome: "Ok", "NoNode", "ConnectionLoss"; "Unknown" for other numbers.
std::string_view name_of(WireError error);

}  // namespace vivarium::client
