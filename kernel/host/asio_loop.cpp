#include "kernel/host/asio_loop.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <mutex>
#include <random>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <sys/epoll.h>
#include <sys/random.h>

#include <vivarium/assert.hpp>

namespace vivarium {
namespace {

namespace asio = boost::asio;

void fill_from_system(void* bytes, std::size_t size) {
  auto* at = static_cast<char*>(bytes);
  while (size > 0) {
    const auto got = ::getrandom(at, size, 0);
    if (got < 0 && errno == EINTR) continue;
    VIVARIUM_ASSERT(got > 0, "the system's random source failed");
    at += got;
    size -= static_cast<std::size_t>(got);
  }
}

std::uint64_t seed_from_system() {
  std::uint64_t seed = 0;
  fill_from_system(&seed, sizeof seed);
  return seed;
}

/// Tasks posted from any thread. Kept beside Asio's own queue, because one wake-up then serves a
/// whole batch, and because what never runs is destroyed at a time of our choosing.
class PostQueue {
 public:
  explicit PostQueue(asio::io_context& context) : context_(context) {}

  void post(Task task) {
    {
      const std::lock_guard lock(mutex_);
      if (closed_) return;
      incoming_.push_back(std::move(task));
      if (wake_pending_) return;
      wake_pending_ = true;
    }
    wake();
  }

  /// Destroys what has not run. Tasks that are posted from then on, by their destructors for one,
  /// are destroyed at once.
  void close() {
    std::vector<Task> dropped;
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
      dropped.swap(incoming_);
    }
    running_.clear();
  }

 private:
  void wake() {
    asio::post(context_, [this] { run_batch(); });
  }

  void run_batch() {
    take_incoming();
    while (next_ < running_.size() && !context_.stopped()) {
      const Task task = std::move(running_[next_++]);
      task();
    }
    if (next_ < running_.size()) return wake();
    running_.clear();
    next_ = 0;
  }

  void take_incoming() {
    const std::lock_guard lock(mutex_);
    if (next_ < running_.size()) return;  // A stop() came between; this batch has the turn.
    wake_pending_ = false;
    running_.swap(incoming_);
  }

  asio::io_context& context_;
  std::mutex mutex_;
  std::vector<Task> incoming_;
  bool wake_pending_ = false;
  bool closed_ = false;
  std::vector<Task> running_;  ///< The batch that was taken out; core thread only.
  std::size_t next_ = 0;
};

class AsioTimer final : public Timer {
 public:
  AsioTimer(asio::io_context& context, Task task)
      : timer_(context), shared_(std::make_shared<Shared>()) {
    shared_->task = std::move(task);
  }
  ~AsioTimer() override {
    ++shared_->armed;
    shared_->owned = false;
    shared_->task =
        nullptr;  // Asio keeps the handler for a while; the task's code may be unloaded.
  }

  void arm(Micros after) override {
    timer_.expires_after(after);
    timer_.async_wait([shared = shared_, mine = ++shared_->armed](const auto&) {
      // An expiry that was already queued cannot be cancelled: the count tells that it is stale.
      if (shared->armed == mine) run(*shared);
    });
  }

  void cancel() override {
    ++shared_->armed;
    timer_.cancel();
  }

 private:
  /// Outlives the timer when its own task destroys it.
  struct Shared {
    Task task;
    std::uint64_t armed = 0;
    bool owned = true;
  };

  static void run(Shared& shared) {
    Task task = std::move(shared.task);
    task();
    if (shared.owned) shared.task = std::move(task);
  }

  asio::steady_timer timer_;
  std::shared_ptr<Shared> shared_;
};

/// The watched descriptors, in an epoll set of their own that Asio sees as one descriptor: Asio
/// would pay one epoll_ctl for each readiness of each descriptor, this pays one for a whole batch.
class WatchedDescriptors {
 public:
  explicit WatchedDescriptors(asio::io_context& context)
      : set_(::epoll_create1(EPOLL_CLOEXEC)), readable_(context) {
    VIVARIUM_ASSERT(set_ >= 0, "no epoll descriptor: the limit of open files is reached");
    readable_.assign(set_);
  }

  using Callback = std::function<void(Readiness)>;

  std::uint64_t add(int descriptor, Callback callback) {
    const auto id = ++last_id_;
    callbacks_.emplace(id, std::make_shared<Callback>(std::move(callback)));
    control(EPOLL_CTL_ADD, descriptor, id, 0);
    if (!waiting_) wait();
    return id;
  }

  void change(int descriptor, std::uint64_t id, std::uint32_t events) {
    control(EPOLL_CTL_MOD, descriptor, id, events);
  }

  void remove(int descriptor, std::uint64_t id) {
    control(EPOLL_CTL_DEL, descriptor, id, 0);
    callbacks_.erase(id);
  }

 private:
  void control(int operation, int descriptor, std::uint64_t id, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = id;
    VIVARIUM_ASSERT(::epoll_ctl(set_, operation, descriptor, &event) == 0,
                    "a watched descriptor must stay open until its watch is destroyed");
  }

  void wait() {
    waiting_ = true;
    readable_.async_wait(asio::posix::stream_descriptor::wait_read, [this](const auto& error) {
      waiting_ = false;
      if (error) return;
      dispatch();
      if (!waiting_ && !callbacks_.empty()) wait();
    });
  }

  void dispatch() {
    std::array<epoll_event, 128> ready;
    const int count = ::epoll_wait(set_, ready.data(), static_cast<int>(ready.size()), 0);
    for (int i = 0; i < count; ++i) deliver(ready[static_cast<std::size_t>(i)]);
  }

  void deliver(const epoll_event& event) {
    const auto found = callbacks_.find(event.data.u64);
    if (found == callbacks_.end()) return;  // Destroyed by an earlier callback of this batch.
    const auto callback = found->second;    // Stays alive when the watch is destroyed inside.
    const bool broken = (event.events & (EPOLLERR | EPOLLHUP)) != 0;
    (*callback)(
        {broken || (event.events & EPOLLIN) != 0, broken || (event.events & EPOLLOUT) != 0});
  }

  int set_;
  asio::posix::stream_descriptor readable_;
  bool waiting_ = false;
  std::uint64_t last_id_ = 0;
  std::unordered_map<std::uint64_t, std::shared_ptr<Callback>> callbacks_;
};

class EpollWatch final : public DescriptorWatch {
 public:
  EpollWatch(WatchedDescriptors& all, int descriptor, WatchedDescriptors::Callback callback)
      : all_(all), descriptor_(descriptor), id_(all.add(descriptor, std::move(callback))) {}
  ~EpollWatch() override { all_.remove(descriptor_, id_); }

  void want(bool readable, bool writable) override {
    const std::uint32_t events =
        (readable ? std::uint32_t{EPOLLIN} : 0) | (writable ? std::uint32_t{EPOLLOUT} : 0);
    if (events == events_) return;
    events_ = events;
    all_.change(descriptor_, id_, events);
  }

 private:
  WatchedDescriptors& all_;
  int descriptor_;
  std::uint64_t id_;
  std::uint32_t events_ = 0;
};

}  // namespace

struct AsioLoop::Parts {
  asio::io_context context;
  asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
  PostQueue posts{context};
  WatchedDescriptors descriptors{context};
  std::mt19937_64 generator{seed_from_system()};
  std::atomic<std::thread::id> core_thread{std::this_thread::get_id()};
};

AsioLoop::AsioLoop() : parts_(std::make_unique<Parts>()) {}

AsioLoop::~AsioLoop() { parts_->posts.close(); }

void AsioLoop::run() {
  parts_->core_thread = std::this_thread::get_id();
  parts_->context.run();
  parts_->context.restart();
}

void AsioLoop::stop() { parts_->context.stop(); }

bool AsioLoop::run_until(const std::function<bool()>& predicate, Millis timeout) {
  parts_->core_thread = std::this_thread::get_id();
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (!predicate() && parts_->context.run_one_until(deadline) > 0) {
  }
  if (parts_->context.stopped()) parts_->context.restart();
  return predicate();
}

MonoTime AsioLoop::now() const { return std::chrono::steady_clock::now().time_since_epoch(); }

std::int64_t AsioLoop::wall_ms() const {
  return std::chrono::duration_cast<Millis>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::uint64_t AsioLoop::random() { return parts_->generator(); }

void AsioLoop::random_bytes(void* bytes, std::size_t size) { fill_from_system(bytes, size); }

std::unique_ptr<Timer> AsioLoop::timer(Task task) {
  return std::make_unique<AsioTimer>(parts_->context, std::move(task));
}

void AsioLoop::post(Task task) { parts_->posts.post(std::move(task)); }

std::unique_ptr<DescriptorWatch> AsioLoop::watch(int descriptor,
                                                 std::function<void(Readiness)> callback) {
  return std::make_unique<EpollWatch>(parts_->descriptors, descriptor, std::move(callback));
}

bool AsioLoop::on_core_thread() const {
  return parts_->core_thread.load() == std::this_thread::get_id();
}

}  // namespace vivarium
