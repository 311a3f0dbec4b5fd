#pragma once
// What a request is answered with: the commands, the metrics, whether the server lives and serves, and
// the dashboard.

#include "command_runner.hpp"
#include "dashboard.hpp"
#include "http_message.hpp"

#include <vivarium/log.hpp>
#include <vivarium/metrics.hpp>
#include <vivarium/transport.hpp>

#include <string>

namespace vivarium::admin {

class Pages {
 public:
  /// All are borrowed. `command_url` is "/commands", say.
  Pages(const ServerView& view, const Commands& commands, const Metrics& metrics,
        const Options& options, Log& log, std::string command_url);

  HttpResponse answer(const HttpRequest& request, const PeerIdentity& peer) const;
  /// The port that is for a scraper alone.
  HttpResponse answer_metrics(const HttpRequest& request) const;

 private:
  HttpResponse command_list(const HttpRequest& request) const;
  HttpResponse run(const std::string& name, const HttpRequest& request) const;
  HttpResponse metrics() const;
  HttpResponse ready() const;

  const CommandRunner runner_;
  const Metrics& metrics_;
  const Dashboard dashboard_;
  const std::string command_url_;
};

}  // namespace vivarium::admin
