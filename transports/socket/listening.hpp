#pragma once
// A listening socket: accepts, leads each connection through its handshake, hands over the channel.
//
// When the process runs out of descriptors it rests for a moment and lets connections wait in the
// system's backlog: the socket stays readable, so that trying again at once would spin.

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include <vivarium/transport.hpp>

#include "transports/socket/opening.hpp"
#include "transports/socket/socket.hpp"
#include "transports/socket/socket_transport.hpp"
#include "transports/stream/transport_parts.hpp"

namespace vivarium {

class Listening final : public TransportPart,
                        private Opening::Owner,
                        public std::enable_shared_from_this<Listening> {
 public:
  /// Handshakes under way; beyond that connections wait in the backlog. They are strangers still.
  static constexpr std::size_t kOpeningMax = 1024;
  /// Connections accepted before other descriptors have their turn.
  static constexpr int kAcceptsPerTurn = 64;
  static constexpr Millis kRest{100};

  Listening(SocketTransport& transport, Acceptor& acceptor, const ListenSpec& spec, Socket socket);

  /// Ends listening and handshakes; nobody is told.
  void stop() override;

  const SocketAddress& local() const { return local_; }
  std::size_t opening() const { return openings_.size(); }

 private:
  void on_readable();
  bool accept_one();
  void open(Socket socket, const SocketAddress& remote);
  void rest(int error);
  void update_interest();

  void on_opened(Opening& opening) override;
  void on_not_opened(Opening& opening, const std::string& why) override;
  std::unique_ptr<Opening> take(const Opening& opening);

  SocketTransport& transport_;
  Acceptor& acceptor_;
  ListenSpec spec_;
  Socket socket_;
  SocketAddress local_;
  std::map<std::uint64_t, std::unique_ptr<Opening>> openings_;
  std::uint64_t last_id_ = 0;
  std::unique_ptr<Timer> rest_timer_;
  bool resting_ = false;
  bool warned_ = false;  ///< Of the shortage that lasts.
  bool stopped_ = false;
  std::unique_ptr<DescriptorWatch>
      watch_;  ///< After the socket: it must be gone before that closes.
};

class SocketListener final : public Listener {
 public:
  explicit SocketListener(std::shared_ptr<Listening> listening)
      : listening_(std::move(listening)) {}
  ~SocketListener() override { listening_->stop(); }
  SocketListener(const SocketListener&) = delete;
  SocketListener& operator=(const SocketListener&) = delete;

  std::string host() const override { return listening_->local().host(); }
  std::uint16_t port() const override { return listening_->local().port(); }
  std::size_t opening() const override { return listening_->opening(); }

 private:
  std::shared_ptr<Listening> listening_;
};

}  // namespace vivarium
