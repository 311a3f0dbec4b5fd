#pragma once
// The network of a simulated ensemble: hosts, the links between them, and what goes wrong there.
//
// Connections behave as TCP's do. A blocked link loses nothing: what is sent waits for the link to heal,
// as retransmission would have it, and the sender's end breaks when that takes too long. The other end
// hears of nothing and stays half-open until it sends something itself. A host that lost power answers
// nothing; one that is up again answers what belongs to a former connection with a reset; the end of a
// process closes its connections at once.
//
// Every delay is drawn from a generator of the network's own, so that what happens on the hosts does not
// change it. All on the one thread of the simulation.

#include "kernel/simulation/simulated_loop.hpp"

#include <vivarium/loop.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vivarium::simulator {

using HostId = std::size_t;

/// How long a segment is under way: between the two, evenly.
struct Delay {
  Micros least{0};
  Micros most{0};
};

class Network;
class NetworkStream;

/// One connection. Both ends and the network share it.
struct Line {
  struct Segment {
    enum class Kind : std::uint8_t { data, end, reset } kind = Kind::data;
    MonoTime due{};
    std::string bytes;
  };
  /// From ends[i] to ends[1 - i].
  struct Way {
    std::deque<Segment> flight;
    std::size_t bytes = 0;  ///< Of data in flight.
    MonoTime last_due{};
    std::optional<SimulatedLoop::EventKey> event;    ///< When the first one arrives.
    std::optional<SimulatedLoop::EventKey> give_up;  ///< While the first one cannot arrive.
  };
  struct End {
    HostId host = 0;
    std::uint16_t port = 0;
    bool open = true;                 ///< The system of the host knows it.
    NetworkStream* stream = nullptr;  ///< nullptr until it is taken, and once it is closed.
    std::vector<char> arrived;
    std::size_t taken = 0;  ///< Of arrived.
    bool ended = false;     ///< The other end sends nothing more.
    bool end_sent = false;
    bool lost = false;
    std::size_t unread() const { return arrived.size() - taken; }
  };

  std::uint64_t number = 0;
  std::array<End, 2> ends;  ///< ends[0] has connected to ends[1].
  std::array<Way, 2> ways;
  bool severed = false;  ///< Nothing passes any more, and nobody is told.
};
using LinePtr = std::shared_ptr<Line>;

/// Who listens on an address. Called by the network; what it does happens on its host's loop.
class Listening {
 public:
  virtual ~Listening() = default;
  /// The end ends[1] of the line is its to take.
  virtual void offer(LinePtr line) = 0;
};

/// Who connects. Called by the network, once.
class Dialling {
 public:
  virtual ~Dialling() = default;
  /// The end ends[0] of the line is its to take.
  virtual void on_line(LinePtr line) = 0;
  virtual void on_refused() = 0;
};

class Network {
 public:
  /// What one direction of a connection holds when its reader does not read.
  static constexpr std::size_t kWindowBytes = 256 * 1024;

  Network(SimulatedLoop& world, std::uint64_t seed);
  ~Network();
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  HostId add_host(std::string address);
  const std::string& address(HostId host) const { return hosts_[host].address; }
  std::optional<HostId> find_host(std::string_view address) const;
  std::size_t host_count() const { return hosts_.size(); }

  // --- faults ------------------------------------------------------------------------------------
  void set_delay(Delay delay) { delay_ = delay; }
  /// Of one link in one direction, until heal().
  void set_delay(HostId from, HostId to, Delay delay) { delays_[{from, to}] = delay; }
  /// How long an end tries to reach the other before it breaks; drawn for each attempt.
  void set_patience(Delay patience) { patience_ = patience; }
  void block(HostId from, HostId to) {
    ++changes_;
    blocked_.insert({from, to});
  }
  /// Every link passes again, at its usual speed.
  void heal();
  bool passes(HostId from, HostId to) const;
  bool powered(HostId host) const { return hosts_[host].powered; }
  bool blocked(HostId from, HostId to) const { return blocked_.contains({from, to}); }
  /// How often links have been blocked and healed, and power has come and gone.
  std::uint64_t changes() const { return changes_; }
  /// Resets the connection of this number among the open ones, counted round.
  void reset_one(std::uint64_t which);
  /// Nothing passes any more on one connection, and nobody is told: each end believes in it until it
  /// has tried in vain to send.
  void sever_one(std::uint64_t which);

  /// The machine is gone without a word.
  void power_lost(HostId host);
  void power_back(HostId host);
  /// The system closes what the process had open.
  void process_ended(HostId host);

  /// Called as an end hands bytes to the network, which has them from then on.
  using Tap = std::function<void(const Line& line, std::size_t from_end, std::string_view bytes)>;
  void set_tap(Tap tap) { tap_ = std::move(tap); }

  // --- for transports ----------------------------------------------------------------------------
  /// The port; 0 when it is taken. 0 asks for a free one.
  std::uint16_t listen(HostId host, std::uint16_t port, std::weak_ptr<Listening> listening);
  void stop_listening(HostId host, std::uint16_t port) { listening_.erase({host, port}); }
  /// Tries until somebody answers or nobody holds `dialling` any more.
  void dial(HostId from, HostId to, std::uint16_t port, std::weak_ptr<Dialling> dialling);

  // --- for streams -------------------------------------------------------------------------------
  /// How many bytes of the next ones the way from this end takes.
  std::size_t room(const Line& line, std::size_t end) const;
  void send(const LinePtr& line, std::size_t from_end, std::string bytes);
  void end_output(const LinePtr& line, std::size_t end);
  void close(const LinePtr& line, std::size_t end);

  std::size_t open_lines() const { return lines_.size(); }

 private:
  struct Host {
    std::string address;
    bool powered = true;
    std::uint16_t last_port = 49151;  ///< Free ports are dealt out from the range for it.
  };
  using Link = std::pair<HostId, HostId>;
  struct Call;

  std::uint64_t random() { return generator_(); }
  MonoTime between(Delay delay);
  MonoTime delay(HostId from, HostId to);
  std::uint16_t free_port(HostId host);
  bool taken(HostId host, std::uint16_t port) const;

  void call(std::shared_ptr<Call> call);
  void answer(const std::shared_ptr<Call>& call);
  void connect(const std::shared_ptr<Call>& call, Listening& listening);

  void put(const LinePtr& line, std::size_t from_end, Line::Segment segment);
  void await(const LinePtr& line, std::size_t from_end);
  void arrive(const LinePtr& line, std::size_t from_end);
  void hold(const LinePtr& line, std::size_t from_end);
  void give_up(const LinePtr& line, std::size_t from_end);
  void deliver(const LinePtr& line, std::size_t from_end, Line::Segment segment);
  void lose(const LinePtr& line, std::size_t end);
  void retry_held();
  void discard_flight(Line::Way& way);
  void close_end(const LinePtr& line, std::size_t end);
  void forget_if_over(const LinePtr& line);
  LinePtr pick(std::uint64_t which) const;

  SimulatedLoop& world_;
  std::mt19937_64 generator_;
  std::vector<Host> hosts_;
  Delay delay_;
  Delay patience_{std::chrono::seconds(5), std::chrono::seconds(20)};
  std::map<Link, Delay> delays_;
  std::set<Link> blocked_;
  std::map<std::pair<HostId, std::uint16_t>, std::weak_ptr<Listening>> listening_;
  std::map<std::uint64_t, LinePtr> lines_;
  std::uint64_t last_line_ = 0;
  std::uint64_t changes_ = 0;
  Tap tap_;
};

}  // namespace vivarium::simulator
