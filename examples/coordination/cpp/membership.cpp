// A group whose members are the processes that are alive.
//
//   membership HOSTS join NAME     be a member until SIGTERM, or until this process dies
//   membership HOSTS watch         print the members now and at each change
#include <algorithm>
#include <csignal>
#include <string_view>

#include "session.hpp"

namespace {

const std::string kPath = "/members";

void join(Session& session, const std::string& name, const sigset_t& until) {
  // The server removes an ephemeral node when its session ends: at once when the client closes it,
  // after the session's timeout when the client is gone.
  Session::check(zoo_create(session.handle(), (kPath + "/" + name).c_str(), "", 0,
                            &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL, nullptr, 0));
  std::printf("%s joined\n", name.c_str());
  std::fflush(stdout);
  int signal = 0;
  sigwait(&until, &signal);
}

[[noreturn]] void watch(Session& session) {
  for (;;) {
    const unsigned seen = session.events();
    std::vector<std::string> names = session.children(kPath, Session::Watch::leave);
    std::sort(names.begin(), names.end());
    std::printf("members:");
    for (const std::string& name : names)
      std::printf(" %s", name.c_str());
    std::printf("\n");
    std::fflush(stdout);
    session.wait_for_event(seen);
  }
}

} // namespace

int main(int argc, char** argv) {
  const bool joins = argc == 4 && std::string_view(argv[2]) == "join";
  sigset_t until;
  sigemptyset(&until);
  sigaddset(&until, SIGTERM);
  sigaddset(&until, SIGINT);
  // Before the client starts its threads, which inherit it.
  if (joins)
    pthread_sigmask(SIG_BLOCK, &until, nullptr);

  Session session(argv[1]);
  session.ensure_path(kPath);
  if (joins) {
    join(session, argv[3], until);
  } else {
    watch(session);
  }
}
