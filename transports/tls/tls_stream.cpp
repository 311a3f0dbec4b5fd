#include "tls_stream.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <vivarium/assert.hpp>

namespace vivarium {
namespace {

constexpr std::size_t kRecordBytes = SSL3_RT_MAX_PLAIN_LENGTH;

std::string der_of(X509* certificate) {
  std::string der(static_cast<std::size_t>(i2d_X509(certificate, nullptr)), '\0');
  auto* at = reinterpret_cast<unsigned char*>(der.data());
  i2d_X509(certificate, &at);
  return der;
}

/// As Java writes it: RFC 2253, with characters beyond ASCII as UTF-8.
std::string subject_of(X509* certificate) {
  const Bio text(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(text.get(), X509_get_subject_name(certificate), 0,
                     XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB));
  char* bytes = nullptr;
  const auto size = BIO_get_mem_data(text.get(), &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

}  // namespace

TlsStream::Method TlsStream::make_method() {
  Method method(BIO_meth_new(BIO_TYPE_SOURCE_SINK, "vivarium socket"));
  BIO_meth_set_read(method.get(), bio_read);
  BIO_meth_set_write(method.get(), bio_write);
  BIO_meth_set_ctrl(method.get(), bio_control);
  return method;
}

TlsStream::TlsStream(Loop& loop, Socket socket, SSL_CTX& context, const BIO_METHOD& transfer)
    : SocketStream(loop, std::move(socket)), ssl_(SSL_new(&context)) {
  VIVARIUM_ASSERT(ssl_, "OpenSSL has no memory left");
  BIO* bio = BIO_new(&transfer);
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_accept_state(ssl_.get());
}

void TlsStream::connect_to(const std::string& host, bool verify_host) {
  SSL_set_connect_state(ssl_.get());
  auto* param = SSL_get0_param(ssl_.get());
  const bool numeric = X509_VERIFY_PARAM_set1_ip_asc(param, host.c_str()) == 1;
  if (!numeric) SSL_set_tlsext_host_name(ssl_.get(), host.c_str());
  if (!verify_host) {
    X509_VERIFY_PARAM_set1_ip(param, nullptr, 0);
  } else if (!numeric) {
    X509_VERIFY_PARAM_set_hostflags(
        param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    X509_VERIFY_PARAM_set1_host(param, host.data(), host.size());
  }
}

// --- how OpenSSL reaches the socket --------------------------------------------------------------
// Its own socket BIO would raise SIGPIPE, and would ask an empty socket once more after each read.

int TlsStream::bio_read(BIO* bio, char* into, int size) {
  auto& self = *static_cast<TlsStream*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  if (self.drained_) {
    BIO_set_retry_read(bio);
    return -1;
  }
  const auto got = ::recv(self.descriptor(), into, static_cast<std::size_t>(size), 0);
  self.drained_ = got > 0 && got < size;
  self.socket_status_ = got > 0    ? StreamStatus::ok
                        : got == 0 ? StreamStatus::ended
                                   : self.status_of_errno(StreamStatus::wants_readable);
  if (self.socket_status_ == StreamStatus::wants_readable) BIO_set_retry_read(bio);
  return static_cast<int>(got);
}

int TlsStream::bio_write(BIO* bio, const char* from, int size) {
  auto& self = *static_cast<TlsStream*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  const auto sent = ::send(self.descriptor(), from, static_cast<std::size_t>(size), MSG_NOSIGNAL);
  self.socket_status_ =
      sent >= 0 ? StreamStatus::ok : self.status_of_errno(StreamStatus::wants_writable);
  if (self.socket_status_ == StreamStatus::wants_writable) BIO_set_retry_write(bio);
  return static_cast<int>(sent);
}

long TlsStream::bio_control(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_EOF)
    return static_cast<TlsStream*>(BIO_get_data(bio))->socket_status_ == StreamStatus::ended;
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

// --- steps ---------------------------------------------------------------------------------------

StreamStatus TlsStream::handshake() {
  ERR_clear_error();
  drained_ = false;
  const int result = SSL_do_handshake(ssl_.get());
  more_ =
      SSL_has_pending(ssl_.get()) == 1;  // A hasty client's first bytes came with its last step.
  return result == 1 ? StreamStatus::ok : status_of(result);
}

/// OpenSSL gives at most one record at a time; frames come in batches if all that is there is read.
StreamResult TlsStream::read(std::span<char> into) {
  if (last_word_ != StreamStatus::ok) return {0, last_word_};
  ERR_clear_error();
  drained_ = false;
  std::size_t total = 0;
  auto status = StreamStatus::ok;
  while (total < into.size() && status == StreamStatus::ok) {
    std::size_t got = 0;
    const auto left = into.subspan(total);
    const int result = SSL_read_ex(ssl_.get(), left.data(), left.size(), &got);
    if (result != 1) status = status_of(result);
    total += got;
  }
  more_ = status != StreamStatus::wants_readable;
  if (total == 0) return {0, status};
  if (status >= StreamStatus::ended) last_word_ = status;
  return {total, StreamStatus::ok};
}

/// One record a call. All that fits is copied into it, so that a retry offers the same bytes again.
StreamResult TlsStream::write(const OutQueue& queue) {
  ERR_clear_error();
  std::array<char, kRecordBytes> record;
  const auto size = queue.copy(record);
  std::size_t written = 0;
  const int result = SSL_write_ex(ssl_.get(), record.data(), size, &written);
  if (result == 1) return {written, StreamStatus::ok};
  const auto status = status_of(result);
  return {0, status == StreamStatus::ended ? StreamStatus::lost : status};
}

void TlsStream::end_output() {
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
  ERR_clear_error();
  SocketStream::end_output();
}

StreamStatus TlsStream::status_of(int result) {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ: return StreamStatus::wants_readable;
    case SSL_ERROR_WANT_WRITE: return StreamStatus::wants_writable;
    case SSL_ERROR_ZERO_RETURN: return StreamStatus::ended;
    case SSL_ERROR_SYSCALL: return socket_status_;
    default: note_failure(); return StreamStatus::failed;
  }
}

void TlsStream::note_failure() {
  failure_ = take_openssl_error();
  if (const auto verdict = SSL_get_verify_result(ssl_.get()); verdict != X509_V_OK)
    failure_ =
        "the peer's certificate is refused: " + std::string(X509_verify_cert_error_string(verdict));
}

std::string TlsStream::failure() const {
  return failure_.empty() ? SocketStream::failure() : failure_;
}

void TlsStream::describe(PeerIdentity& peer) const {
  peer.encrypted = true;
  peer.tls_version = SSL_get_version(ssl_.get());
  peer.tls_cipher = SSL_CIPHER_standard_name(SSL_get_current_cipher(ssl_.get()));
  const auto* chain = SSL_get0_verified_chain(ssl_.get());
  for (int i = 0; chain && i < sk_X509_num(chain); ++i)
    peer.certificates_der.push_back(der_of(sk_X509_value(chain, i)));
  if (X509* leaf = SSL_get0_peer_certificate(ssl_.get()); leaf && !peer.certificates_der.empty())
    peer.certificate_subject = subject_of(leaf);
}

}  // namespace vivarium
