#pragma once
// Clients of a simulated ensemble: each on a host of its own, talking through our client library, doing
// what its seed says on few paths, so that they get in each other's way, and keeping its history.

#include "client/session.hpp"
#include "simulator/history.hpp"
#include "simulator/machine.hpp"
#include "simulator/machine_loop.hpp"
#include "simulator/network_transport.hpp"
#include "simulator/probes.hpp"
#include "simulator/trace.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace vivarium::simulator {

struct WorkloadSpec {
  std::uint32_t operations = 100;        ///< Of one client.
  Micros pause_most{50'000};             ///< Between two operations.
  std::uint32_t outstanding_most = 8;
  std::uint32_t paths = 6;
  std::int32_t timeout_ms = 4'000;
  std::uint32_t session_changes = 10;    ///< In a thousand operations: closes, moves, crashes.
  std::uint32_t reads_percent = 50;
  bool watches = true;
  bool acls = false;    ///< Clients show who they are, and give znodes ACLs.
  bool quotas = false;  ///< They put hard limits on a subtree, and take them away.
  bool onlooker = false;  ///< The first client does nothing but read: it waits for nobody.
};

/// Which runs have ACLs, quotas and an onlooker, whatever else their seeds decide.
void draw_access(WorkloadSpec& workload, std::uint64_t seed);

class SimulatedClient final : private client::SessionHandler {
 public:
  SimulatedClient(const World& world, std::size_t number, std::vector<client::ServerAddress> servers,
                  const WorkloadSpec& workload, std::uint64_t seed, History& history,
                  Probes& probes, Trace& trace);
  ~SimulatedClient() override;
  SimulatedClient(const SimulatedClient&) = delete;
  SimulatedClient& operator=(const SimulatedClient&) = delete;

  void start();
  /// Asks for nothing more.
  void rest() { resting_ = true; }
  /// Does that much more.
  void go_on(std::uint32_t operations) {
    resting_ = false;
    left_ = operations;
  }
  /// A write and reads of everything, through whatever server it is connected to.
  void take_stock();
  /// All that it had asked for has an outcome.
  bool idle() const;
  bool connected() const;
  HostId host() const { return host_; }
  std::uint32_t left() const { return left_; }

 private:
  enum class Going : std::uint8_t { on_with_it, anew };

  void on_state(client::State state, std::string_view reason) override;
  void on_watch(const client::WatchEvent& event) override;

  void begin(Going going);
  void later();
  void act();
  void do_something();
  void change_session();
  void close();
  void write();
  void read();
  void multi();
  void look_on();
  void use_acls();
  void use_quota();
  void show_credential(std::size_t user);
  Write random_write();
  Write random_part();
  std::string random_path();
  std::string random_data();
  std::int32_t random_version();
  CreateFlag random_flag();
  std::vector<client::Acl> random_acl(const std::string& path);
  std::string random_limits();
  std::size_t new_operation(Action action, std::string path);
  void send(Write write);
  void send(std::vector<Write> parts);
  void watch_more();
  void use_register();
  void get(const std::string& path, client::Watch watch);
  void get_acl(const std::string& path);
  void sync(const std::string& path);

  /// Keeps the outcome of an operation of this conversation.
  template <class R, class Keep>
  client::Completion<R> keeping(std::size_t operation, Keep keep);
  void trace(const Operation& operation, std::size_t number) const;
  Conversation& conversation() { return history_.conversations[conversation_]; }
  std::uint64_t random(std::uint64_t below) { return generator_() % below; }
  bool chance(std::uint64_t percent) { return random(100) < percent; }

  const World world_;
  std::size_t number_;
  WorkloadSpec workload_;
  History& history_;
  Probes& probes_;
  Trace& trace_;
  std::mt19937_64 generator_;
  HostId host_;
  MachineClock clock_;
  MachineLoop loop_;
  NetworkTransport transport_;
  client::Settings settings_;
  std::unique_ptr<Timer> timer_;
  std::size_t conversation_ = 0;
  std::unique_ptr<client::Session> session_;
  std::vector<std::unique_ptr<client::Session>> closing_;
  std::uint32_t left_;
  std::uint64_t last_data_ = 0;
  bool resting_ = false;
  bool begin_anew_ = false;
  std::vector<std::string> created_;  ///< Sequential znodes, to delete them again.
};

}  // namespace vivarium::simulator
