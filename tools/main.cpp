#include "tools/commands.hpp"
#include "tools/version.hpp"

#include "kernel/host/logging.hpp"

#include <exception>
#include <iostream>

/// jemalloc asks for this by name. What is freed goes back to the system within a second instead of ten:
/// after a burst it counts as the process's memory, and next to nothing of it is used again.
extern "C" {
extern __attribute__((visibility("default"))) const char* malloc_conf;
const char* malloc_conf = "dirty_decay_ms:1000";
}

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
  vivarium log FILE|DIR ... [--from ZXID] [--to ZXID] [--json | --verify | --summary [--json]]
  vivarium log --compare A B [--from ZXID] [--to ZXID]
      Prints the transactions of logs, Java's or ours, one a line. --verify checks framing, checksums,
      order, and, from a snapshot on that lies with them, each digest. --summary counts. --compare finds
      the first difference of two histories. What is no transaction is told on standard error.
  vivarium snapshot FILE|DIR [--json | --verify | --summary [--json] [--at ZXID]]
  vivarium snapshot --compare A B [--first] [--at ZXID]
      Prints a snapshot, of a directory the newest whole one: sessions, ACL lists, nodes. --verify checks
      all of them: seals, structure, references, digest. --compare tells how two trees differ. --at
      replays the log to that transaction first.
  vivarium backup CONFIG|DATADIR TARGET [--log-dir DIR] [--newest-snapshot]
      Saves the data directory of a server, Java's or ours, which may run on. TARGET is made. The copy is
      loaded and compared with its digest before it counts. --newest-snapshot leaves out what is older.
  vivarium restore BACKUP DATADIR [--log-dir DIR] [--to ZXID] [--replace] [--ignore-digest]
      Brings a backup back into an empty data directory (--replace: over what is there), so that the
      history ends exactly at the transaction; the last one if there is no --to. The server must be
      stopped: bringing a running one back by command is not there yet.
  vivarium simulate [--seeds N] [--first-seed N] [--jobs N] [--keep-going] [--no-shortening]
  vivarium simulate --seed-file FILE ... | --seed N [--without I,J,...] [--trace]
  vivarium simulate --hours N | --minutes N [--seed N] [--without I,J,...] [--trace]
      Runs whole ensembles, their clients and their troubles in virtual time, each as a function of its seed,
      and checks what the protocol and ZooKeeper promise. A failure prints the shortest trace it can find.
      --seed runs one, leaves out the faults of --without, and prints its event hash last. --jobs: so many
      at once. --hours and --minutes run one ensemble at default timeouts for so long, with a fault a minute,
      and tell how available it was: an outage that no fault forces is a failure.
      --plugins DIR: those of another directory. --more-plugins DIR: further ones. --set KEY=VALUE: a further
      line of every config, which wins.
  vivarium --version | --help

log, snapshot, backup and restore tell their progress on a terminal, and elsewhere with --progress.
Status: 0 for what is well, 1 for differences, damage and failures, 2 for words that make no sense.
)";

int dispatch(const Words& words) {
  if (words.empty()) throw UsageError("no command was given");
  const std::string& command = words.front();
  const Words rest(words.begin() + 1, words.end());
  if (command == "serve") return serve(rest);
  if (command == "check") return check(rest);
  if (command == "plugins") return plugins(rest);
  if (command == "log") return log(rest);
  if (command == "snapshot") return snapshot(rest);
  if (command == "backup") return backup(rest);
  if (command == "restore") return restore(rest);
  if (command == "simulate") return simulate(rest);
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
