#pragma once
// One server as a process runs it: assembled on the real doors.
//
// Thread: the one that made it, which then runs loop(). A process may hold several.

#include "kernel/host/asio_loop.hpp"
#include "kernel/host/assembly.hpp"
#include "kernel/host/real_disk.hpp"
#include "kernel/host/worker_pool.hpp"

#include <functional>
#include <memory>
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
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  AsioLoop& loop() { return loop_; }

  /// Starts the plugins, then the server. `serving` comes once, from the loop.
  void start(Done<void> serving) { assembly_.start(std::move(serving)); }
  /// Stops the server, then the plugins. `stopped` comes once, from the loop.
  void stop(std::function<void()> stopped) { assembly_.stop(std::move(stopped)); }
  /// What ends the server from inside: a failed log, above all. Called at most once.
  void on_fatal(std::function<void(const Error&)> handler) {
    assembly_.server().on_fatal(std::move(handler));
  }
  /// As Assembly::reload().
  void reload(ServerConfig config) { assembly_.reload(std::move(config), catalogue_); }

  /// Role ("client", "secure") and "host:port" of what it listens on, once it serves.
  std::vector<std::pair<std::string, std::string>> addresses() {
    return assembly_.server().addresses();
  }

 private:
  PluginCatalogue catalogue_;  // Its libraries outlive what their plugins left in the doors.
  AsioLoop loop_;
  RealDisk disk_;
  WorkerPool workers_;
  Assembly assembly_;
  std::vector<std::unique_ptr<MetricHandle>> metrics_;  ///< What the system says of the process.
};

}  // namespace vivarium
