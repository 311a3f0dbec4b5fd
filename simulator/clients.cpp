#include "simulator/clients.hpp"

#include "simulator/checks/linearizability.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace vivarium::simulator {
namespace {

constexpr std::size_t kOutcome = 0;  // Nothing but err and zxid is kept.

/// Credentials of the scheme `digest`, and who they show one to be: the name, and the SHA-1 of all.
struct User {
  const char* credential;
  const char* id;
};
constexpr User kUsers[] = {{"ann:a", "ann:i9V/d2HTT0sehGWzvQcFNipywIQ="},
                           {"bob:b", "bob:LcrmCNs/wfVD+i5a5yaz89GyjIM="},
                           {"eve:e", "eve:99ZIz/sujwfc2XMk4Q3/RNN59mY="}};

constexpr const char* kQuota = "/zookeeper/quota/b";
constexpr const char* kLimits = "/zookeeper/quota/b/zookeeper_limits";
constexpr const char* kUsed = "/zookeeper/quota/b/zookeeper_stats";

std::string address_of(std::size_t client) { return "10.0.1." + std::to_string(client + 1); }

AclList views_of(const std::vector<client::Acl>& entries) {
  AclList views;
  for (const auto& entry : entries) views.push_back({entry.perms, entry.scheme, entry.id});
  return views;
}

client::NodeKind kind_of(const Write& write) {
  client::NodeKind kind;
  kind.flag = write.flag;
  kind.acl = views_of(write.acl);
  return kind;
}

void keep_stat(Operation& operation, const client::StatReply& reply) { operation.stat = reply.stat; }

void keep_children(Operation& operation, const client::ChildrenReply& reply) {
  operation.children = reply.children;
  operation.stat = reply.stat;
}

}  // namespace

void draw_access(WorkloadSpec& workload, std::uint64_t seed) {
  const auto mixed = (seed + 1) * 0x9e3779b97f4a7c15 >> 32;
  workload.acls = mixed % 5 < 2;
  workload.quotas = mixed / 5 % 4 == 0;
  workload.onlooker = mixed / 20 % 3 == 0;
}

SimulatedClient::SimulatedClient(const World& world, std::size_t number,
                                 std::vector<client::ServerAddress> servers,
                                 const WorkloadSpec& workload, std::uint64_t seed, History& history,
                                 Probes& probes, Trace& trace)
    : world_(world),
      number_(number),
      workload_(workload),
      history_(history),
      probes_(probes),
      trace_(trace),
      generator_(seed),
      host_(world.network.add_host(address_of(number))),
      clock_(world.loop),
      loop_(world.loop, clock_, world.network, host_, seed ^ 0x5eed),
      transport_(loop_, world.network, host_),
      left_(workload.operations) {
  settings_.servers = std::move(servers);
  settings_.timeout_ms = workload.timeout_ms;
  timer_ = loop_.timer([this] { act(); });
}

SimulatedClient::~SimulatedClient() {
  session_.reset();
  closing_.clear();
  transport_.stop();
}

void SimulatedClient::start() {
  begin(Going::anew);
  later();
}

/// A session goes on with what the last one had seen, or forgets it all.
void SimulatedClient::begin(Going going) {
  settings_.session.reset();
  if (going == Going::on_with_it) settings_.session = session_->key();
  session_.reset();
  conversation_ = history_.conversations.size();
  auto& conversation = history_.conversations.emplace_back();
  conversation.client = number_;
  conversation.address = address_of(number_);
  if (settings_.session) {
    conversation.session = settings_.session->id;
    conversation.seen_before = settings_.session->last_zxid;
  }
  client::SessionHandler& handler = *this;
  session_ = std::make_unique<client::Session>(loop_, transport_, settings_, handler);
  begin_anew_ = false;
  if (workload_.acls && chance(70)) show_credential(number_);
}

/// Without waiting for the answer: what is asked for behind it comes behind it.
void SimulatedClient::show_credential(std::size_t user) {
  const auto& shown = kUsers[user % std::size(kUsers)];
  auto& mine = conversation();
  mine.shown.push_back({{"digest", shown.id}, mine.operations.size(), world_.loop.now()});
  session_->add_auth("digest", shown.credential, {});
}

void SimulatedClient::on_state(client::State state, std::string_view reason) {
  trace_.add("client " + std::to_string(number_),
             "is " + std::string(client::name_of(state)) + " " + std::string(reason));
  auto& mine = conversation();
  mine.states.push_back({state, ++mine.last_arrival, world_.loop.now()});
  if (client::is_connected(state)) mine.session = session_->id();
  if (state == client::State::expired) probes_.met("a client learns that its session has expired");
  if (client::is_final(state)) begin_anew_ = true;
}

void SimulatedClient::on_watch(const client::WatchEvent& event) {
  auto& mine = conversation();
  mine.told.push_back({event, world_.loop.now(), ++mine.last_arrival});
}

bool SimulatedClient::idle() const {
  return client::is_final(session_->state()) || session_->outstanding() == 0;
}

bool SimulatedClient::connected() const { return session_->state() == client::State::connected; }

void SimulatedClient::later() {
  timer_->arm(Micros(static_cast<std::int64_t>(
      random(static_cast<std::uint64_t>(workload_.pause_most.count()) + 1))));
}

void SimulatedClient::act() {
  if (begin_anew_) begin(Going::anew);
  const bool busy = session_->outstanding() >= workload_.outstanding_most;
  if (!resting_ && left_ > 0 && !busy) {
    --left_;
    do_something();
  }
  later();
}

void SimulatedClient::do_something() {
  if (workload_.onlooker && number_ == 0) return look_on();
  if (workload_.acls && chance(8)) return use_acls();
  if (workload_.quotas && chance(6)) return use_quota();
  if (random(1000) < workload_.session_changes) return change_session();
  if (workload_.watches && chance(4)) return watch_more();
  if (chance(8)) return use_register();
  if (chance(workload_.reads_percent)) return read();
  chance(12) ? multi() : write();
}

void SimulatedClient::change_session() {
  switch (random(3)) {
    case 0: return close();
    case 1: return begin(Going::anew);  // The process has crashed: its session will expire.
    default:
      if (session_->id().value == 0) return;
      probes_.met("a session moves");
      return begin(Going::on_with_it);
  }
}

// --- operations ----------------------------------------------------------------------------------

std::size_t SimulatedClient::new_operation(Action action, std::string path) {
  auto& operations = conversation().operations;
  auto& operation = operations.emplace_back();
  operation.action = action;
  operation.path = std::move(path);
  operation.invoked = world_.loop.now();
  return operations.size() - 1;
}

template <class R, class Keep>
client::Completion<R> SimulatedClient::keeping(std::size_t operation, Keep keep) {
  return [this, number = conversation_, operation, keep](const R& reply) {
    auto& mine = history_.conversations[number];
    auto& done = mine.operations[operation];
    done.arrival = ++mine.last_arrival;
    done.returned = world_.loop.now();
    done.err = reply.err;
    done.zxid = reply.zxid;
    if constexpr (!std::is_same_v<Keep, std::size_t>) keep(done, reply);
    if (trace_.on()) trace(done, operation);
  };
}

/// The number is the cxid of its transaction.
void SimulatedClient::trace(const Operation& done, std::size_t number) const {
  const auto asked = std::chrono::duration_cast<Micros>(done.invoked).count();
  trace_.add("client " + std::to_string(number_),
             fmt::format("session {:x} #{}: {} {} of {}.{:03} ms: {} at 0x{:x}", session_->id().value,
                         number + 1, name_of(done.action), done.path, asked / 1000, asked % 1000,
                         client::name_of(done.err), done.zxid.value));
}

void SimulatedClient::close() {
  const auto operation = new_operation(Action::close, {});
  session_->close(keeping<client::Reply>(operation, kOutcome));
}

std::string SimulatedClient::random_path() {
  std::string path = "/" + std::string(1, static_cast<char>('a' + random(3)));
  if (chance(60)) path += "/" + std::to_string(random(workload_.paths));
  return path;
}

/// Unlike any other of the run, so that what was read tells who has written it.
std::string SimulatedClient::random_data() {
  auto data = std::to_string(number_) + "." + std::to_string(++last_data_);
  if (chance(3)) data.append(random(3'000), 'x');
  return data;
}

std::int32_t SimulatedClient::random_version() {
  return chance(70) ? -1 : static_cast<std::int32_t>(random(4));
}

CreateFlag SimulatedClient::random_flag() {
  const auto roll = random(10);
  if (roll < 5) return CreateFlag::persistent;
  if (roll < 7) return CreateFlag::ephemeral;
  return roll < 9 ? CreateFlag::persistent_sequential : CreateFlag::ephemeral_sequential;
}

Write SimulatedClient::random_write() {
  Write write;
  const auto roll = random(10);
  write.path = random_path();
  if (roll < 4) {
    write.action = Action::create;
    write.data = random_data();
    write.flag = random_flag();
    const bool sequential = write.flag == CreateFlag::persistent_sequential ||
                            write.flag == CreateFlag::ephemeral_sequential;
    if (sequential) write.path = write.path.substr(0, 2) + "/n-";
    if (workload_.acls) write.acl = random_acl(write.path);
  } else if (roll < 7) {
    write.action = Action::set;
    write.data = random_data();
    write.version = random_version();
  } else {
    write.action = Action::remove;
    write.version = random_version();
    if (!created_.empty() && chance(60)) {
      write.path = created_.back();
      created_.pop_back();
    }
  }
  return write;
}

Write SimulatedClient::random_part() {
  if (!chance(20)) return random_write();
  Write check;
  check.action = Action::set;
  check.check = true;
  check.path = random_path();
  check.version = random_version();
  return check;
}

void SimulatedClient::write() { send(random_write()); }

void SimulatedClient::send(Write write) {
  const auto number = new_operation(write.action, write.path);
  const auto& asked = conversation().operations[number].writes.emplace_back(std::move(write));
  if (asked.action == Action::create) {
    session_->create(asked.path, asked.data, kind_of(asked),
                     keeping<client::CreateReply>(
                         number, [this](Operation& done, const client::CreateReply& reply) {
                           done.writes[0].created = reply.path;
                           done.writes[0].stat = reply.stat;
                           if (reply.ok() && reply.path != done.path) created_.push_back(reply.path);
                         }));
  } else if (asked.action == Action::set_acl) {
    session_->set_acl(asked.path, views_of(asked.acl), asked.version,
                      keeping<client::StatReply>(number,
                                                 [](Operation& done, const client::StatReply& reply) {
                                                   done.writes[0].stat = reply.stat;
                                                 }));
  } else if (asked.action == Action::set) {
    session_->set(asked.path, asked.data, asked.version,
                  keeping<client::StatReply>(number,
                                             [](Operation& done, const client::StatReply& reply) {
                                               done.writes[0].stat = reply.stat;
                                             }));
  } else {
    session_->remove(asked.path, asked.version, keeping<client::Reply>(number, kOutcome));
  }
}

void SimulatedClient::multi() {
  std::vector<Write> parts;
  for (auto count = 1 + random(4); count > 0; --count) parts.push_back(random_part());
  send(std::move(parts));
}

void SimulatedClient::send(std::vector<Write> writes) {
  client::Multi parts;
  const auto number = new_operation(Action::multi, {});
  conversation().operations[number].writes = std::move(writes);
  for (const auto& part : conversation().operations[number].writes) {
    if (part.check) parts.check(part.path, part.version);
    else if (part.action == Action::create) parts.create(part.path, part.data, kind_of(part));
    else if (part.action == Action::set) parts.set(part.path, part.data, part.version);
    else parts.remove(part.path, part.version);
  }
  session_->multi(parts, keeping<client::MultiReply>(
                             number, [](Operation& done, const client::MultiReply& reply) {
                               for (std::size_t i = 0; i < reply.parts.size(); ++i) {
                                 done.writes[i].created = reply.parts[i].path;
                                 done.writes[i].stat = reply.parts[i].stat;
                                 done.writes[i].err = reply.parts[i].err;
                               }
                             }));
}

void SimulatedClient::read() {
  const auto watch = workload_.watches && chance(20) ? client::Watch::set : client::Watch::none;
  const auto path = chance(8) ? std::string("/") : random_path();
  const auto roll = random(100);
  if (roll < 35) return get(path, watch);
  if (roll >= 90) return sync(path);
  const auto number = new_operation(roll < 60 ? Action::exists : Action::children, path);
  conversation().operations[number].watch = watch == client::Watch::set;
  roll < 60 ? session_->exists(path, watch, keeping<client::StatReply>(number, keep_stat))
            : session_->get_children(path, watch,
                                     keeping<client::ChildrenReply>(number, keep_children));
}

void SimulatedClient::get(const std::string& path, client::Watch watch) {
  const auto number = new_operation(Action::get, path);
  conversation().operations[number].watch = watch == client::Watch::set;
  session_->get(path, watch,
                keeping<client::DataReply>(number,
                                           [](Operation& done, const client::DataReply& reply) {
                                             done.data = reply.data;
                                             done.stat = reply.stat;
                                           }));
}

void SimulatedClient::get_acl(const std::string& path) {
  const auto number = new_operation(Action::get_acl, path);
  session_->get_acl(path, keeping<client::AclReply>(
                              number, [](Operation& done, const client::AclReply& reply) {
                                done.acl = reply.acl;
                                done.stat = reply.stat;
                              }));
}

/// Without a sync, which shows what is new or is not answered.
void SimulatedClient::look_on() {
  get(random_path(), workload_.watches && chance(20) ? client::Watch::set : client::Watch::none);
}

void SimulatedClient::sync(const std::string& path) {
  const auto number = new_operation(Action::sync, path);
  session_->sync(path, keeping<client::PathReply>(number, kOutcome));
}

/// What it does here a judge looks at who believes no zxid (checks/linearizability).
void SimulatedClient::use_register() {
  if (chance(50)) {
    sync(kRegisterPath);
    return get(kRegisterPath, client::Watch::none);
  }
  Write write;
  write.action = chance(20) ? Action::create : Action::set;
  write.path = kRegisterPath;
  write.data = random_data();
  send(std::move(write));
}

// --- ACLs and quotas -------------------------------------------------------------------------------

void SimulatedClient::use_acls() {
  const auto roll = random(10);
  const auto path = random_path();
  if (roll < 4) return get_acl(path);
  if (roll < 5) return show_credential(random(std::size(kUsers)));
  Write write;
  write.action = Action::set_acl;
  write.path = path;
  write.acl = random_acl(path);
  write.version = random_version();
  send(std::move(write));
}

/// Somebody may do everything, whoever else may do what, or in time nothing would be allowed to anybody.
std::vector<client::Acl> SimulatedClient::random_acl(const std::string& path) {
  const client::Acl everybody{perms::kAll, "world", "anyone"};
  const client::Acl one{perms::kAll, "digest", kUsers[random(std::size(kUsers))].id};
  const client::Acl whoever_asks{perms::kAll, "auth", ""};
  if (path.size() == 2 && chance(60)) return {everybody};
  switch (random(9)) {
    case 0: return {{perms::kRead, "world", "anyone"}, one};
    case 1: return {whoever_asks};
    case 2: return {{perms::kAll & ~perms::kRead, "world", "anyone"}, one};
    case 3: return {{perms::kAll, "ip", address_of(random(4))}, one};
    case 4: return {{perms::kRead | perms::kCreate | perms::kDelete, "world", "anyone"}, whoever_asks};
    case 5: return {one, {perms::kRead | perms::kWrite, "digest", kUsers[random(std::size(kUsers))].id}};
    default: return {everybody};
  }
}

void SimulatedClient::use_quota() {
  Write limits, used;
  limits.path = kLimits;
  limits.data = random_limits();
  used.path = kUsed;
  used.data = "count=0,bytes=0";
  switch (random(8)) {
    case 0: {
      Write quota;
      quota.path = kQuota;
      return send(std::move(quota));
    }
    case 1:
    case 2: return send(std::vector{limits, used});
    case 3: return get(kUsed, client::Watch::none);
    case 4: limits.action = used.action = Action::remove; return send(std::vector{limits, used});
    default: limits.action = Action::set; return send(std::move(limits));
  }
}

/// Soft limits too, of which a server only writes in its log.
std::string SimulatedClient::random_limits() {
  const auto bytes = chance(70) ? static_cast<std::int64_t>(random(400)) : -1;
  const auto count = chance(70) ? static_cast<std::int64_t>(2 + random(10)) : -1;
  return fmt::format("count={},bytes={}=;byteHardLimit={};countHardLimit={}", random(5), random(50),
                     bytes, count);
}

void SimulatedClient::watch_more() {
  const auto path = random_path();
  const auto mode = chance(50) ? client::AddWatchMode::persistent
                               : client::AddWatchMode::persistent_recursive;
  const auto number = new_operation(Action::add_watch, path);
  conversation().operations[number].mode = mode;
  session_->add_watch(path, mode, keeping<client::Reply>(number, kOutcome));
}

void SimulatedClient::take_stock() {
  if (begin_anew_) begin(Going::anew);
  Write last;
  last.action = Action::create;
  last.path = "/stock-" + std::to_string(number_);
  last.data = random_data();
  send(std::move(last));
  for (const char* path : {"/", "/a", "/b", "/c"}) {
    const auto number = new_operation(Action::children, path);
    session_->get_children(path, client::Watch::none,
                           keeping<client::ChildrenReply>(number, keep_children));
    if (workload_.acls) get_acl(path);
  }
  if (workload_.quotas) get(kUsed, client::Watch::none);
}

}  // namespace vivarium::simulator
