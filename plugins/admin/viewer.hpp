#pragma once
// Who asks for a page: what his connection proves, and what the header Authorization proves.
//
// As ZooKeeper's AdminServer: `Authorization: SCHEME CREDENTIAL`, where the scheme is one of the server's
// and the credential what `addauth SCHEME` would send, so `Authorization: digest bob:secret`. What browsers
// and curl send, `Basic` with `bob:secret` in Base64, is the same. Source: section H.3.

#include "http_message.hpp"

#include <vivarium/result.hpp>
#include <vivarium/service.hpp>
#include <vivarium/transport.hpp>

#include <vector>

namespace vivarium::admin {

/// For the header WWW-Authenticate.
inline constexpr std::string_view kChallenge = "Basic realm=\"znodes\", charset=\"UTF-8\"";

/// An error when something was to be proved and is not: its sentence is for the log.
///
/// The address of a connection that comes through a proxy is the proxy's, and what the proxy says of
/// another one is anybody's invention: such a connection proves nothing by itself.
Result<std::vector<Identity>> identities_of(const ServerView& view, const HttpRequest& request,
                                            const PeerIdentity& peer);

}  // namespace vivarium::admin
