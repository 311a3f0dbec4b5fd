#include "simulator/steady_client.hpp"

#include "simulator/checks/linearizability.hpp"

#include <type_traits>
#include <utility>

#include <fmt/format.h>

namespace vivarium::simulator {
namespace {

using Kind = ServiceWatcher::Kind;

struct Outcome {
  template <class R>
  void operator()(Operation&, const R&) const {}
};

/// An answer that says something of the tree. Others say that there will be none.
bool is_service(const Operation& done) {
  return done.definite() && done.err > WireError::session_expired;
}

}  // namespace

SteadyClient::SteadyClient(const World& world, std::size_t number, const client::Settings& settings,
                           Micros phase, std::uint64_t seed, History& history, ServiceWatcher& watcher,
                           Trace& trace)
    : world_(world),
      number_(number),
      settings_(settings),
      phase_(phase),
      history_(history),
      watcher_(watcher),
      trace_(trace),
      generator_(seed),
      host_(world.network.add_host("10.0.1." + std::to_string(number + 1))),
      clock_(world.loop),
      loop_(world.loop, clock_, world.network, host_, seed ^ 0x5eed),
      transport_(loop_, world.network, host_) {
  timer_ = loop_.timer([this] { act(); });
}

SteadyClient::~SteadyClient() {
  session_.reset();
  transport_.stop();
}

void SteadyClient::start() {
  begin();
  asks_ = true;
  turn_ = Turn::write;
  const auto into = std::chrono::duration_cast<Micros>(loop_.now()) % kPeriod;
  timer_->arm((phase_ - into + kPeriod) % kPeriod);
}

void SteadyClient::begin() {
  begin_anew_ = false;
  session_.reset();
  conversation_ = history_.conversations.size();
  history_.conversations.emplace_back().client = number_;
  client::SessionHandler& handler = *this;
  session_ = std::make_unique<client::Session>(loop_, transport_, settings_, handler);
}

void SteadyClient::close() {
  const auto operation = new_operation(Action::close, {});
  session_->close(keeping<client::Reply>(operation, Outcome()));
}

bool SteadyClient::idle() const { return closed() || session_->outstanding() == 0; }

void SteadyClient::on_state(client::State state, std::string_view reason) {
  trace_.add("client " + std::to_string(number_),
             "is " + std::string(client::name_of(state)) + " " + std::string(reason));
  auto& mine = conversation();
  mine.states.push_back({state, ++mine.last_arrival, world_.loop.now()});
  if (client::is_connected(state)) mine.session = session_->id();
  begin_anew_ = client::is_final(state);
}

void SteadyClient::on_watch(const client::WatchEvent& event) {
  auto& mine = conversation();
  mine.told.push_back({event, world_.loop.now(), ++mine.last_arrival});
}

void SteadyClient::act() {
  timer_->arm(kPeriod / 2);
  if (!asks_) return;
  if (begin_anew_) begin();
  if (std::exchange(turn_, turn_ == Turn::write ? Turn::read : Turn::write) == Turn::write) write();
  else read();
}

// --- operations ----------------------------------------------------------------------------------

std::size_t SteadyClient::new_operation(Action action, std::string path) {
  auto& operations = conversation().operations;
  auto& operation = operations.emplace_back();
  operation.action = action;
  operation.path = std::move(path);
  operation.invoked = world_.loop.now();
  if (action != Action::close && action != Action::sync)
    watcher_.on_asked(number_, is_write(action) ? Kind::write : Kind::read);
  return operations.size() - 1;
}

template <class R, class Keep>
client::Completion<R> SteadyClient::keeping(std::size_t operation, Keep keep) {
  return [this, number = conversation_, operation, keep](const R& reply) {
    auto& mine = history_.conversations[number];
    auto& done = mine.operations[operation];
    done.arrival = ++mine.last_arrival;
    done.returned = world_.loop.now();
    done.err = reply.err;
    done.zxid = reply.zxid;
    keep(done, reply);
    note(done, operation);
  };
}

void SteadyClient::note(const Operation& done, std::size_t number) {
  if (trace_.on())
    trace_.add("client " + std::to_string(number_),
               fmt::format("session {:x} #{}: {} {} of {}: {} at 0x{:x}", session_->id().value, number + 1,
                           name_of(done.action), done.path,
                           std::chrono::duration_cast<Millis>(done.invoked).count(),
                           client::name_of(done.err), done.zxid.value));
  if (done.action == Action::close || done.action == Action::sync) return;
  const auto kind = is_write(done.action) ? Kind::write : Kind::read;
  is_service(done) ? watcher_.on_answered(number_, kind) : watcher_.on_failed(number_, kind);
}

/// Mostly its own znode; now and then the one of all, and ephemerals.
void SteadyClient::write() {
  const auto roll = generator_() % 20;
  const auto temporary = own_path() + "-lock";
  if (roll < 2) return create(temporary, CreateFlag::ephemeral);
  if (roll < 4) return remove(temporary);
  if (roll == 4) return create(own_path(), CreateFlag::persistent);
  if (roll == 5) return create(kRegisterPath, CreateFlag::persistent);
  set(roll < 8 ? kRegisterPath : own_path());
}

void SteadyClient::create(const std::string& path, CreateFlag flag) {
  const auto number = new_operation(Action::create, path);
  auto& write = conversation().operations[number].writes.emplace_back();
  write.path = path;
  write.data = next_data();
  write.flag = flag;
  client::NodeKind kind;
  kind.flag = flag;
  session_->create(path, write.data, kind,
                   keeping<client::CreateReply>(number, [](Operation& done, const client::CreateReply& reply) {
                     done.writes[0].created = reply.path;
                     done.writes[0].stat = reply.stat;
                   }));
}

void SteadyClient::set(const std::string& path) {
  const auto number = new_operation(Action::set, path);
  auto& write = conversation().operations[number].writes.emplace_back();
  write.action = Action::set;
  write.path = path;
  write.data = next_data();
  session_->set(path, write.data, -1,
                keeping<client::StatReply>(number, [](Operation& done, const client::StatReply& reply) {
                  done.writes[0].stat = reply.stat;
                }));
}

void SteadyClient::remove(const std::string& path) {
  const auto number = new_operation(Action::remove, path);
  auto& write = conversation().operations[number].writes.emplace_back();
  write.action = Action::remove;
  write.path = path;
  session_->remove(path, -1, keeping<client::Reply>(number, Outcome()));
}

/// Of the register behind a sync, as the judge of it wants (checks/linearizability).
void SteadyClient::read() {
  std::string path = own_path();
  if (generator_() % 8 == 0) {
    path = kRegisterPath;
    session_->sync(path, keeping<client::PathReply>(new_operation(Action::sync, path), Outcome()));
  }
  const auto number = new_operation(Action::get, path);
  session_->get(path, client::Watch::none,
                keeping<client::DataReply>(number, [](Operation& done, const client::DataReply& reply) {
                  done.data = reply.data;
                  done.stat = reply.stat;
                }));
}

}  // namespace vivarium::simulator
