#include "tls_transport.hpp"

#include <utility>

#include "tls_context.hpp"

namespace vivarium {

TlsTransport::TlsTransport(PluginHost& host)
    : SocketTransport(host), method_(TlsStream::make_method()) {}

Result<void> TlsTransport::load() {
  const auto settings = read_tls_settings(host().options(), host().disk().blocking());
  if (!settings) return settings.error();
  auto accepting = make_accepting_context(*settings);
  if (!accepting) return accepting.error();
  auto connecting = make_connecting_context(*settings);
  if (!connecting) return connecting.error();
  if ((accepting_ && !*accepting) || (connecting_ && !*connecting))
    return Error(Errc::invalid_argument,
                 "the options certificate and ca cannot be taken away while the server runs");
  accepting_ = std::move(*accepting);
  connecting_ = std::move(*connecting);
  verify_host_ = settings->verify_host;
  return {};
}

Result<void> TlsTransport::can_listen() const {
  if (accepting_) return {};
  return Error(Errc::invalid_argument,
               "the transport tls has no certificate: set its option "
               "certificate");
}

Result<void> TlsTransport::can_connect() const {
  if (connecting_) return {};
  return Error(Errc::invalid_argument, "the transport tls trusts nobody: set its option ca");
}

std::unique_ptr<SocketStream> TlsTransport::accepted(Socket socket) {
  return std::make_unique<TlsStream>(loop(), std::move(socket), *accepting_, *method_);
}

std::unique_ptr<SocketStream> TlsTransport::connecting(Socket socket, const std::string& host) {
  auto stream = std::make_unique<TlsStream>(loop(), std::move(socket), *connecting_, *method_);
  stream->connect_to(host, verify_host_);
  return stream;
}

}  // namespace vivarium
