#include "simulator/network_transport.hpp"

#include "simulator/machine_loop.hpp"
#include "simulator/network_stream.hpp"
#include "transports/stream/stream_channel.hpp"

#include <optional>
#include <utility>

namespace vivarium::simulator {
namespace {

PeerIdentity identity(const Network& network, const Line& line, std::size_t end) {
  const auto& here = line.ends[end];
  const auto& there = line.ends[1 - end];
  PeerIdentity peer;
  peer.local_host = network.address(here.host);
  peer.local_port = here.port;
  peer.remote_host = network.address(there.host);
  peer.remote_port = there.port;
  return peer;
}

StreamChannel& add_channel(StreamChannels& channels, Network& network, const LinePtr& line,
                           std::size_t end, const Framing& framing) {
  return channels.add(std::make_unique<NetworkStream>(channels.loop(), network, line, end),
                      identity(network, *line, end), framing);
}

class Listened final : public Listening,
                       public TransportPart,
                       public std::enable_shared_from_this<Listened> {
 public:
  Listened(Network& network, HostId host, std::shared_ptr<StreamChannels> channels,
           Acceptor& acceptor, const ListenSpec& spec)
      : network_(network), host_(host), channels_(std::move(channels)), acceptor_(acceptor),
        spec_(spec) {}

  /// False when the address is taken.
  bool begin() {
    const auto port = network_.listen(host_, spec_.port, weak_from_this());
    listening_ = port != 0;
    if (listening_) spec_.port = port;
    return listening_;
  }
  void stop() override {
    if (std::exchange(listening_, false)) network_.stop_listening(host_, spec_.port);
  }
  void offer(LinePtr line) override {
    channels_->loop().post([weak = weak_from_this(), line = std::move(line), &network = network_] {
      const auto self = weak.lock();
      if (!line->ends[1].open) return;
      if (!self || !self->listening_) return network.close(line, 1);
      auto& channel = add_channel(*self->channels_, network, line, 1, self->spec_.framing);
      channel.begin(self->acceptor_.on_accept(channel));
    });
  }
  const ListenSpec& spec() const { return spec_; }

 private:
  Network& network_;
  HostId host_;
  std::shared_ptr<StreamChannels> channels_;
  Acceptor& acceptor_;
  ListenSpec spec_;  ///< With the port that is listened on once it has begun.
  bool listening_ = false;
};

class ListenerHandle final : public Listener {
 public:
  explicit ListenerHandle(std::shared_ptr<Listened> listened) : listened_(std::move(listened)) {}
  ~ListenerHandle() override { listened_->stop(); }
  ListenerHandle(const ListenerHandle&) = delete;
  ListenerHandle& operator=(const ListenerHandle&) = delete;
  std::string host() const override { return listened_->spec().host; }
  std::uint16_t port() const override { return listened_->spec().port; }

 private:
  std::shared_ptr<Listened> listened_;
};

class Attempt final : public Dialling,
                      public TransportPart,
                      public std::enable_shared_from_this<Attempt> {
 public:
  Attempt(Network& network, HostId host, std::shared_ptr<StreamChannels> channels,
          Connector& connector, const ConnectSpec& spec)
      : network_(network), host_(host), channels_(std::move(channels)), connector_(&connector),
        spec_(spec) {}

  void begin() {
    deadline_ = channels_->loop().timer([this] {
      fail(Error(Errc::timed_out, "cannot connect to " + where() + ": nobody answers"));
    });
    deadline_->arm(spec_.deadline);
    if (const auto to = network_.find_host(spec_.host))
      return network_.dial(host_, *to, spec_.port, weak_from_this());
    later([](Attempt& self) {
      self.fail(Error(Errc::not_found, "cannot connect to " + self.where() + ": there is no such host"));
    });
  }
  void abandon() {
    connector_ = nullptr;
    deadline_.reset();
  }
  void stop() override { fail(Error(Errc::closed, "the transport stops")); }

  void on_line(LinePtr line) override {
    later([line = std::move(line)](Attempt& self) { self.take(line); },
          [line, &network = network_] { network.close(line, 0); });
  }
  void on_refused() override {
    later([](Attempt& self) {
      self.fail(Error(Errc::refused, "cannot connect to " + self.where() + ": nobody listens there"));
    });
  }

 private:
  std::string where() const { return spec_.host + ":" + std::to_string(spec_.port); }

  /// What the network tells is heard of on the host's own loop.
  void later(std::function<void(Attempt&)> task, std::function<void()> otherwise = {}) {
    channels_->loop().post(
        [weak = weak_from_this(), task = std::move(task), otherwise = std::move(otherwise)] {
          if (const auto self = weak.lock()) return task(*self);
          if (otherwise) otherwise();
        });
  }

  void take(const LinePtr& line) {
    if (!connector_) return network_.close(line, 0);
    deadline_.reset();
    auto& connector = *std::exchange(connector_, nullptr);
    if (!line->ends[0].open)
      return connector.on_connect_failed(Error(Errc::closed, where() + " closed at once"));
    auto& channel = add_channel(*channels_, network_, line, 0, spec_.framing);
    channel.begin(connector.on_connected(channel));
  }

  void fail(const Error& error) {
    const auto keep = shared_from_this();
    if (auto* connector = std::exchange(connector_, nullptr)) connector->on_connect_failed(error);
    deadline_.reset();
  }

  Network& network_;
  HostId host_;
  std::shared_ptr<StreamChannels> channels_;
  Connector* connector_;  ///< nullptr once it was called, or abandoned.
  ConnectSpec spec_;
  std::unique_ptr<Timer> deadline_;
};

class ConnectingHandle final : public Connecting {
 public:
  explicit ConnectingHandle(std::shared_ptr<Attempt> attempt) : attempt_(std::move(attempt)) {}
  ~ConnectingHandle() override { attempt_->abandon(); }
  ConnectingHandle(const ConnectingHandle&) = delete;
  ConnectingHandle& operator=(const ConnectingHandle&) = delete;

 private:
  std::shared_ptr<Attempt> attempt_;
};

}  // namespace

NetworkTransport::NetworkTransport(PluginHost& host)
    : NetworkTransport(host.loop(), machine_loop(host).network(), machine_loop(host).host()) {}

NetworkTransport::NetworkTransport(Loop& loop, Network& network, HostId host)
    : network_(network), host_(host), channels_(std::make_shared<StreamChannels>(loop)) {}

NetworkTransport::~NetworkTransport() { NetworkTransport::stop(); }

const std::string& NetworkTransport::name_of(const std::string& host) const {
  const bool own = host.empty() || host == "0.0.0.0" || host == "::" || host == "localhost" ||
                   host == "127.0.0.1" || host == "::1";
  return own ? network_.address(host_) : host;
}

Result<std::unique_ptr<Listener>> NetworkTransport::listen(const ListenSpec& spec,
                                                           Acceptor& acceptor) {
  if (stopped_) return Error(Errc::closed, "the transport has stopped");
  auto mine = spec;
  mine.host = name_of(spec.host);
  auto listened = std::make_shared<Listened>(network_, host_, channels_, acceptor, mine);
  if (!listened->begin())
    return Error(Errc::in_use, "cannot listen on " + mine.host + ":" + std::to_string(spec.port) +
                                   ": the address is in use");
  parts_.add(listened);
  return std::make_unique<ListenerHandle>(std::move(listened));
}

std::unique_ptr<Connecting> NetworkTransport::connect(const ConnectSpec& spec,
                                                      Connector& connector) {
  auto there = spec;
  there.host = name_of(spec.host);
  auto attempt = std::make_shared<Attempt>(network_, host_, channels_, connector, there);
  if (stopped_) {
    attempt->abandon();
  } else {
    parts_.add(attempt);
    attempt->begin();
  }
  return std::make_unique<ConnectingHandle>(std::move(attempt));
}

void NetworkTransport::stop() {
  if (std::exchange(stopped_, true)) return;
  parts_.stop_all();
  channels_->stop();
}

}  // namespace vivarium::simulator
