#pragma once
// What the tests of client/ stand on: a session whose operations are waited for, a transport that is cut
// when the test says so, and a server that says what it is told to.

#include "client/session.hpp"
#include "tests/support/test_server.hpp"

#include <list>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace vivarium::test {

/// A Transport between a session and another one: `reachable` and `mute` are what a network does.
class FlakyTransport final : public Transport {
 public:
  FlakyTransport(SimulatedLoop& loop, Transport& inner) : loop_(loop), inner_(inner) {}
  ~FlakyTransport() override {
    cut();
    loop_.run_until([&] { return lines_.empty(); });
  }

  /// All connections end, as if the other ends had closed them.
  void cut() {
    for (auto& line : lines_)
      if (line.channel) line.channel->abort();
  }

  bool reachable = true;  ///< Otherwise attempts fail at once.
  bool mute = false;      ///< What servers send is lost.
  std::vector<std::string> attempts;  ///< host:port of each.

  Result<std::unique_ptr<Listener>> listen(const ListenSpec& spec, Acceptor& acceptor) override {
    return inner_.listen(spec, acceptor);
  }
  std::unique_ptr<Connecting> connect(const ConnectSpec& spec, Connector& connector) override {
    attempts.push_back(spec.host + ":" + std::to_string(spec.port));
    auto& line = lines_.emplace_back(*this, connector);
    auto there = spec;
    if (!reachable) there.port = 1;
    line.connecting = inner_.connect(there, line);
    return std::make_unique<Ticket>(line);
  }

 private:
  struct Ticket;
  /// One attempt, and the connection that comes of it.
  struct Line final : Connector, ChannelHandler {
    Line(FlakyTransport& all, Connector& user) : all(all), connector(&user) {}

    ChannelHandler* on_connected(Channel& opened) override {
      channel = &opened;
      handler = std::exchange(connector, nullptr)->on_connected(opened);
      return this;
    }
    void on_connect_failed(const Error& error) override {
      auto* user = std::exchange(connector, nullptr);
      user->on_connect_failed(error);
      all.remove(*this);
    }
    std::size_t on_frames(Channel& from, std::span<const std::string_view> frames) override {
      return all.mute ? frames.size() : handler->on_frames(from, frames);
    }
    void on_first_word(Channel& from, std::uint32_t word) override {
      handler->on_first_word(from, word);
    }
    void on_low_water(Channel& from) override { handler->on_low_water(from); }
    void on_closed(Channel& from, CloseReason reason, std::string_view detail) override {
      channel = nullptr;
      handler->on_closed(from, reason, detail);
      all.remove(*this);
    }

    FlakyTransport& all;
    Connector* connector;  ///< Until one of its methods is called, or its user abandons the attempt.
    ChannelHandler* handler = nullptr;
    Channel* channel = nullptr;
    std::unique_ptr<Connecting> connecting;
    Ticket* ticket = nullptr;
  };
  struct Ticket final : Connecting {
    explicit Ticket(Line& line) : line(&line) { line.ticket = this; }
    ~Ticket() override {
      if (!line) return;
      line->ticket = nullptr;
      if (line->connector) line->all.remove(*line);
    }
    Line* line;
  };

  void remove(Line& line) {
    if (line.ticket) line.ticket->line = nullptr;
    lines_.remove_if([&](const Line& known) { return &known == &line; });
  }

  SimulatedLoop& loop_;
  Transport& inner_;
  std::list<Line> lines_;
};

/// A session whose operations are waited for, and what its handler was told.
class TestSession final : private client::SessionHandler {
 public:
  TestSession(SimulatedLoop& loop, Transport& transport, client::Settings settings)
      : loop(loop), session(new client::Session(loop, transport, std::move(settings), *this)) {}

  static client::Settings settings(std::vector<client::ServerAddress> servers = {{"127.0.0.1", 2181}}) {
    client::Settings settings;
    settings.servers = std::move(servers);
    settings.order = client::ServerOrder::as_given;
    return settings;
  }

  client::Session* operator->() { return session.get(); }

  /// Runs until the completion that `start` is handed has been called.
  template <class R, class Start>
  R wait_for(Start start) {
    const auto reply = std::make_shared<std::optional<R>>();
    start([reply](const R& came) { *reply = came; });
    if (!loop.run_until([&] { return reply->has_value(); }))
      throw std::runtime_error("an operation is not completed");
    return **reply;
  }
  bool wait_state(client::State state) {
    return loop.run_until([&] { return !states.empty() && states.back() == state; });
  }
  void settle() { loop.run_for(std::chrono::milliseconds(1)); }
  std::vector<std::string> take_events() {
    settle();
    return std::exchange(events, {});
  }

  client::CreateReply create(std::string_view path, Data data = "",
                             const client::NodeKind& kind = {}) {
    return wait_for<client::CreateReply>(
        [&](auto done) { session->create(path, data, kind, done); });
  }
  client::StatReply set(std::string_view path, Data data, std::int32_t version = -1) {
    return wait_for<client::StatReply>([&](auto done) { session->set(path, data, version, done); });
  }
  client::Reply remove(std::string_view path, std::int32_t version = -1) {
    return wait_for<client::Reply>([&](auto done) { session->remove(path, version, done); });
  }
  client::StatReply exists(std::string_view path, client::Watch watch = client::Watch::none) {
    return wait_for<client::StatReply>([&](auto done) { session->exists(path, watch, done); });
  }
  client::DataReply get(std::string_view path, client::Watch watch = client::Watch::none) {
    return wait_for<client::DataReply>([&](auto done) { session->get(path, watch, done); });
  }
  client::ChildrenReply children(std::string_view path,
                                 client::Watch watch = client::Watch::none) {
    return wait_for<client::ChildrenReply>(
        [&](auto done) { session->get_children(path, watch, done); });
  }
  client::Reply add_watch(std::string_view path, client::AddWatchMode mode) {
    return wait_for<client::Reply>([&](auto done) { session->add_watch(path, mode, done); });
  }
  client::Reply remove_watches(std::string_view path, client::WatcherType type) {
    return wait_for<client::Reply>([&](auto done) { session->remove_watches(path, type, done); });
  }
  client::Reply add_auth(std::string_view scheme, std::string_view credential) {
    return wait_for<client::Reply>([&](auto done) { session->add_auth(scheme, credential, done); });
  }
  client::Reply close() {
    return wait_for<client::Reply>([&](auto done) { session->close(done); });
  }

  SimulatedLoop& loop;
  std::vector<client::State> states;
  std::vector<std::string> reasons;   ///< One for each state.
  std::vector<std::string> events;    ///< "created /a"
  std::vector<std::string> failures;  ///< "127.0.0.1:2181: why"
  std::function<void(client::State)> also_on_state;
  std::function<void(const client::WatchEvent&)> also_on_watch;
  std::unique_ptr<client::Session> session;

 private:
  void on_state(client::State state, std::string_view reason) override {
    states.push_back(state);
    reasons.emplace_back(reason);
    if (also_on_state) also_on_state(state);
  }
  void on_watch(const client::WatchEvent& event) override {
    static constexpr const char* kNames[] = {"", "created ", "deleted ", "data_changed ",
                                             "children_changed "};
    events.push_back(kNames[static_cast<std::size_t>(event.type)] + event.path);
    if (also_on_watch) also_on_watch(event);
  }
  void on_attempt_failed(const client::ServerAddress& server, std::string_view reason) override {
    failures.push_back(to_text(server) + ": " + std::string(reason));
  }
};

/// A server that is a script: it keeps what it is sent, and sends what it is told.
class ScriptedServer final : private Acceptor, private ChannelHandler {
 public:
  ScriptedServer(SimulatedLoop& loop, Transport& transport, std::uint16_t port) : loop_(loop) {
    ListenSpec spec;
    spec.host = "127.0.0.1";
    spec.port = port;
    spec.framing.frame_bytes_max = 1u << 30;
    auto listening = transport.listen(spec, *this);
    if (!listening) throw std::runtime_error(listening.error().what);
    listener_ = std::move(*listening);
  }
  ~ScriptedServer() override {
    hang_up();
    loop_.run_until([&] { return !channel_; });
  }

  /// A frame of these bytes.
  void send(std::string_view bytes) { channel_->send(SharedBytes(to_jute(bytes))); }
  void greet(std::int32_t timeout_ms = 10000, std::int64_t session = 7) {
    send(to_jute(records::ConnectResponse{0, timeout_ms, session, "0123456789abcdef"}) + '\0');
  }
  void reply(std::int32_t xid, std::int64_t zxid, WireError err = WireError::ok,
             std::string_view body = {}) {
    send(to_jute(records::ReplyHeader{xid, zxid, static_cast<std::int32_t>(err)}) +
         std::string(body));
  }
  void hang_up() {
    greeting.reset();
    if (channel_) channel_->abort();
  }

  struct Request {
    std::int32_t xid;
    Op op;
    std::string body;
  };
  /// The next frame after the ConnectRequest.
  Request next() {
    loop_.run_until([&] { return !frames.empty(); });
    JuteIn in(frames.front());
    records::RequestHeader header;
    in(header);
    Request request{header.xid, static_cast<Op>(header.type), std::string(in.rest())};
    frames.pop_front();
    return request;
  }
  bool wait_greeted() {
    return loop_.run_until([&] { return greeting.has_value(); });
  }

  bool greets = true;                    ///< At once; otherwise the test calls greet().
  std::optional<std::string> greeting;   ///< The last ConnectRequest.
  std::deque<std::string> frames;        ///< All after it.
  int connections = 0;

 private:
  ChannelHandler* on_accept(Channel& channel) override {
    channel_ = &channel;
    greeting.reset();
    frames.clear();
    ++connections;
    return this;
  }
  void on_refused(const PeerIdentity&, std::string_view) override {}
  std::size_t on_frames(Channel&, std::span<const std::string_view> came) override {
    for (const auto frame : came) {
      if (greeting) {
        frames.emplace_back(frame);
      } else {
        greeting = std::string(frame);
        if (greets) greet();
      }
    }
    return came.size();
  }
  void on_first_word(Channel&, std::uint32_t) override {}
  void on_low_water(Channel&) override {}
  void on_closed(Channel& channel, CloseReason, std::string_view) override {
    if (channel_ == &channel) channel_ = nullptr;
  }

  SimulatedLoop& loop_;
  std::unique_ptr<Listener> listener_;
  Channel* channel_ = nullptr;  ///< The newest.
};

}  // namespace vivarium::test
