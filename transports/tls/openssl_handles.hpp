#pragma once
// OpenSSL's objects with owners, and its errors as text.

#include <memory>
#include <string>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

namespace vivarium {

template <auto kFree>
struct OpensslFree {
  template <class T>
  void operator()(T* object) const {
    kFree(object);
  }
};

using SslContext = std::unique_ptr<SSL_CTX, OpensslFree<SSL_CTX_free>>;
using SslHandle = std::unique_ptr<SSL, OpensslFree<SSL_free>>;
using Certificate = std::unique_ptr<X509, OpensslFree<X509_free>>;
using PrivateKey = std::unique_ptr<EVP_PKEY, OpensslFree<EVP_PKEY_free>>;
using Bio = std::unique_ptr<BIO, OpensslFree<BIO_free>>;

/// The reason of the newest error in this thread's queue, which is emptied; "unknown" when there is
/// none.
std::string take_openssl_error();

}  // namespace vivarium
