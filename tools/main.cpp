#include "tools/commands.hpp"
#include "tools/version.hpp"

#include "kernel/host/logging.hpp"

#include <exception>
#include <iostream>

namespace {

using namespace vivarium::tools;

constexpr const char* kUsage = R"(vivarium: a ZooKeeper-compatible coordination server made of plugins

  vivarium serve FILE [--set KEY=VALUE ...] [--ready-file PATH]
      Serves in the foreground by a configuration file, which any zoo.cfg is. --set adds or replaces a
      line of it. --ready-file: once clients are served, PATH holds a line client=HOST:PORT (and
      secure=HOST:PORT). SIGTERM and SIGINT end it cleanly; SIGHUP makes it take new certificates,
      policies and reloadable options.
  vivarium check FILE [--set KEY=VALUE ...]
      Says what is wrong or ignored in a configuration, without starting. Status 1 when it would not
      start.
  vivarium plugins [PATH ...]
      Lists the plugins that can be loaded, those of further directories or files included, with their
      options.
  vivarium --version | --help
)";

int dispatch(const Words& words) {
  if (words.empty()) throw UsageError("no command was given");
  const std::string& command = words.front();
  const Words rest(words.begin() + 1, words.end());
  if (command == "serve") return serve(rest);
  if (command == "check") return check(rest);
  if (command == "plugins") return plugins(rest);
  if (command == "--version") {
    std::cout << "vivarium " << version() << "\n";
    return 0;
  }
  if (command == "--help" || command == "help" || command == "-h") {
    std::cout << kUsage;
    return 0;
  }
  throw UsageError("there is no command " + command);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return dispatch(Words(argv + 1, argv + argc));
  } catch (const UsageError& error) {
    std::cerr << "vivarium: " << vivarium::escaped(error.what()) << "; see vivarium --help\n";
    return 2;
  } catch (const std::exception& error) {
    std::cerr << "vivarium: " << vivarium::escaped(error.what()) << "\n";
    return 1;
  }
}
