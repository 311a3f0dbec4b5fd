#pragma once
// A server's config: a zoo.cfg with further keys under `vivarium.` (docs/configuration.md).
//
// Reading it checks everything that can be checked without knowing the plugins; kernel/host/plan then
// checks the plugins' own keys.

#include "kernel/host/ensemble_config.hpp"
#include "kernel/host/findings.hpp"
#include "kernel/host/properties.hpp"
#include "kernel/host/plugin_roles.hpp"
#include "kernel/host/typed_options.hpp"

#include <vivarium/log.hpp>
#include <vivarium/loop.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace vivarium {

/// A plugin that the config asks for.
struct PluginChoice {
  const PluginRole* role = nullptr;
  std::string name;
  std::string origin;  ///< "zoo.cfg:7", "default".
};

class ServerConfig {
 public:
  /// Reads `file`, then `overrides` ("key=value"), which win. The result of a reading with errors is
  /// good for nothing but further checks.
  static ServerConfig read(const std::string& file, std::span<const std::string> overrides,
                           Findings& findings);

  /// As read(), with the text of the file and that of `myid`: for servers that are simulated. Nothing
  /// is looked up in the file system.
  static ServerConfig read_text(const std::string& file, std::string_view text, std::string_view id,
                                Findings& findings);

  /// Typed values of ZooKeeper's keys by their names, and of the server's own `vivarium.` keys.
  const TypedOptions& values() const { return values_; }
  /// The text of any key, with ZooKeeper's default where the file is silent; paths absolute, session
  /// time-outs in milliseconds. Empty when there is neither.
  std::string setting(std::string_view key) const;
  /// What the file says for a ZooKeeper key; nullptr when it is silent.
  const Property* given(std::string_view key) const;

  const std::optional<ListenAddress>& client_address() const { return client_; }
  const std::optional<ListenAddress>& secure_address() const { return secure_; }

  /// The ensemble that the server is a member of; nothing when it runs alone.
  const std::optional<EnsembleConfig>& ensemble() const { return ensemble_; }
  /// Its own number in it, from the file `myid`.
  ServerId id() const { return id_; }

  /// autopurge.purgeInterval; nothing when the file is silent.
  std::optional<Millis> purge_interval() const { return purge_interval_; }

  /// The plugins that are wanted, in the order in which a server starts them.
  std::vector<PluginChoice> choices() const;
  /// `vivarium.ROLE.NAME.KEY`: the keys that belong to plugins, or to nobody.
  const std::vector<Property>& plugin_keys() const { return plugin_keys_; }
  /// Further directories and files with plugins, absolute.
  std::vector<std::string> plugin_paths() const;
  /// The names of the server's own `vivarium.` keys.
  std::vector<std::string> own_keys() const;

  /// Must a file that others may write be refused? Otherwise it gets a warning.
  bool strict_permissions() const { return values_.text("vivarium.permissions") == "strict"; }
  LogLevel log_level() const;
  /// A path as a key of this file means it: from the file's folder, for `--set` from the working one.
  std::string absolute(const Property& path) const;

 private:
  class Reader;
  ServerConfig();

  bool has_services() const;

  std::string folder_;                                 ///< Of the config file.
  std::map<std::string, Property, std::less<>> given_;  ///< By canonical key.
  std::map<std::string, std::string, std::less<>> derived_;  ///< What setting() gives instead.
  std::vector<Property> plugin_keys_;
  TypedOptions values_;
  std::optional<EnsembleConfig> ensemble_;
  ServerId id_;
  std::optional<ListenAddress> client_, secure_;
  std::optional<Millis> purge_interval_;
};

}  // namespace vivarium
