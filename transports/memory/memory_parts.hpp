#pragma once
// The listeners and connection attempts of the memory transport.

#include <cstdint>
#include <memory>
#include <string>

#include <vivarium/transport.hpp>

#include "memory_network.hpp"
#include "transports/stream/byte_stream.hpp"
#include "transports/stream/stream_channels.hpp"
#include "transports/stream/transport_parts.hpp"

namespace vivarium {

class MemoryListening final : public TransportPart {
 public:
  MemoryListening(std::shared_ptr<MemoryNetwork> network, std::shared_ptr<StreamChannels> channels,
                  Acceptor& acceptor, const ListenSpec& spec);
  /// False when the address is taken.
  [[nodiscard]] bool begin();
  void stop() override;

  void accept(std::unique_ptr<ByteStream> stream, PeerIdentity peer);
  const ListenSpec& spec() const { return spec_; }

 private:
  std::shared_ptr<MemoryNetwork> network_;
  std::shared_ptr<StreamChannels> channels_;
  Acceptor& acceptor_;
  ListenSpec spec_;  ///< With the port that is listened on once it has begun.
  bool listening_ = false;
};

class MemoryListener final : public Listener {
 public:
  explicit MemoryListener(std::shared_ptr<MemoryListening> listening)
      : listening_(std::move(listening)) {}
  ~MemoryListener() override { listening_->stop(); }
  MemoryListener(const MemoryListener&) = delete;
  MemoryListener& operator=(const MemoryListener&) = delete;

  std::string host() const override { return listening_->spec().host; }
  std::uint16_t port() const override { return listening_->spec().port; }

 private:
  std::shared_ptr<MemoryListening> listening_;
};

class MemoryAttempt final : public TransportPart,
                            public std::enable_shared_from_this<MemoryAttempt> {
 public:
  MemoryAttempt(std::shared_ptr<MemoryNetwork> network, std::shared_ptr<StreamChannels> channels,
                Connector& connector, const ConnectSpec& spec, std::string local_host);

  void begin();
  void abandon() { connector_ = nullptr; }
  void stop() override;

 private:
  void connect();
  void meet(MemoryListening& listening);
  void fail(const Error& error);

  std::shared_ptr<MemoryNetwork> network_;
  std::shared_ptr<StreamChannels> channels_;
  Connector* connector_;  ///< nullptr once it was called, or abandoned.
  ConnectSpec spec_;
  std::string local_host_;
};

class MemoryConnecting final : public Connecting {
 public:
  explicit MemoryConnecting(std::shared_ptr<MemoryAttempt> attempt)
      : attempt_(std::move(attempt)) {}
  ~MemoryConnecting() override { attempt_->abandon(); }
  MemoryConnecting(const MemoryConnecting&) = delete;
  MemoryConnecting& operator=(const MemoryConnecting&) = delete;

 private:
  std::shared_ptr<MemoryAttempt> attempt_;
};

}  // namespace vivarium
