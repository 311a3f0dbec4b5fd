// A distributed lock around something that cannot guard itself: a number in a file.
//
//   lock HOSTS FILE TIMES     add one to the number, TIMES times, each time under the lock
//
// Who wants the lock makes an ephemeral node with a sequence number; the lowest number holds it.
// Each waits for the one before it alone, so that a release wakes one process and not all of them.
// The names are those of kazoo's Lock, which the Python program uses: the two exclude each other.
#include <chrono>
#include <fstream>
#include <thread>

#include <unistd.h>

#include "session.hpp"

namespace {

const std::string kPath = "/lock/counter";
const std::string kMark = "__lock__";

class Lock {
 public:
  explicit Lock(Session& session) : session_(session) {
    const std::string path = kPath + "/cpp-" + std::to_string(getpid()) + kMark;
    char made[256];
    Session::check(zoo_create(session_.handle(), path.c_str(), "", 0, &ZOO_OPEN_ACL_UNSAFE,
                              ZOO_EPHEMERAL_SEQUENTIAL, made, sizeof made));
    mine_ = made;
    wait();
  }

  ~Lock() { zoo_delete(session_.handle(), mine_.c_str(), -1); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  static std::string number(const std::string& name) {
    return name.substr(name.rfind(kMark) + kMark.size());
  }

  void wait() {
    for (;;) {
      const unsigned seen = session_.events();
      std::string before; // Of the lower numbers, the highest.
      for (const std::string& name : session_.children(kPath, Session::Watch::none)) {
        if (number(name) < number(mine_) && (before.empty() || number(name) > number(before))) {
          before = name;
        }
      }
      if (before.empty())
        return;
      Stat stat;
      const std::string path = kPath + "/" + before;
      const int result =
          zoo_wexists(session_.handle(), path.c_str(), &Session::on_event, &session_, &stat);
      if (result == ZNONODE)
        continue;
      Session::check(result);
      session_.wait_for_event(seen);
    }
  }

  Session& session_;
  std::string mine_;
};

void add_one(const char* path) {
  int number = 0;
  std::ifstream(path) >> number;
  // Whoever came in between now would make us write a stale number.
  std::this_thread::sleep_for(std::chrono::milliseconds(10));
  std::ofstream(path) << number + 1;
}

} // namespace

int main(int, char** argv) {
  Session session(argv[1]);
  session.ensure_path(kPath);
  for (int i = std::atoi(argv[3]); i > 0; --i) {
    Lock lock(session);
    add_one(argv[2]);
  }
  std::printf("added %s\n", argv[3]);
}
