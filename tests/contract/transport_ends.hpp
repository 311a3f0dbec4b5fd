#pragma once
// What the transport suites are made of: each transport set up on its doors, and users of channels
// that remember what they were told.

#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include <vivarium/transport.hpp>

#include "memory_transport.hpp"
#include "simulator/network_transport.hpp"
#include "tcp_transport.hpp"
#include "tests/contract/doors.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/fake_host.hpp"
#include "tls_transport.hpp"

namespace vivarium::test {

/// A handler that keeps what it is told. The hooks are asked first.
struct Recorder : ChannelHandler {
  std::size_t on_frames(Channel& from, std::span<const std::string_view> batch) override {
    CHECK(closed == 0);
    ++batches;
    if (frames_hook) return frames_hook(from, batch);
    for (const auto& frame : batch) keep(frame);
    return batch.size();
  }
  void on_first_word(Channel& from, std::uint32_t word) override {
    CHECK(closed == 0);
    words.push_back(word);
    if (word_hook) word_hook(from);
  }
  void on_low_water(Channel& from) override {
    CHECK(closed == 0);
    ++low_waters;
    if (low_water_hook) low_water_hook(from);
  }
  void on_closed(Channel& from, CloseReason why, std::string_view text) override {
    CHECK(&from == channel);
    ++closed;
    reason = why;
    detail = text;
    channel = nullptr;
  }

  void keep(std::string_view frame) {
    frames.emplace_back(frame);
    bytes += frame.size();
  }

  Channel* channel = nullptr;  ///< From the moment it is open until on_closed.
  std::vector<std::string> frames;
  std::size_t bytes = 0;
  std::size_t batches = 0;
  std::vector<std::uint32_t> words;
  int low_waters = 0;
  int closed = 0;
  CloseReason reason{};
  std::string detail;
  std::function<std::size_t(Channel&, std::span<const std::string_view>)> frames_hook;
  std::function<void(Channel&)> word_hook;
  std::function<void(Channel&)> low_water_hook;
};

/// Gives each connection a recorder of its own.
struct TestAcceptor : Acceptor {
  ChannelHandler* on_accept(Channel& channel) override {
    if (refuse) return nullptr;
    auto& recorder = *accepted.emplace_back(std::make_unique<Recorder>());
    recorder.channel = &channel;
    if (hook) hook(recorder);
    return &recorder;
  }
  void on_refused(const PeerIdentity&, std::string_view why) override { refused.emplace_back(why); }

  bool refuse = false;
  std::function<void(Recorder&)> hook;
  std::vector<std::unique_ptr<Recorder>> accepted;
  std::vector<std::string> refused;
};

struct TestConnector : Connector {
  ChannelHandler* on_connected(Channel& channel) override {
    ++connected;
    recorder.channel = &channel;
    if (hook) hook(recorder);
    return refuse ? nullptr : &recorder;
  }
  void on_connect_failed(const Error& why) override {
    ++failed;
    error = why;
  }
  bool done() const { return connected + failed > 0; }

  bool refuse = false;
  std::function<void(Recorder&)> hook;
  Recorder recorder;
  int connected = 0;
  int failed = 0;
  std::optional<Error> error;
};

// --- each transport on its doors -----------------------------------------------------------------

struct TcpSetup {
  static constexpr bool kEncrypted = false;
  static constexpr std::size_t kManyChannels = 2'000;

  RealDoors doors;
  std::unique_ptr<WorkerPool> workers = doors.workers();
  FakeHost host{{}, {}, {.loop = doors.loop.get(), .workers = workers.get()}};
  TcpTransport transport{host};
};

/// The PEM files of one end, in a directory of its own.
struct TlsFiles {
  TlsFiles(const IssuedCertificate& own, const std::string& trusted_pem) {
    write("certificate.pem", own.certificate_pem);
    write("key.pem", own.key_pem);
    write("ca.pem", trusted_pem);
  }
  std::string path(const std::string& name) const { return directory.path() + "/" + name; }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path(name)) << text;
  }
  Settings settings() const {
    return {
        {"certificate", path("certificate.pem")}, {"key", path("key.pem")}, {"ca", path("ca.pem")}};
  }

  TemporaryDirectory directory;
};

/// One end: a tls transport with files and options of its own.
struct TlsEnd {
  TlsEnd(RealDoors& doors, const IssuedCertificate& own, const std::string& trusted_pem,
         const Settings& more = {})
      : files(own, trusted_pem), disk(doors.disk()), workers(doors.workers()),
        host(kTlsOptions, merged(files.settings(), more),
             {.loop = doors.loop.get(), .disk = disk.get(), .workers = workers.get()}),
        transport(host) {}

  static Settings merged(Settings settings, const Settings& more) {
    for (const auto& [key, value] : more) settings[key] = value;
    return settings;
  }

  TlsFiles files;
  std::unique_ptr<RealDisk> disk;
  std::unique_ptr<WorkerPool> workers;
  FakeHost host;
  TlsTransport transport;
};

struct TlsSetup {
  static constexpr bool kEncrypted = true;
  static constexpr std::size_t kManyChannels = 200;

  TlsSetup() { REQUIRE(end.transport.start().has_value()); }

  RealDoors doors;
  CertificateAuthority authority{"Test CA"};
  TlsEnd end{doors, authority.issue({.common_name = "both ends"}), authority.certificate_pem()};
  TlsTransport& transport = end.transport;
};

template <class Doors>
struct MemorySetup {
  static constexpr bool kEncrypted = false;
  static constexpr std::size_t kManyChannels = 5'000;

  Doors doors;
  MemoryTransport transport{*doors.loop, std::make_shared<MemoryNetwork>()};
};

/// The network of the simulator; `most` is the longest that a segment is under way, in microseconds.
template <int most>
struct NetworkSetup {
  static constexpr bool kEncrypted = false;
  static constexpr std::size_t kManyChannels = 5'000;

  NetworkSetup() { network.set_delay({Micros(0), Micros(most)}); }

  SimulatedDoors doors;
  simulator::Network network{*doors.loop, 1};
  simulator::NetworkTransport transport{*doors.loop, network, network.add_host("127.0.0.1")};
};

// --- two ends of a channel -----------------------------------------------------------------------

inline ListenSpec listen_spec(Framing framing = {}) {
  ListenSpec spec;
  spec.host = "127.0.0.1";
  spec.framing = std::move(framing);
  return spec;
}

inline ConnectSpec connect_spec(const Listener& listener, Framing framing = {}) {
  ConnectSpec spec;
  spec.host = "127.0.0.1";
  spec.port = listener.port();
  spec.framing = std::move(framing);
  spec.deadline = Millis(30'000);
  return spec;
}

inline Framing framing_of(Framing::Kind kind) {
  Framing framing;
  framing.kind = kind;
  return framing;
}

inline std::string prefixed(std::string_view frame) {
  const auto size = static_cast<std::uint32_t>(frame.size());
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(size >> shift);
  return bytes + std::string(frame);
}

/// A setup with a listener. connect() adds a pair of channels to it.
template <class Setup>
struct Ends {
  explicit Ends(Framing server_framing = {}) : framing(std::move(server_framing)) {
    auto opened = setup.transport.listen(listen_spec(framing), acceptor);
    REQUIRE(opened.has_value());
    listener = std::move(*opened);
  }
  /// Handlers outlive the events that stop() delivers.
  ~Ends() { setup.transport.stop(); }

  TestConnector& new_connector() {
    return *connectors.emplace_back(std::make_unique<TestConnector>());
  }
  /// Begins to connect; connector and attempt live as long as the ends.
  TestConnector& dial(const ConnectSpec& spec) {
    auto& connector = new_connector();
    attempts.push_back(setup.transport.connect(spec, connector));
    return connector;
  }
  /// Connects, and waits until both ends are open. Returns the client's end.
  Recorder& connect() {
    auto& connector = dial(connect_spec(*listener, client_framing));
    connector.hook = connect_hook;
    const auto before = acceptor.accepted.size();
    REQUIRE(run_until([&] { return connector.done() && acceptor.accepted.size() > before; }));
    REQUIRE(connector.connected == 1);
    return connector.recorder;
  }
  /// The server's end of the newest pair.
  Recorder& server() { return *acceptor.accepted.back(); }

  bool run_until(const std::function<bool()>& predicate) {
    return setup.doors.run_until(predicate);
  }
  /// Runs what is queued on the loop now.
  void turn() {
    bool passed = false;
    setup.doors.loop->post([&passed] { passed = true; });
    REQUIRE(run_until([&] { return passed; }));
  }

  Setup setup;
  Framing framing;
  Framing client_framing;
  std::function<void(Recorder&)> connect_hook;
  TestAcceptor acceptor;
  std::vector<std::unique_ptr<TestConnector>> connectors;
  std::unique_ptr<Listener> listener;
  std::vector<std::unique_ptr<Connecting>> attempts;
};

inline void send(Recorder& end, std::string bytes) {
  end.channel->send(SharedBytes(std::move(bytes)));
}

}  // namespace vivarium::test
