#pragma once
// A server put together: the plugins that its config names and the core, on doors that somebody lends.
// What a process, on the real doors, and the simulator, on its own, have in common.
//
// Thread: the core thread of the loop.

#include "kernel/core/server.hpp"
#include "kernel/host/config.hpp"
#include "kernel/host/plan.hpp"
#include "kernel/host/plugin_instance.hpp"
#include "kernel/host/plugin_loader.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vivarium {

/// Lent to a server for its whole life.
struct Doors {
  Loop& loop;
  Disk& disk;
  Workers& workers;
  Log& log;
};

/// What a server tells of itself, and of the process that it has, and cannot know.
struct About {
  std::string version_line;  ///< What `srvr` shows.
  std::vector<std::pair<std::string, std::string>> environment;  ///< For `envi`.
  std::function<std::uint64_t()> memory_in_use = {};  ///< In bytes; nullptr: not known.
  std::uint64_t memory_bytes_max = 0;  ///< What the process may have; 0: not known.
  std::int32_t client_descriptors = 0;  ///< What it has for clients; 0: not known.
};

class Assembly {
 public:
  /// `plan` was made from `config` without errors; the libraries of its catalogue outlive the loop.
  /// Throws std::runtime_error when a plugin cannot be created.
  Assembly(ServerConfig config, const Plan& plan, const Doors& doors, About about);
  /// Ends everything at once; what is to end in order is stopped first.
  ~Assembly();
  Assembly(const Assembly&) = delete;
  Assembly& operator=(const Assembly&) = delete;

  /// Starts the plugins, then the server. `serving` comes once, from the loop.
  void start(Done<void> serving);
  /// Stops the server, then the plugins. `stopped` comes once, from the loop.
  void stop(std::function<void()> stopped);
  /// Ends what the plugins do, and nothing of them calls back any more.
  void stop_plugins();

  /// Has the plugins take new files and the options of `config` that they can take while they run.
  /// Failures and what needs a restart are told to the log; whatever failed stays as it was.
  void reload(ServerConfig config, const PluginCatalogue& catalogue);

  Server& server() { return *server_; }
  Metrics& metrics() { return *metrics_; }

 private:
  template <class I>
  I* in_role(std::string_view role);
  template <class I>
  std::vector<I*> all_in_role(std::string_view role);
  Result<void> start_plugins();
  void reload_plugin(const PlannedPlugin& planned);
  void tell_of_restart(const std::string& key);
  PurgeRule purge_rule() const;
  std::uint64_t memory_ceiling(const About& about) const;
  std::optional<EnsembleSettings> ensemble_settings() const;
  ServerSettings settings(About about) const;
  ServerParts parts();

  ServerConfig config_;
  const Doors doors_;
  std::unique_ptr<Metrics> metrics_;
  std::unique_ptr<Commands> commands_;
  std::vector<std::unique_ptr<PluginInstance>> plugins_;
  std::unique_ptr<Server> server_;
};

}  // namespace vivarium
