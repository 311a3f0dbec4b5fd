#pragma once
// One connect(): looks the name up, tries its addresses in turn, leads the first that answers
// through its handshake. Each address has an equal share of the time that is left, so that one
// which swallows everything does not use up the deadline of the others.

#include <memory>
#include <string>
#include <vector>

#include <vivarium/loop.hpp>
#include <vivarium/result.hpp>
#include <vivarium/transport.hpp>

#include "transports/socket/opening.hpp"
#include "transports/socket/socket_address.hpp"
#include "transports/socket/socket_transport.hpp"
#include "transports/stream/transport_parts.hpp"

namespace vivarium {

class ConnectAttempt final : public TransportPart,
                             private StreamEvents,
                             private Opening::Owner,
                             public std::enable_shared_from_this<ConnectAttempt> {
 public:
  ConnectAttempt(SocketTransport& transport, Connector& connector, const ConnectSpec& spec);

  void begin();
  /// The connector will not be called any more.
  void abandon();
  void stop() override;

 private:
  void look_up_name();
  void on_addresses(Result<std::vector<SocketAddress>> addresses);
  void try_next();
  void try_address(const SocketAddress& address);
  void give_share();
  void on_ready(Readiness ready) override;
  void on_timer();
  void note_failure(const Error& error);

  void on_opened(Opening& opening) override;
  void on_not_opened(Opening& opening, const std::string& why) override;
  void fail(const Error& error);
  bool done() const { return connector_ == nullptr; }

  SocketTransport& transport_;
  Connector* connector_;  ///< nullptr once it was called, or abandoned.
  ConnectSpec spec_;
  MonoTime deadline_;
  std::unique_ptr<Timer> timer_;
  std::vector<SocketAddress> addresses_;
  std::size_t next_ = 0;
  Error failure_;  ///< Of all addresses that were tried.
  std::unique_ptr<SocketStream> stream_;
  std::unique_ptr<Opening> opening_;
};

class SocketConnecting final : public Connecting {
 public:
  explicit SocketConnecting(std::shared_ptr<ConnectAttempt> attempt)
      : attempt_(std::move(attempt)) {}
  ~SocketConnecting() override { attempt_->abandon(); }
  SocketConnecting(const SocketConnecting&) = delete;
  SocketConnecting& operator=(const SocketConnecting&) = delete;

 private:
  std::shared_ptr<ConnectAttempt> attempt_;
};

}  // namespace vivarium
