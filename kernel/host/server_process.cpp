#include "kernel/host/server_process.hpp"

#include "kernel/host/process_memory.hpp"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <system_error>

#include <pwd.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

namespace vivarium {
namespace {

constexpr unsigned kWorkerThreads = 2;
constexpr rlim_t kDescriptorsKept = 64;

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

rlim_t limit_of_files() {
  rlimit limit{};
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 0;
}

double most_open_files() { return static_cast<double>(limit_of_files()); }

/// Files, peers and services are to have theirs, however many clients come.
std::int32_t client_descriptors() {
  const auto limit = limit_of_files();
  const auto rest = limit - std::min<rlim_t>(kDescriptorsKept, limit / 4);
  return static_cast<std::int32_t>(std::min<rlim_t>(rest, std::numeric_limits<std::int32_t>::max()));
}

}  // namespace

ServerProcess::ServerProcess(ServerConfig config, PluginCatalogue catalogue, const Plan& plan,
                             Log& log, std::string version_line)
    : catalogue_(std::move(catalogue)),
      disk_(loop_),
      workers_(loop_, kWorkerThreads),
      assembly_(std::move(config), plan, {loop_, disk_, workers_, log},
                {std::move(version_line), environment(), allocated_bytes, process_memory_bytes(),
                 client_descriptors()}) {
  log.info("the limit of " + std::to_string(limit_of_files()) + " open files leaves room for " +
           std::to_string(client_descriptors()) + " clients");
  metrics_.push_back(assembly_.metrics().add("open_file_descriptor_count", open_files));
  metrics_.push_back(assembly_.metrics().add("max_file_descriptor_count", most_open_files));
}

}  // namespace vivarium
