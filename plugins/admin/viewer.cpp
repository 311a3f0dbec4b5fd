#include "viewer.hpp"

#include "base64.hpp"

#include <vivarium/authenticator.hpp>

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace vivarium::admin {
namespace {

constexpr auto kBasicScheme = "digest";  ///< What a user's name and password are to ZooKeeper.

Error refused(std::string why) { return {Errc::refused, std::move(why)}; }

std::string lower_case(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return lower;
}

/// Scheme and credential.
Result<std::pair<std::string, std::string>> parse(std::string_view authorization) {
  const auto space = authorization.find(' ');
  if (space == authorization.npos) return refused("the header Authorization names no credential");
  const auto scheme = lower_case(authorization.substr(0, space));
  const auto credential = authorization.substr(space + 1);
  if (scheme != "basic") return std::pair(scheme, std::string(credential));
  auto plain = from_base64(credential);
  if (!plain) return refused("the credential of Authorization: Basic is no Base64");
  return std::pair<std::string, std::string>(kBasicScheme, std::move(*plain));
}

/// A request has one header, so one step has to do, and an answer at once.
Result<std::vector<Identity>> prove(Authenticator& authenticator, std::string_view credential,
                                    const PeerIdentity& peer) {
  const auto exchange = authenticator.accept(peer);
  if (!exchange) return refused("that scheme takes no credentials");
  std::optional<AuthStep> answer;
  exchange->step(credential, [&answer](AuthStep step) { answer = std::move(step); });
  if (!answer || answer->status == AuthStep::Status::more)
    return refused("that scheme needs more than one request");
  if (answer->status == AuthStep::Status::failed) return refused(std::move(answer->why));
  return std::move(answer->identities);
}

}  // namespace

Result<std::vector<Identity>> identities_of(const ServerView& view, const HttpRequest& request,
                                            const PeerIdentity& peer) {
  std::vector<Identity> identities;
  if (!request.forwarded) identities = view.identities_of(peer);
  if (request.authorization.empty()) return identities;
  const auto parsed = parse(request.authorization);
  if (!parsed) return parsed.error();
  const auto& [scheme, credential] = *parsed;
  auto* authenticator = view.authenticator(scheme);
  if (!authenticator) return refused("there is no authenticator of that scheme");
  if (request.forwarded && !authenticator->identities_of(peer).empty())
    return refused("that scheme is proved by the connection, which is a proxy's");
  auto proved = prove(*authenticator, credential, peer);
  if (!proved) return proved.error();
  std::move(proved->begin(), proved->end(), std::back_inserter(identities));
  return identities;
}

}  // namespace vivarium::admin
