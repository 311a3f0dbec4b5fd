#include "kernel/host/server_process.hpp"

#include <filesystem>
#include <system_error>

#include <pwd.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

namespace vivarium {
namespace {

constexpr unsigned kWorkerThreads = 2;

std::string host_name() {
  char name[256] = "";
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "localhost";
}

std::vector<std::pair<std::string, std::string>> environment() {
  utsname system{};
  ::uname(&system);
  const passwd* user = ::getpwuid(::geteuid());
  std::error_code ignored;
  // ZooKeeper's keys in its order; `none` where they ask about a JVM.
  return {{"host.name", host_name()},
          {"java.version", "none"},
          {"java.vendor", "none"},
          {"java.home", "none"},
          {"java.class.path", "none"},
          {"java.library.path", "none"},
          {"java.io.tmpdir", std::filesystem::temp_directory_path(ignored).string()},
          {"java.compiler", "none"},
          {"os.name", system.sysname},
          {"os.arch", system.machine},
          {"os.version", system.release},
          {"user.name", user ? user->pw_name : std::to_string(::geteuid())},
          {"user.home", user ? user->pw_dir : ""},
          {"user.dir", std::filesystem::current_path(ignored).string()}};
}

/// 0 where the system does not tell.
double open_files() {
  std::error_code failed;
  const std::filesystem::directory_iterator files("/proc/self/fd", failed);
  return failed ? 0.0 : static_cast<double>(std::distance(begin(files), end(files)));
}

double most_open_files() {
  rlimit limit{};
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? static_cast<double>(limit.rlim_cur) : 0.0;
}

}  // namespace

ServerProcess::ServerProcess(ServerConfig config, PluginCatalogue catalogue, const Plan& plan,
                             Log& log, std::string version_line)
    : catalogue_(std::move(catalogue)),
      disk_(loop_),
      workers_(loop_, kWorkerThreads),
      assembly_(std::move(config), plan, {loop_, disk_, workers_, log},
                {std::move(version_line), environment()}) {
  metrics_.push_back(assembly_.metrics().add("open_file_descriptor_count", open_files));
  metrics_.push_back(assembly_.metrics().add("max_file_descriptor_count", most_open_files));
}

}  // namespace vivarium
