#pragma once
// The transport `tls`: sockets with TLS 1.2 or 1.3 on them, by OpenSSL.
//
// reload() reads the options' files again and swaps what handshakes use from then on; open channels
// keep what they were opened with. When anything about the new files is wrong, nothing changes.

#include <memory>
#include <string>

#include "openssl_handles.hpp"
#include "tls_settings.hpp"
#include "tls_stream.hpp"
#include "transports/socket/socket_transport.hpp"

namespace vivarium {

class TlsTransport final : public SocketTransport {
 public:
  explicit TlsTransport(PluginHost& host);
  ~TlsTransport() override { stop(); }  // Streams use method_ until their end.
  TlsTransport(const TlsTransport&) = delete;
  TlsTransport& operator=(const TlsTransport&) = delete;

  Result<void> start() override { return load(); }
  Result<void> reload() override { return load(); }

  Result<void> can_listen() const override;
  Result<void> can_connect() const override;
  std::unique_ptr<SocketStream> accepted(Socket socket) override;
  std::unique_ptr<SocketStream> connecting(Socket socket, const std::string& host) override;

 private:
  Result<void> load();

  TlsStream::Method method_;
  SslContext accepting_, connecting_;
  bool verify_host_ = true;
};

}  // namespace vivarium
