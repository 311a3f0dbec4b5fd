// Configuration that its readers see change, with the C client.
//
//   configuration HOSTS set VALUE     store the value
//   configuration HOSTS watch         print it now and at each change
#include <cstring>
#include <string_view>

#include "session.hpp"

namespace {

constexpr const char* kPath = "/config/app";

void set(Session& session, const char* value) {
  session.ensure_path(kPath);
  Stat stat;
  Session::check(
      zoo_set2(session.handle(), kPath, value, static_cast<int>(std::strlen(value)), -1, &stat));
  std::printf("stored as version %d\n", stat.version);
}

[[noreturn]] void watch(Session& session) {
  for (;;) {
    const unsigned seen = session.events();
    char data[1024] = "";
    int size = sizeof data;
    Stat stat;
    int result =
        zoo_wget(session.handle(), kPath, &Session::on_event, &session, data, &size, &stat);
    if (result == ZOK) {
      std::printf("version %d: %.*s\n", stat.version, size, data);
      std::fflush(stdout);
    } else {
      // Reading what is not there leaves no watch; asking whether it is there does.
      Session::check(result, ZNONODE);
      result = zoo_wexists(session.handle(), kPath, &Session::on_event, &session, &stat);
      if (result == ZOK)
        continue;
      Session::check(result, ZNONODE);
    }
    session.wait_for_event(seen);
  }
}

} // namespace

int main(int argc, char** argv) {
  Session session(argv[1]);
  if (argc == 4 && std::string_view(argv[2]) == "set") {
    set(session, argv[3]);
  } else {
    watch(session);
  }
}
