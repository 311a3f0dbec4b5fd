#include "tls_context.hpp"

#include <string>
#include <utility>
#include <vector>

#include <openssl/err.h>
#include <openssl/pem.h>

namespace vivarium {
namespace {

Error bad_file(const PemFile& file, const std::string& why) {
  return Error(Errc::invalid_argument, file.path + ": " + why);
}

Bio reader_of(const PemFile& file) {
  return Bio(BIO_new_mem_buf(file.text.data(), static_cast<int>(file.text.size())));
}

/// Stands in for OpenSSL's own, which would ask at the terminal.
int no_passphrase(char*, int, int, void*) {
  return -1;
}

Result<std::vector<Certificate>> read_certificates(const PemFile& file) {
  std::vector<Certificate> certificates;
  const auto reader = reader_of(file);
  while (X509* next = PEM_read_bio_X509(reader.get(), nullptr, no_passphrase, nullptr))
    certificates.emplace_back(next);
  const auto last = ERR_peek_last_error();
  const bool at_end = ERR_GET_REASON(last) == PEM_R_NO_START_LINE;
  const auto why = take_openssl_error();
  if (!at_end) return bad_file(file, "a certificate in it cannot be read: " + why);
  if (certificates.empty()) return bad_file(file, "it contains no certificate in PEM form");
  return certificates;
}

Result<PrivateKey> read_key(const PemFile& file) {
  PrivateKey key(PEM_read_bio_PrivateKey(reader_of(file).get(), nullptr, no_passphrase, nullptr));
  if (key) return key;
  return bad_file(file, "it contains no private key that can be read (" + take_openssl_error() +
                            "); encrypted keys are not supported");
}

Result<void> show_certificate(SSL_CTX* context, const TlsSettings& settings) {
  const auto chain = read_certificates(settings.certificate);
  if (!chain) return chain.error();
  const auto key = read_key(settings.key);
  if (!key) return key.error();
  if (SSL_CTX_use_certificate(context, chain->front().get()) != 1)
    return bad_file(settings.certificate, take_openssl_error());
  for (std::size_t i = 1; i < chain->size(); ++i)
    SSL_CTX_add1_chain_cert(context, (*chain)[i].get());
  if (SSL_CTX_use_PrivateKey(context, key->get()) != 1 || SSL_CTX_check_private_key(context) != 1)
    return bad_file(settings.key, "the key does not belong to the certificate in " +
                                      settings.certificate.path + ": " + take_openssl_error());
  return {};
}

/// `name_to_clients`: clients are told whom they may be certified by, and choose accordingly.
Result<void> trust(SSL_CTX* context, const TlsSettings& settings, bool name_to_clients) {
  const auto authorities = read_certificates(settings.ca);
  if (!authorities) return authorities.error();
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
  for (const auto& authority : *authorities) {
    X509_STORE_add_cert(store, authority.get());
    if (name_to_clients) SSL_CTX_add_client_CA(context, authority.get());
  }
  return {};
}

Result<void> limit_ciphers(SSL_CTX* context, const TlsSettings& settings) {
  const auto& old_list = settings.ciphers;
  const auto& new_list = settings.suites;
  if ((!old_list.empty() && SSL_CTX_set_cipher_list(context, old_list.c_str()) != 1) ||
      (!new_list.empty() && SSL_CTX_set_ciphersuites(context, new_list.c_str()) != 1))
    return Error(Errc::invalid_argument,
                 "the option ciphers names none that OpenSSL knows: " + take_openssl_error());
  return {};
}

Result<SslContext> make_context(const TlsSettings& settings, const SSL_METHOD* method) {
  SslContext context(SSL_CTX_new(method));
  if (!context) return Error(Errc::io_failed, "OpenSSL gives no context: " + take_openssl_error());
  SSL_CTX_set_min_proto_version(context.get(), settings.min_version);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                         SSL_OP_NO_TICKET | SSL_OP_IGNORE_UNEXPECTED_EOF |
                                         SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context.get(), 0);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                      SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(context.get(), 1);  // One recv for header, body and following records.
  if (auto limited = limit_ciphers(context.get(), settings); !limited) return limited.error();
  return context;
}

int verify_mode_of(ClientAuth auth) {
  switch (auth) {
    case ClientAuth::need: return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    case ClientAuth::want: return SSL_VERIFY_PEER;
    case ClientAuth::none: break;
  }
  return SSL_VERIFY_NONE;
}

}  // namespace

std::string take_openssl_error() {
  const auto last = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = ERR_reason_error_string(last);
  return reason ? reason : "unknown";
}

Result<SslContext> make_accepting_context(const TlsSettings& settings) {
  if (settings.certificate.empty()) return SslContext();
  auto context = make_context(settings, TLS_server_method());
  if (!context) return context;
  if (auto shown = show_certificate(context->get(), settings); !shown) return shown.error();
  if (settings.client_auth != ClientAuth::none) {
    if (settings.ca.empty())
      return Error(
          Errc::invalid_argument,
          "clients are asked for certificates and nobody is trusted to issue them: set the "
          "option ca, or client_auth to none");
    if (auto trusted = trust(context->get(), settings, true); !trusted) return trusted.error();
  }
  SSL_CTX_set_verify(context->get(), verify_mode_of(settings.client_auth), nullptr);
  return context;
}

Result<SslContext> make_connecting_context(const TlsSettings& settings) {
  if (settings.ca.empty()) return SslContext();
  auto context = make_context(settings, TLS_client_method());
  if (!context) return context;
  if (auto trusted = trust(context->get(), settings, false); !trusted) return trusted.error();
  if (!settings.certificate.empty())
    if (auto shown = show_certificate(context->get(), settings); !shown) return shown.error();
  SSL_CTX_set_verify(context->get(), SSL_VERIFY_PEER, nullptr);
  return context;
}

}  // namespace vivarium
