#pragma once
// A ByteStream on a connected socket, as it is: the layer of plain TCP, and what TLS lies on.

#include <memory>
#include <string>

#include <vivarium/loop.hpp>
#include <vivarium/transport.hpp>

#include "transports/socket/socket.hpp"
#include "transports/stream/byte_stream.hpp"

namespace vivarium {

class SocketStream : public ByteStream {
 public:
  SocketStream(Loop& loop, Socket socket);

  /// One step towards being open; `ok` means it is. Plain sockets are open at once.
  virtual StreamStatus handshake() { return StreamStatus::ok; }
  /// Adds what the handshake has proved.
  virtual void describe(PeerIdentity&) const {}

  int descriptor() const { return socket_.get(); }

  void set_events(StreamEvents& events) override { events_ = &events; }
  void want(bool readable, bool writable) override { watch_->want(readable, writable); }
  StreamResult read(std::span<char> into) override;
  StreamResult write(const OutQueue& queue) override;
  void end_output() override;
  bool broken() const override;
  std::string failure() const override { return text_of_errno(error_); }

 protected:
  /// Maps errno after a failed call, and remembers it for failure(). `again` is the status for "not
  /// now".
  StreamStatus status_of_errno(StreamStatus again);

 private:
  StreamResult send(std::string_view bytes);
  StreamResult sent(ssize_t count);

  Socket socket_;
  StreamEvents* events_ = nullptr;
  std::unique_ptr<DescriptorWatch>
      watch_;  ///< After the socket: it must be gone before that closes.
  int error_ = 0;
};

}  // namespace vivarium
