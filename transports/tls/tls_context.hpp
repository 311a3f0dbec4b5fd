#pragma once
// The SSL_CTX for each direction, made from the settings.
//
// What both have in common: trust comes from the option `ca` only, where each certificate is an
// anchor, as in a Java trust store; no session is resumed, so that every connection proves itself
// against the files as they are now; no renegotiation, no compression.

#include <vivarium/result.hpp>

#include "openssl_handles.hpp"
#include "tls_settings.hpp"

namespace vivarium {

/// For connections that come in. nullptr when no certificate is set.
Result<SslContext> make_accepting_context(const TlsSettings& settings);
/// For connections that go out. nullptr when no trust is set.
Result<SslContext> make_connecting_context(const TlsSettings& settings);

}  // namespace vivarium
