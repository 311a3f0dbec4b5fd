#include "tools/commands.hpp"
#include "tools/ready_file.hpp"
#include "tools/signals.hpp"
#include "tools/version.hpp"

#include "kernel/host/config.hpp"
#include "kernel/host/logging.hpp"
#include "kernel/host/plan.hpp"
#include "kernel/host/server_process.hpp"
#include "kernel/host/service_manager.hpp"

#include <csignal>
#include <optional>

namespace vivarium::tools {
namespace {

/// A server from its start to its end.
class Serving {
 public:
  Serving(ConfigArguments arguments, ServerConfig config, PluginCatalogue catalogue, const Plan& plan,
          StderrLog& log)
      : arguments_(std::move(arguments)),
        log_(log),
        ready_file_(arguments_.ready_file),
        process_(std::move(config), std::move(catalogue), plan, log, zookeeper_version_line()) {}

  /// Returns the exit status.
  int run() {
    const SignalWatch signals(process_.loop(), [this](int signal) { on_signal(signal); });
    process_.on_fatal([this](const Error& error) { fail(error); });
    process_.start([this](Result<void> serving) { on_serving(serving); });
    process_.loop().run();
    if (startup_error_) throw std::runtime_error(*startup_error_);
    return status_;
  }

 private:
  void on_serving(const Result<void>& serving) {
    if (stopping_) return;
    if (!serving) return end_with(serving.error().what);
    if (const auto written = ready_file_.write(process_.addresses()); !written)
      return end_with(written.error().what);
    for (const auto& [role, address] : process_.addresses()) log_.info(role + " port at " + address);
    notify_service_manager("READY=1");
  }

  void on_signal(int signal) {
    if (signal == SIGHUP) return reload();
    if (stopping_) return fail(Error(Errc::closed, "asked twice to stop: stopping at once"));
    stopping_ = true;
    log_.info("stopping");
    notify_service_manager("STOPPING=1");
    process_.stop([this] { process_.loop().stop(); });
  }

  void reload() {
    Findings findings;
    ServerConfig config = ServerConfig::read(arguments_.file, arguments_.overrides, findings);
    for (const std::string& sentence : findings.errors) log_.error(sentence);
    if (!findings.errors.empty()) return log_.error("nothing was reloaded");
    log_.set_level(config.log_level());
    process_.reload(std::move(config));
  }

  /// The server never came to serve.
  void end_with(std::string sentence) {
    startup_error_ = std::move(sentence);
    process_.loop().stop();
  }

  /// The server cannot go on. What it has not said yet it must not say any more.
  void fail(const Error& error) {
    log_.error(error.what);
    status_ = 1;
    process_.loop().stop();
  }

  const ConfigArguments arguments_;
  StderrLog& log_;
  ReadyFile ready_file_;
  ServerProcess process_;
  std::optional<std::string> startup_error_;
  bool stopping_ = false;
  int status_ = 0;
};

}  // namespace

int serve(const Words& words) {
  SignalWatch::block();  // Before there are threads, which inherit it.
  const ConfigArguments arguments = parse_config_arguments(words, ReadyFileOption::allowed);
  Findings findings;
  ServerConfig config = ServerConfig::read(arguments.file, arguments.overrides, findings);
  throw_first_error(findings, arguments.file);
  PluginCatalogue catalogue = find_plugins(config, findings);
  const Plan plan = make_plan(config, catalogue, findings);
  throw_first_error(findings, arguments.file);

  StderrLog log(config.log_level());
  for (const std::string& sentence : findings.warnings) log.warn(sentence);
  return Serving(arguments, std::move(config), std::move(catalogue), plan, log).run();
}

}  // namespace vivarium::tools
