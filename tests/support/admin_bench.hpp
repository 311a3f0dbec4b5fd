#pragma once
// The service `admin` on a simulated server, and a client of HTTP that speaks to it.

#include "admin.hpp"
#include "tests/support/test_server.hpp"

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace vivarium::test {

inline constexpr std::uint16_t kPort = 8080, kMetricsPort = 7000;

/// What comes back over one connection.
class HttpClient final : private Connector, private ChannelHandler {
 public:
  HttpClient(SimulatedLoop& loop, Transport& transport, std::uint16_t port = kPort,
             std::string host = "127.0.0.1")
      : loop_(loop) {
    ConnectSpec spec;
    spec.host = std::move(host);
    spec.port = port;
    spec.framing.kind = Framing::Kind::raw;
    connecting_ = transport.connect(spec, *this);
    loop_.run_until([&] { return channel_ || failed; });
  }
  ~HttpClient() override {
    if (channel_) channel_->abort();
    loop_.run_until([&] { return !channel_; });
  }

  void send(std::string_view bytes) {
    if (channel_) channel_->send(SharedBytes::copy_of(bytes));
  }
  void stop_reading() { channel_->pause_reading(); }
  void go_on_reading() { channel_->resume_reading(); }
  bool closed() const { return !channel_; }

  /// The next answer, head and body; what came instead when the connection closes.
  std::string answer(bool has_body = true) {
    loop_.run_until([&] { return !channel_ || whole(has_body) > 0; });
    const auto size = whole(has_body) > 0 ? whole(has_body) : text.size();
    const auto one = text.substr(0, size);
    text.erase(0, size);
    return one;
  }
  std::string ask(std::string_view path, std::string_view method = "GET",
                  std::string_view headers = "") {
    send(std::string(method) + " " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\n" +
         std::string(headers) + "\r\n");
    return answer(method != "HEAD");
  }

  std::string text;
  bool failed = false;

 private:
  /// Bytes of the first answer; 0 while it is not all there.
  std::size_t whole(bool has_body) const {
    const auto end = text.find("\r\n\r\n");
    const std::string_view kLength = "Content-Length: ";
    const auto length = text.find(kLength);
    if (end == text.npos || length == text.npos) return 0;
    const auto bytes = has_body ? std::stoul(text.substr(length + kLength.size())) : 0;
    return text.size() >= end + 4 + bytes ? end + 4 + bytes : 0;
  }

  ChannelHandler* on_connected(Channel& channel) override {
    channel_ = &channel;
    return this;
  }
  void on_connect_failed(const Error&) override { failed = true; }
  std::size_t on_frames(Channel&, std::span<const std::string_view> frames) override {
    for (const auto frame : frames) text += frame;
    return frames.size();
  }
  void on_first_word(Channel&, std::uint32_t) override {}
  void on_low_water(Channel&) override {}
  void on_closed(Channel&, CloseReason, std::string_view) override { channel_ = nullptr; }

  SimulatedLoop& loop_;
  std::unique_ptr<Connecting> connecting_;
  Channel* channel_ = nullptr;
};

/// A server's view, in any role.
class ViewInRole final : public ServerView {
 public:
  explicit ViewInRole(const Server& server) : server_(server) {}
  ServingRole role() const override { return now; }
  Zxid last_applied() const override { return {}; }
  std::uint64_t digest() const override { return 0; }
  std::int64_t node_count() const override { return 0; }
  std::optional<NodeView> node(std::string_view path, const Viewer& viewer,
                               const NodeWindow& window) const override {
    return server_.view().node(path, viewer, window);
  }
  std::optional<std::vector<AclEntryView>> acl(std::string_view path,
                                               const Viewer& viewer) const override {
    return server_.view().acl(path, viewer);
  }
  Authenticator* authenticator(std::string_view scheme) const override {
    return server_.view().authenticator(scheme);
  }
  std::vector<Identity> identities_of(const PeerIdentity& peer) const override {
    return server_.view().identities_of(peer);
  }
  ServingRole now = ServingRole::standalone;

 private:
  const Server& server_;
};

/// What a server lends to the service, with settings of the test's.
class AdminHost final : public PluginHost {
 public:
  AdminHost(TestServer& server, Settings options)
      : fake_options(admin::kOptions, std::move(options)), server_(server) {}
  Loop& loop() override { return server_.loop; }
  Disk& disk() override { return server_.host.disk(); }
  Workers& workers() override { return server_.host.workers(); }
  Log& log() override { return server_.host.fake_log; }
  Metrics& metrics() override { return *server_.metrics; }
  Commands& commands() override { return *server_.commands; }
  const Options& options() override { return fake_options; }
  std::string server_setting(std::string_view key) const override {
    const auto found = settings.find(key);
    return found == settings.end() ? std::string() : found->second;
  }
  std::unique_ptr<Plugin> take_inner() override { return nullptr; }

  FakeOptions fake_options;
  Settings settings{{"admin.enableServer", "true"},  {"admin.serverPort", "8080"},
                    {"admin.idleTimeout", "30000"},  {"admin.commandURL", "/commands"},
                    {"metricsProvider.httpPort", "7000"}};

 private:
  TestServer& server_;
};

/// A server with the service, which sees the role that the test wants.
class AdminBench {
 public:
  explicit AdminBench(Settings options = {}, Settings settings = {}) : host(server, std::move(options)) {
    for (auto& [key, value] : settings) host.settings[key] = value;
    if (!service.run(role, server.transport)) throw std::runtime_error("it does not run");
  }
  ~AdminBench() {
    service.stop();
    server.loop.run_for(Millis(1));  // Its connections come to their ends.
  }

  HttpClient connect(std::uint16_t port = kPort) { return {server.loop, server.transport, port}; }
  std::string ask(std::string_view path, std::string_view method = "GET",
                  std::string_view headers = "") {
    HttpClient client(server.loop, server.transport);
    return client.ask(path, method, headers);
  }
  /// A command that answers with so many bytes.
  void add_big(std::size_t bytes) {
    CommandSpec spec;
    spec.name = "big";
    spec.run = [bytes](const Value::Fields&) {
      return Value::Fields{{"text", std::string(bytes, 'x')}};
    };
    big = server.commands->add(std::move(spec));
  }

  TestServer server;
  ViewInRole role{server.server};
  AdminHost host;
  std::unique_ptr<CommandHandle> big;
  admin::Admin service{host};
};

inline std::string body_of(const std::string& answer) { return answer.substr(answer.find("\r\n\r\n") + 4); }

}  // namespace vivarium::test
