#pragma once
// One server as a process runs it: the real doors, the plugins that its config names, and the core.
//
// Thread: the one that made it, which then runs loop(). A process may hold several.

#include "kernel/core/server.hpp"
#include "kernel/host/asio_loop.hpp"
#include "kernel/host/config.hpp"
#include "kernel/host/plan.hpp"
#include "kernel/host/plugin_instance.hpp"
#include "kernel/host/plugin_loader.hpp"
#include "kernel/host/real_disk.hpp"
#include "kernel/host/worker_pool.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace vivarium {

class ServerProcess {
 public:
  /// `plan` was made from `config` and `catalogue`, without errors. `version_line` is what `srvr`
  /// shows. Throws std::runtime_error when a plugin cannot be created.
  ServerProcess(ServerConfig config, PluginCatalogue catalogue, const Plan& plan, Log& log,
                std::string version_line);
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  AsioLoop& loop() { return loop_; }

  /// Starts the plugins, then the server. `serving` comes once, from the loop.
  void start(Done<void> serving);
  /// Stops the server, then the plugins. `stopped` comes once, from the loop.
  void stop(std::function<void()> stopped);
  /// What ends the server from inside: a failed log, above all. Called at most once.
  void on_fatal(std::function<void(const Error&)> handler);

  /// Has the plugins take new files and the options of `config` that they can take while they run.
  /// Failures and what needs a restart are told to the log; whatever failed stays as it was.
  void reload(ServerConfig config);

  /// Role ("client", "secure") and "host:port" of what it listens on, once it serves.
  std::vector<std::pair<std::string, std::string>> addresses() const { return server_->addresses(); }

 private:
  template <class I>
  I* in_role(std::string_view role);
  template <class I>
  std::vector<I*> all_in_role(std::string_view role);
  Result<void> start_plugins();
  void stop_plugins();
  void reload_plugin(const PlannedPlugin& planned);
  void tell_of_restart(const std::string& key);
  PurgeRule purge_rule() const;
  std::optional<EnsembleSettings> ensemble_settings() const;
  ServerSettings settings(std::string version_line) const;
  ServerParts parts();

  Log& log_;
  ServerConfig config_;
  PluginCatalogue catalogue_;  // Its libraries outlive what their plugins left in the doors.
  AsioLoop loop_;
  RealDisk disk_;
  WorkerPool workers_;
  std::unique_ptr<Metrics> metrics_;
  std::unique_ptr<Commands> commands_;
  std::vector<std::unique_ptr<PluginInstance>> plugins_;
  std::unique_ptr<Server> server_;
};

}  // namespace vivarium
