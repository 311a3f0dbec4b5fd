#pragma once
// TLS on a socket.

#include <array>
#include <string>

#include "openssl_handles.hpp"
#include "transports/socket/socket_stream.hpp"

namespace vivarium {

class TlsStream final : public SocketStream {
 public:
  /// The server's side. `transfer` is how OpenSSL reaches the socket: TlsStream::make_method().
  TlsStream(Loop& loop, Socket socket, SSL_CTX& context, const BIO_METHOD& transfer);

  /// Makes it the client's side of a connection to `host`. Its certificate must name that in a
  /// subject alternative name when `verify_host` is set.
  void connect_to(const std::string& host, bool verify_host);

  using Method = std::unique_ptr<BIO_METHOD, OpensslFree<BIO_meth_free>>;
  static Method make_method();

  StreamStatus handshake() override;
  void describe(PeerIdentity& peer) const override;
  StreamResult read(std::span<char> into) override;
  StreamResult write(const OutQueue& queue) override;
  bool holds_input() const override { return more_; }
  void end_output() override;
  std::string failure() const override;

 private:
  static int bio_read(BIO* bio, char* into, int size);
  static int bio_write(BIO* bio, const char* from, int size);
  static long bio_control(BIO* bio, int command, long, void*);

  StreamStatus status_of(int result);
  void note_failure();

  SslHandle ssl_;
  bool more_ = false;     ///< A read may give something without the socket becoming readable.
  bool drained_ = false;  ///< The socket had less than was asked for: nothing is left in it.
  StreamStatus socket_status_ = StreamStatus::ok;  ///< Of the last call on the socket.
  /// What ended the last read, told once the bytes before it are delivered.
  StreamStatus last_word_ = StreamStatus::ok;
  std::string failure_;
};

}  // namespace vivarium
