#pragma once
// A whole server on simulated doors, and clients that speak the wire protocol to it. Everything runs on
// one SimulatedLoop, so a test is a plain sequence: send, wait for the reply, look.

#include "digest_authenticator.hpp"
#include "ip_authenticator.hpp"
#include "kernel/core/server.hpp"
#include "kernel/simulation/simulated_loop.hpp"
#include "memory_store.hpp"
#include "memory_transport.hpp"
#include "standalone.hpp"
#include "tests/support/fake_host.hpp"

#include <vivarium/records.hpp>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace vivarium::test {

/// A reply as it came, or a notification.
struct Reply {
  std::int32_t xid = 0;
  std::int64_t zxid = 0;
  WireError err = WireError::ok;
  std::string body;

  template <class Record>
  Record as() const {
    Record record;
    JuteIn in(body);
    in(record);
    if (!in.ok() || !in.rest().empty()) throw std::runtime_error("the reply has another shape");
    return record;
  }
};

/// A watch event with its path copied.
struct Event {
  EventType type;
  std::string path;
  std::int64_t zxid;
  bool operator==(const Event&) const = default;
};

/// Where a test server keeps its history.
class TestStorage {
 public:
  virtual ~TestStorage() = default;
  virtual LogStore& store() = 0;
};

class TestMemory final : public TestStorage {
 public:
  explicit TestMemory(SimulatedLoop& loop) : host_({}, {}, {.loop = &loop}), store_(host_) {}
  LogStore& store() override { return store_; }

 private:
  FakeHost host_;
  MemoryStore store_;
};

class TestServer {
 public:
  using MakeStorage = std::function<std::unique_ptr<TestStorage>(SimulatedLoop&)>;

  explicit TestServer(ServerSettings settings = defaults(), AclPolicy* policy = nullptr,
                      std::uint64_t seed = 1, const MakeStorage& make_storage = in_memory,
                      std::function<std::uint64_t()> memory_in_use = {})
      : loop(seed),
        host({}, {}, {.loop = &loop}),
        digest_host(kDigestOptions, {{"super_digest", "super:xQJmxLMiHGwaqBvst5y6rkB6HQs="}},
                    {.loop = &loop}),
        network(std::make_shared<MemoryNetwork>()),
        transport(loop, network),
        storage(make_storage(loop)),
        store(storage->store()),
        broadcast(host),
        digest(digest_host),
        ip(host),
        commands(make_commands()),
        metrics(make_metrics()),
        server(std::move(settings),
               {loop, host.fake_log, *metrics, *commands, store, broadcast, nullptr, nullptr,
                nullptr, policy,
                {&digest, &ip}, {}, {{"client", &transport, "127.0.0.1", 2181}}, nullptr,
                std::move(memory_in_use)}) {
    std::optional<Result<void>> outcome;
    server.on_fatal([this](const Error& error) { fatal = error; });
    server.start([&](Result<void> serving) { outcome = serving; });
    if (!digest.start() || !loop.run_until([&] { return outcome.has_value(); }))
      throw std::runtime_error("the server does not serve");
    if (!*outcome) throw std::runtime_error("the server does not serve: " + outcome->error().what);
  }
  ~TestServer() {
    transport.stop();
    broadcast.stop();
    store.stop();
  }

  static std::unique_ptr<TestStorage> in_memory(SimulatedLoop& loop) {
    return std::make_unique<TestMemory>(loop);
  }

  static ServerSettings defaults() {
    ServerSettings settings;
    settings.tick_time_ms = 2000;
    settings.min_session_timeout_ms = 4000;
    settings.max_session_timeout_ms = 40000;
    settings.extended_types = true;
    settings.max_client_connections_per_address = 0;
    settings.whitelisted_words = {"*"};
    settings.version_line = "0.1.0-test, built on 01/01/2026 00:00 GMT";
    return settings;
  }

  SimulatedLoop loop;
  FakeHost host, digest_host;
  std::shared_ptr<MemoryNetwork> network;
  MemoryTransport transport;
  std::unique_ptr<TestStorage> storage;
  LogStore& store;
  std::optional<Error> fatal;  ///< What ended the server from inside.
  Standalone broadcast;
  DigestAuthenticator digest;
  IpAuthenticator ip;
  std::unique_ptr<Commands> commands;
  std::unique_ptr<Metrics> metrics;
  Server server;
};

class TestClient : private Connector, private ChannelHandler {
 public:
  enum class Greeting { none, new_session };

  explicit TestClient(TestServer& server, Greeting greeting = Greeting::new_session)
      : TestClient(server.loop, server.transport, greeting) {}
  TestClient(SimulatedLoop& loop, MemoryTransport& transport,
             Greeting greeting = Greeting::new_session)
      : loop_(loop) {
    ConnectSpec spec;
    spec.host = "127.0.0.1";
    spec.port = 2181;
    spec.framing.frame_bytes_max = 256u << 20;
    connecting_ = transport.connect(spec, *this);
    wait([&] { return channel_ != nullptr; });
    if (greeting == Greeting::new_session && !connect()) throw std::runtime_error("no session");
  }
  ~TestClient() override {
    if (channel_ && !closed) channel_->abort();
    loop_.run_until([&] { return closed; });
  }

  /// The handshake. False when the server closed without an answer, or said "expired".
  bool connect(std::int64_t session = 0, std::string password = std::string(16, '\0'),
               std::int32_t timeout = 10000, std::int64_t last_zxid = 0) {
    send_connect(session, password, timeout, last_zxid);
    wait([&] { return greeted_ || closed; });
    return greeted_ && session_timeout > 0;
  }
  void send_connect(std::int64_t session, std::string_view password, std::int32_t timeout = 10000,
                    std::int64_t last_zxid = 0) {
    greeted_ = false;
    frame(to_jute(records::ConnectRequest{0, last_zxid, timeout, session, password}) + '\0');
  }

  template <class Record>
  Reply call(Op op, const Record& record) {
    return wait_for(send(op, to_jute(record)));
  }
  Reply call(Op op) { return wait_for(send(op, {})); }

  /// Sends without waiting; returns the xid.
  std::int32_t send(Op op, std::string_view body) {
    const auto xid = op == Op::ping ? kXidPing : op == Op::auth ? kXidAuth : ++last_xid_;
    send_as(xid, op, body);
    return xid;
  }
  void send_as(std::int32_t xid, Op op, std::string_view body) {
    frame(to_jute(records::RequestHeader{xid, static_cast<std::int32_t>(op)}) + std::string(body));
  }
  Reply wait_for(std::int32_t xid) {
    auto reply = next_reply();
    if (reply.xid != xid) throw std::runtime_error("a reply is out of order");
    return reply;
  }
  /// A raw frame, with its length in front.
  void frame(std::string_view bytes) { raw(to_jute(bytes)); }
  void raw(std::string bytes) { channel_->send(SharedBytes(std::move(bytes))); }

  bool wait(const std::function<bool()>& predicate) { return loop_.run_until(predicate); }
  void wait_closed() { wait([&] { return closed; }); }
  bool has_reply() const { return !replies_.empty(); }
  Reply next_reply() {
    wait([&] { return !replies_.empty() || closed; });
    if (replies_.empty()) throw std::runtime_error("the connection closed without a reply");
    auto reply = std::move(replies_.front());
    replies_.pop_front();
    return reply;
  }
  /// Sends a four-letter word; `text` is what came when the server has closed.
  void word(std::string_view four_letters) {
    Framing framing;
    framing.kind = Framing::Kind::raw;
    channel_->set_framing(framing);
    reads_text_ = true;
    raw(std::string(four_letters));
    wait_closed();
  }
  /// What the server sends stays with it, until read_one() takes the next reply, or for good.
  void stop_reading() { channel_->pause_reading(); }
  void read_one() {
    one_at_a_time_ = true;
    channel_->resume_reading();
  }
  void go_on_reading() {
    one_at_a_time_ = false;
    channel_->resume_reading();
  }
  /// Lets everything under way arrive.
  void settle() { loop_.run_for(std::chrono::milliseconds(1)); }
  std::vector<Event> take_events() {
    settle();
    return std::exchange(events_, {});
  }

  // --- the calls that tests make most -------------------------------------------------------------
  static AclList open_acl() { return {{perms::kAll, "world", "anyone"}}; }

  Reply create(std::string_view path, Data data = "", CreateFlag flag = CreateFlag::persistent,
               AclList acl = open_acl()) {
    return call(Op::create, records::CreateRequest{path, data, acl, static_cast<std::int32_t>(flag)});
  }
  std::string created(std::string_view path, Data data = "",
                      CreateFlag flag = CreateFlag::persistent) {
    return std::string(create(path, data, flag).as<records::PathRequest>().path);
  }
  Reply set(std::string_view path, Data data, std::int32_t version = -1) {
    return call(Op::set_data, records::SetDataRequest{path, data, version});
  }
  Reply remove(std::string_view path, std::int32_t version = -1) {
    return call(Op::remove, records::PathVersionRequest{path, version});
  }
  Reply exists(std::string_view path, bool watch = false) {
    return call(Op::exists, records::PathWatchRequest{path, watch});
  }
  Reply get(std::string_view path, bool watch = false) {
    return call(Op::get_data, records::PathWatchRequest{path, watch});
  }
  Reply children(std::string_view path, bool watch = false) {
    return call(Op::get_children, records::PathWatchRequest{path, watch});
  }
  Stat stat(std::string_view path) { return exists(path).as<Stat>(); }
  std::string data(std::string_view path) {
    const auto reply = get(path);
    JuteIn in(reply.body);
    Data data;
    in(data);
    return std::string(data.value_or("<null>"));
  }
  Reply authenticate(std::string_view scheme, std::string_view credential) {
    return call(Op::auth, records::AuthPacket{0, scheme, credential});
  }

  std::int64_t session = 0;
  std::int32_t session_timeout = 0;
  std::string password;
  bool closed = false;
  std::string text;  ///< What came after a four-letter word.

 private:
  ChannelHandler* on_connected(Channel& channel) override {
    channel_ = &channel;
    return this;
  }
  void on_connect_failed(const Error& error) override { throw std::runtime_error(error.what); }
  std::size_t on_frames(Channel&, std::span<const std::string_view> frames) override {
    const auto wanted = one_at_a_time_ ? frames.first(1) : frames;
    for (const auto frame : wanted) take(frame);
    if (one_at_a_time_) channel_->pause_reading();
    return wanted.size();
  }
  void on_first_word(Channel&, std::uint32_t) override {}
  void on_low_water(Channel&) override {}
  void on_closed(Channel&, CloseReason, std::string_view) override { closed = true; }

  void take(std::string_view frame) {
    if (reads_text_) return void(text += frame);
    JuteIn in(frame);
    if (!greeted_) {
      records::ConnectResponse response;
      in(response);
      session = response.session_id;
      session_timeout = response.timeout;
      password = std::string(response.password);
      greeted_ = true;
      return;
    }
    records::ReplyHeader header;
    in(header);
    Reply reply{header.xid, header.zxid, static_cast<WireError>(header.err), std::string(in.rest())};
    if (header.xid != kXidNotification) return replies_.push_back(std::move(reply));
    const auto event = reply.as<records::WatcherEvent>();
    events_.push_back({static_cast<EventType>(event.type), std::string(event.path), header.zxid});
  }

  SimulatedLoop& loop_;
  std::unique_ptr<Connecting> connecting_;
  Channel* channel_ = nullptr;
  bool greeted_ = false;
  bool one_at_a_time_ = false, reads_text_ = false;
  std::int32_t last_xid_ = 0;
  std::deque<Reply> replies_;
  std::vector<Event> events_;
};

/// The body of a multi request, from its parts.
class MultiBody {
 public:
  template <class Record>
  MultiBody& add(Op op, const Record& record) {
    append_jute(bytes_, records::MultiHeader{static_cast<std::int32_t>(op), false, -1}, record);
    return *this;
  }
  std::string bytes() const { return bytes_ + to_jute(records::MultiHeader{-1, true, -1}); }

 private:
  std::string bytes_;
};

}  // namespace vivarium::test
