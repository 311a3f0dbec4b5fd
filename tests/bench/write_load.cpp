// Writes of a ZooKeeper client at a fixed rate, and how long each one took. A plain program, which
// snapshot_bench drives:
//
//   write_load PORT NODES fill                    creates NODES znodes of 100 bytes
//   write_load PORT NODES RATE SECONDS [SAMPLES]  setData on random ones of them
//
// RATE is in writes a second: one is due at each step of the clock whether or not the server keeps
// up, and its latency counts from when it was due. RATE 0 is a closed loop.
// SAMPLES gets pairs of native 64-bit numbers, in order of completion: when the write was due
// (CLOCK_MONOTONIC) and what it took, in ns.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <deque>
#include <fcntl.h>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr int kSessions = 16;
constexpr std::size_t kPipeline = 64;  ///< Of each session, in a closed loop.
constexpr int kDirectory = 1000;       ///< Nodes in each directory.
constexpr std::int32_t kCreate = 1, kSetData = 5, kNodeExists = -110;
const std::string kData(100, 'd');

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "write_load: %s (%s)\n", what, std::strerror(errno));
  std::exit(1);
}

std::int64_t now_ns() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * std::int64_t{1'000'000'000} + now.tv_nsec;
}

void put(std::string& out, std::int32_t value) {
  const auto bytes = htonl(static_cast<std::uint32_t>(value));
  out.append(reinterpret_cast<const char*>(&bytes), sizeof bytes);
}

void put(std::string& out, std::string_view text) {
  put(out, static_cast<std::int32_t>(text.size()));
  out += text;
}

std::int32_t int_at(const char* bytes) {
  std::uint32_t value;
  std::memcpy(&value, bytes, sizeof value);
  return static_cast<std::int32_t>(ntohl(value));
}

std::string directory_of(int node) {
  char path[32];
  std::snprintf(path, sizeof path, "/bench-%05d", node / kDirectory);
  return path;
}

std::string path_of(int node) {
  char path[48];
  std::snprintf(path, sizeof path, "/bench-%05d/node-%07d", node / kDirectory, node);
  return path;
}

/// One session: what it has asked is answered in order.
class Session {
 public:
  explicit Session(int port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address))
      fail("the server cannot be reached");
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    std::string hello(8 + 4, '\0');  // Protocol version, last zxid.
    put(hello, 60'000);
    hello.append(8, '\0');
    put(hello, std::string_view("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16));
    hello.push_back('\0');
    std::string frame;
    put(frame, hello);
    if (::send(socket_, frame.data(), frame.size(), 0) != static_cast<ssize_t>(frame.size()))
      fail("no session");
    char answer[4 + 37];
    if (::recv(socket_, answer, sizeof answer, MSG_WAITALL) != sizeof answer) fail("no session");
    ::fcntl(socket_, F_SETFL, O_NONBLOCK);
  }

  int descriptor() const { return socket_; }
  std::size_t outstanding() const { return due_.size(); }

  void create(const std::string& path, std::int64_t due) {
    body_.clear();
    put(body_, path);
    put(body_, kData);
    put(body_, 1);
    put(body_, 31);
    put(body_, std::string_view("world"));
    put(body_, std::string_view("anyone"));
    put(body_, 0);
    ask(kCreate, due);
  }

  void set(const std::string& path, std::int64_t due) {
    body_.clear();
    put(body_, path);
    put(body_, kData);
    put(body_, -1);
    ask(kSetData, due);
  }

  /// Sends what can be sent now.
  void flush() {
    while (sent_ < out_.size()) {
      const auto count = ::send(socket_, out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL);
      if (count < 0 && errno == EAGAIN) return;
      if (count < 0) fail("the server hung up");
      sent_ += static_cast<std::size_t>(count);
    }
    out_.clear();
    sent_ = 0;
  }

  /// Calls `answered(due)` for each reply that is there.
  template <class Answered>
  void receive(Answered answered) {
    std::array<char, 256 << 10> piece;
    for (;;) {
      const auto count = ::recv(socket_, piece.data(), piece.size(), 0);
      if (count < 0 && errno == EAGAIN) return;
      if (count <= 0) fail("the server hung up");
      in_.append(piece.data(), static_cast<std::size_t>(count));
      take_frames(answered);
      if (static_cast<std::size_t>(count) < piece.size()) return;
    }
  }

 private:
  void ask(std::int32_t type, std::int64_t due) {
    put(out_, static_cast<std::int32_t>(8 + body_.size()));
    put(out_, ++xid_);
    put(out_, type);
    out_ += body_;
    due_.push_back(due);
  }

  template <class Answered>
  void take_frames(Answered answered) {
    std::size_t at = 0;
    while (in_.size() - at >= 4) {
      const auto length = static_cast<std::size_t>(int_at(in_.data() + at));
      if (in_.size() - at < 4 + length) break;
      const char* const reply = in_.data() + at + 4;
      const auto error = int_at(reply + 12);
      if (int_at(reply) != ++answered_xid_) fail("a reply out of order");
      if (error != 0 && error != kNodeExists) fail("a write was refused");
      answered(due_.front());
      due_.pop_front();
      at += 4 + length;
    }
    in_.erase(0, at);
  }

  int socket_;
  std::int32_t xid_ = 0, answered_xid_ = 0;
  std::string body_, out_, in_;
  std::size_t sent_ = 0;
  std::deque<std::int64_t> due_;
};

class Load {
 public:
  explicit Load(int port) : epoll_(::epoll_create1(0)) {
    sessions_.reserve(kSessions);
    for (int i = 0; i < kSessions; ++i) {
      sessions_.emplace_back(port);
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.u32 = static_cast<std::uint32_t>(i);
      ::epoll_ctl(epoll_, EPOLL_CTL_ADD, sessions_.back().descriptor(), &event);
    }
  }

  void fill(int nodes) {
    for (int node = 0; node < nodes; node += kDirectory)
      sessions_[0].create(directory_of(node), now_ns());
    finish();
    int next = 0;
    while (next < nodes) {
      for (auto& session : sessions_)
        while (session.outstanding() < kPipeline && next < nodes)
          session.create(path_of(next++), now_ns());
      turn(1000);
    }
    finish();
  }

  void closed_loop(int nodes, double seconds) {
    const auto end = now_ns() + static_cast<std::int64_t>(seconds * 1e9);
    while (now_ns() < end) {
      for (auto& session : sessions_)
        while (session.outstanding() < kPipeline) session.set(random_path(nodes), now_ns());
      turn(1000);
    }
    finish();
  }

  void open_loop(int nodes, double rate, double seconds) {
    const double step = 1e9 / rate;
    const auto begin = now_ns();
    const auto count = static_cast<std::int64_t>(rate * seconds);
    for (std::int64_t next = 0; next < count;) {
      const auto due_until = now_ns();
      for (; next < count; ++next) {
        const auto due = begin + static_cast<std::int64_t>(step * static_cast<double>(next));
        if (due > due_until) break;
        sessions_[static_cast<std::size_t>(next) % kSessions].set(random_path(nodes), due);
      }
      turn(100);
    }
    finish();
  }

  void print(double seconds) const {
    std::vector<std::int64_t> latencies;
    latencies.reserve(samples_.size());
    for (const auto& sample : samples_) latencies.push_back(sample[1]);
    std::sort(latencies.begin(), latencies.end());
    const auto at = [&](double share) {
      if (latencies.empty()) return 0.0;
      const auto last = static_cast<double>(latencies.size() - 1);
      return static_cast<double>(latencies[static_cast<std::size_t>(share * last)]) / 1e6;
    };
    std::printf("%zu writes, %.0f a second, p50 %.2f ms, p99 %.2f ms, max %.2f ms\n",
                samples_.size(), static_cast<double>(samples_.size()) / seconds, at(0.5), at(0.99),
                at(1));
  }

  void save(const char* path) const {
    auto* const file = std::fopen(path, "wb");
    if (!file) fail(path);
    if (std::fwrite(samples_.data(), sizeof samples_[0], samples_.size(), file) != samples_.size())
      fail(path);
    std::fclose(file);
  }

 private:
  std::string random_path(int nodes) {
    return path_of(static_cast<int>(random_() % static_cast<unsigned>(nodes)));
  }

  /// Sends what is asked, waits at most `wait_us` for replies, and takes them.
  void turn(long wait_us) {
    for (auto& session : sessions_) session.flush();
    std::array<epoll_event, kSessions> ready;
    const timespec wait{0, wait_us * 1000};
    const int count = ::epoll_pwait2(epoll_, ready.data(), kSessions, &wait, nullptr);
    for (int i = 0; i < count; ++i)
      sessions_[ready[static_cast<std::size_t>(i)].data.u32].receive(
          [&](std::int64_t due) { samples_.push_back({due, now_ns() - due}); });
  }

  void finish() {
    const auto busy = [](const Session& session) { return session.outstanding() > 0; };
    while (std::any_of(sessions_.begin(), sessions_.end(), busy)) turn(1000);
  }

  int epoll_;
  std::vector<Session> sessions_;
  std::mt19937 random_{1};
  std::vector<std::array<std::int64_t, 2>> samples_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "write_load PORT NODES fill | PORT NODES RATE SECONDS [SAMPLES]\n");
    return 2;
  }
  const int nodes = std::atoi(argv[2]);
  Load load(std::atoi(argv[1]));
  const auto begin = now_ns();
  if (std::string_view(argv[3]) == "fill") {
    load.fill(nodes);
  } else {
    const double rate = std::atof(argv[3]), seconds = argc > 4 ? std::atof(argv[4]) : 10;
    rate > 0 ? load.open_loop(nodes, rate, seconds) : load.closed_loop(nodes, seconds);
  }
  load.print(static_cast<double>(now_ns() - begin) / 1e9);
  if (argc > 5) load.save(argv[5]);
  return 0;
}
