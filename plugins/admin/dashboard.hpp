#pragma once
// The dashboard: a page for people, its parts, and what it asks for while it is looked at.
//
//     /                        the page; dashboard/ has its parts, which are files of the folder of that name
//     /dashboard/about         what does not change while the server runs
//     /dashboard/status        what is shown live, and who the viewer is
//     /dashboard/connections   the first of the connections
//     /dashboard/node?path=    a znode as the viewer may see it; data=, children= and after= bound it
//
// Names of znodes are bytes: in answers and requests they are percent-encoded, and so ASCII.

#include "command_runner.hpp"
#include "http_message.hpp"

#include <vivarium/log.hpp>
#include <vivarium/service.hpp>
#include <vivarium/transport.hpp>

#include <optional>
#include <span>
#include <vector>

namespace vivarium::admin {

class Dashboard {
 public:
  /// All are borrowed.
  Dashboard(const ServerView& view, const CommandRunner& runner, const Options& options, Log& log)
      : view_(view), runner_(runner), options_(options), log_(log) {}

  /// Nothing: the path is none of its.
  std::optional<HttpResponse> answer(const HttpRequest& request, const PeerIdentity& peer) const;
  /// The page itself may be where a link on another server's page leads; it tells nothing.
  static bool may_be_linked_to(const HttpRequest& request);

 private:
  HttpResponse status(const Viewer& viewer, const PeerIdentity& peer) const;
  HttpResponse connections() const;
  HttpResponse node(const HttpRequest& request, const Viewer& viewer) const;
  /// What commands say, those left out that this server does not have.
  Value::Fields told_by(std::span<const char* const> names) const;
  bool may_browse(const PeerIdentity& peer) const;

  const ServerView& view_;
  const CommandRunner& runner_;
  const Options& options_;
  Log& log_;
};

}  // namespace vivarium::admin
