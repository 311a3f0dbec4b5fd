#pragma once
// Which plugins a config asks for, found, and with their options: all that is decided before any of
// their code runs. `vivarium check` stops here.

#include "kernel/host/config.hpp"
#include "kernel/host/findings.hpp"
#include "kernel/host/plugin_loader.hpp"
#include "kernel/host/plugin_roles.hpp"
#include "kernel/host/typed_options.hpp"

#include <memory>
#include <string>
#include <vector>

namespace vivarium {

struct PlannedPlugin {
  const PluginRole* role = nullptr;
  PluginOffer offer;
  TypedOptions options;
  std::unique_ptr<PlannedPlugin> inner;  ///< What its option `inner` names.

  /// "storage.file": for logs.
  std::string component() const { return std::string(role->name) + "." + offer.interface->name; }
};

struct Plan {
  std::vector<PlannedPlugin> plugins;  ///< In the order in which a server starts them.
};

/// The plugins of the program and of the config. What cannot be loaded is an error if the config names
/// its file, and a warning otherwise.
PluginCatalogue find_plugins(const ServerConfig& config, Findings& findings);

/// `findings` gets what is wrong with the choices and with the plugins' options.
Plan make_plan(const ServerConfig& config, const PluginCatalogue& catalogue, Findings& findings);

}  // namespace vivarium
