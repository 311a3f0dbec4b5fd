#pragma once
// A connected socket on its way through the handshake of its layer, before it is a channel.

#include <cstdint>
#include <memory>
#include <string>

#include <vivarium/loop.hpp>
#include <vivarium/transport.hpp>

#include "transports/socket/socket_stream.hpp"

namespace vivarium {

class Opening final : private StreamEvents {
 public:
  /// Told the outcome, once; may destroy the Opening inside.
  class Owner {
   public:
    virtual void on_opened(Opening& opening) = 0;
    virtual void on_not_opened(Opening& opening, const std::string& why) = 0;

   protected:
    ~Owner() = default;
  };

  Opening(Owner& owner, std::uint64_t id, std::unique_ptr<SocketStream> stream, PeerIdentity peer);
  Opening(const Opening&) = delete;
  Opening& operator=(const Opening&) = delete;
  ~Opening() = default;

  /// Takes the first step; the owner may be told before it returns.
  void begin() { step(); }
  /// Gives up after that long.
  void expire(Loop& loop, Millis after);

  std::uint64_t id() const { return id_; }
  const PeerIdentity& peer() const { return peer_; }
  /// After on_opened.
  std::unique_ptr<SocketStream> take_stream() { return std::move(stream_); }

 private:
  void on_ready(Readiness) override { step(); }
  void step();

  Owner& owner_;
  std::uint64_t id_;
  std::unique_ptr<SocketStream> stream_;
  PeerIdentity peer_;
  std::unique_ptr<Timer> timer_;
};

/// Who is at both ends of a connected socket.
PeerIdentity identity_of(const SocketAddress& remote, const SocketAddress& local);

}  // namespace vivarium
