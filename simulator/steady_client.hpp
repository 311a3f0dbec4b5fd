#pragma once
// A client that asks for one write and one read a second, for as long as the run lasts, and has it noted which
// of them were answered and when. Everything that it asked for goes into the history as well, for the checks.

#include "client/session.hpp"
#include "simulator/history.hpp"
#include "simulator/machine.hpp"
#include "simulator/machine_loop.hpp"
#include "simulator/network_transport.hpp"
#include "simulator/trace.hpp"

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace vivarium::simulator {

/// Who counts what clients ask for and get.
class ServiceWatcher {
 public:
  enum class Kind : std::uint8_t { write, read };
  virtual ~ServiceWatcher() = default;
  virtual void on_asked(std::size_t client, Kind kind) = 0;
  virtual void on_answered(std::size_t client, Kind kind) = 0;
  virtual void on_failed(std::size_t client, Kind kind) = 0;
};

class SteadyClient final : private client::SessionHandler {
 public:
  static constexpr Micros kPeriod{1'000'000};

  /// `phase`: when, within each second, it asks for its write; half a second later for its read.
  SteadyClient(const World& world, std::size_t number, const client::Settings& settings, Micros phase,
               std::uint64_t seed, History& history, ServiceWatcher& watcher, Trace& trace);
  ~SteadyClient() override;
  SteadyClient(const SteadyClient&) = delete;
  SteadyClient& operator=(const SteadyClient&) = delete;

  /// Begins a new session, and asks from now on.
  void start();
  /// Asks for nothing more.
  void rest() { asks_ = false; }
  void go_on() { asks_ = true; }
  void close();
  /// All that it had asked for has an outcome.
  bool idle() const;
  bool connected() const { return session_ && session_->state() == client::State::connected; }
  bool settled() const { return connected() || closed(); }
  bool closed() const { return !session_ || client::is_final(session_->state()); }
  HostId host() const { return host_; }
  /// To which it is connected, or tries to be.
  const std::string& server() const { return session_->server().host; }

 private:
  enum class Turn : std::uint8_t { write, read };

  void on_state(client::State state, std::string_view reason) override;
  void on_watch(const client::WatchEvent& event) override;

  void begin();
  void act();
  void write();
  void read();
  void create(const std::string& path, CreateFlag flag);
  void set(const std::string& path);
  void remove(const std::string& path);
  std::size_t new_operation(Action action, std::string path);
  std::string next_data() { return std::to_string(number_) + "." + std::to_string(++last_data_); }
  std::string own_path() const { return "/steady-" + std::to_string(number_); }
  template <class R, class Keep>
  client::Completion<R> keeping(std::size_t operation, Keep keep);
  void note(const Operation& done, std::size_t number);
  Conversation& conversation() { return history_.conversations[conversation_]; }

  const World world_;
  const std::size_t number_;
  const client::Settings settings_;
  const Micros phase_;
  History& history_;
  ServiceWatcher& watcher_;
  Trace& trace_;
  std::mt19937_64 generator_;
  HostId host_;
  MachineClock clock_;
  MachineLoop loop_;
  NetworkTransport transport_;
  std::unique_ptr<Timer> timer_;
  std::unique_ptr<client::Session> session_;
  std::size_t conversation_ = 0;
  std::uint64_t last_data_ = 0;
  Turn turn_ = Turn::write;
  bool asks_ = false, begin_anew_ = false;
};

}  // namespace vivarium::simulator
