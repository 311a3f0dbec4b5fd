#pragma once
// One plugin at work in a server: the object, and what the server lends to it.

#include "kernel/host/logging.hpp"
#include "kernel/host/plan.hpp"
#include "kernel/host/plugin_loader.hpp"
#include "kernel/host/typed_options.hpp"

#include <vivarium/commands.hpp>
#include <vivarium/disk.hpp>
#include <vivarium/loop.hpp>
#include <vivarium/metrics.hpp>
#include <vivarium/plugin.hpp>
#include <vivarium/workers.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace vivarium {

/// What every plugin of one server is lent.
struct SharedParts {
  Loop& loop;
  Disk& disk;
  Workers& workers;
  Log& log;
  Metrics& metrics;
  Commands& commands;
  std::function<std::string(std::string_view)> setting;
};

/// Creates, starts, reloads and stops one plugin, and creates what it wraps; a decorator itself starts,
/// reloads and stops that.
class PluginInstance {
 public:
  /// Throws std::runtime_error with the reason why the plugin cannot be.
  PluginInstance(const PlannedPlugin& planned, const SharedParts& shared);
  ~PluginInstance();
  PluginInstance(const PluginInstance&) = delete;
  PluginInstance& operator=(const PluginInstance&) = delete;

  const PluginRole& role() const { return role_; }
  const std::string& component() const { return component_; }
  Plugin& plugin() { return *module_.plugin; }

  Result<void> start();
  /// Takes over what is new in `planned`, as far as the plugin can take it while it runs, and tells
  /// the log about the rest. On failure the old values stand.
  Result<void> reload(const PlannedPlugin& planned);
  void stop();

 private:
  class Host;
  using OldOptions = std::vector<std::pair<Host*, TypedOptions>>;
  void adopt_options(const PlannedPlugin& planned, OldOptions& old);

  const PluginRole& role_;
  std::string component_;
  std::unique_ptr<PluginInstance> inner_;  ///< Keeps its host and library; the decorator has its plugin.
  std::unique_ptr<Host> host_;
  Module module_;
  bool started_ = false;
};

}  // namespace vivarium
