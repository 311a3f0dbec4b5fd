#pragma once
// What a request is answered with: the commands, the metrics, and whether the server lives and serves.

#include "http_message.hpp"

#include <vivarium/commands.hpp>
#include <vivarium/metrics.hpp>
#include <vivarium/options.hpp>
#include <vivarium/service.hpp>

#include <string>

namespace vivarium::admin {

class Pages {
 public:
  /// All are borrowed. `command_url` is "/commands", say.
  Pages(const ServerView& view, const Commands& commands, const Metrics& metrics,
        const Options& options, std::string command_url);

  HttpResponse answer(const HttpRequest& request) const;
  /// The port that is for a scraper alone.
  HttpResponse answer_metrics(const HttpRequest& request) const;

 private:
  HttpResponse command_list(const HttpRequest& request) const;
  HttpResponse run(const std::string& name, const HttpRequest& request) const;
  HttpResponse metrics() const;
  HttpResponse ready() const;
  bool listed(const CommandSpec& command) const;
  bool serves() const { return view_.role() != ServingRole::none; }

  const ServerView& view_;
  const Commands& commands_;
  const Metrics& metrics_;
  const Options& options_;
  const std::string command_url_;
};

}  // namespace vivarium::admin
