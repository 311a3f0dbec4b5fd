#pragma once
// One session of the C client (libzookeeper_mt), connected when the constructor returns.
//
// Watches are one-shot and say only that something changed, so a program reads, waits for an event,
// and reads again. One counter of events serves all of a program's watches: note events() before
// the read, and wait_for_event() with that number after it, and no change can fall in between.

#define THREADED // The synchronous calls of zookeeper.h are declared for the threaded library only.
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include <zookeeper/zookeeper.h>

class Session {
 public:
  explicit Session(const char* hosts) {
    zoo_set_debug_level(ZOO_LOG_LEVEL_ERROR);
    handle_ = zookeeper_init(hosts, &Session::on_event, kTimeoutMs, nullptr, this, 0);
    if (handle_ == nullptr)
      throw std::runtime_error("zookeeper_init failed");
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return connected_; });
  }

  ~Session() { zookeeper_close(handle_); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  zhandle_t* handle() const { return handle_; }

  unsigned events() {
    std::lock_guard lock(mutex_);
    return events_;
  }

  void wait_for_event(unsigned seen) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return events_ != seen; });
  }

  /// Makes a node and those above it that are missing; a node that is there already is left as it
  /// is.
  void ensure_path(const std::string& path) {
    for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
      check(zoo_create(handle_, path.substr(0, end).c_str(), "", 0, &ZOO_OPEN_ACL_UNSAFE, 0,
                       nullptr, 0),
            ZNODEEXISTS);
      if (end == std::string::npos)
        return;
    }
  }

  enum class Watch { none, leave };

  /// Children, in no order.
  std::vector<std::string> children(const std::string& path, Watch watch) {
    String_vector found{};
    check(zoo_wget_children(handle_, path.c_str(),
                            watch == Watch::leave ? &Session::on_event : nullptr, this, &found));
    std::vector<std::string> names(found.data, found.data + found.count);
    deallocate_String_vector(&found);
    return names;
  }

  /// Throws unless a call went well, or failed in the way that the caller expects.
  static void check(int result, int expected = ZOK) {
    if (result != ZOK && result != expected)
      throw std::runtime_error(zerror(result));
  }

  /// For the calls that leave a watch; its context is the session.
  static void on_event(zhandle_t*, int type, int state, const char*, void* context) {
    if (state == ZOO_EXPIRED_SESSION_STATE) {
      // Ephemeral nodes are gone, and with them what this process stood for. Begin anew.
      std::fputs("the session has expired\n", stderr);
      std::_Exit(1);
    }
    auto* self = static_cast<Session*>(context);
    std::lock_guard lock(self->mutex_);
    if (state == ZOO_CONNECTED_STATE)
      self->connected_ = true;
    if (type != ZOO_SESSION_EVENT)
      ++self->events_;
    self->changed_.notify_all();
  }

 private:
  static constexpr int kTimeoutMs = 4000;

  zhandle_t* handle_ = nullptr;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool connected_ = false;
  unsigned events_ = 0;
};
