#pragma once
// Certificates for tests, made when they run: authorities, and what they issue.
//
//     CertificateAuthority authority("Test CA");
//     const auto server = authority.issue({.common_name = "server"});
//     write(server.certificate_pem), write(server.key_pem), write(authority.certificate_pem())

#include <memory>
#include <stdexcept>
#include <string>

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

namespace vivarium::test {

struct CertificateSpec {
  std::string common_name = "peer";
  std::string alternative_names = "DNS:localhost,IP:127.0.0.1";  ///< Empty for none.
  std::string usages = "serverAuth,clientAuth";
  int valid_from_days = -1;
  int valid_until_days = 1;
};

struct IssuedCertificate {
  std::string certificate_pem;
  std::string key_pem;
};

class CertificateAuthority {
 public:
  explicit CertificateAuthority(const std::string& name) : CertificateAuthority(name, nullptr) {}
  /// An intermediate, certified by `parent`.
  CertificateAuthority(const std::string& name, const CertificateAuthority& parent)
      : CertificateAuthority(name, &parent) {}

  std::string certificate_pem() const { return pem_of(certificate_.get()); }

  IssuedCertificate issue(const CertificateSpec& spec) const {
    const auto key = new_key();
    const auto certificate = new_certificate(spec, key.get());
    X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate_.get()));
    finish(spec, certificate.get(), certificate_.get(), key_.get());
    return {pem_of(certificate.get()), pem_of(key.get())};
  }

  static IssuedCertificate self_signed(const CertificateSpec& spec) {
    const auto key = new_key();
    const auto certificate = new_certificate(spec, key.get());
    X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate.get()));
    finish(spec, certificate.get(), certificate.get(), key.get());
    return {pem_of(certificate.get()), pem_of(key.get())};
  }

 private:
  CertificateAuthority(const std::string& name, const CertificateAuthority* parent)
      : key_(new_key()) {
    CertificateSpec spec;
    spec.common_name = name;
    certificate_ = new_certificate(spec, key_.get());
    X509* own = certificate_.get();
    X509* issuer = parent ? parent->certificate_.get() : own;
    X509_set_issuer_name(own, X509_get_subject_name(issuer));
    extend(own, issuer, NID_basic_constraints, "critical,CA:TRUE");
    extend(own, issuer, NID_key_usage, "critical,keyCertSign,cRLSign");
    sign(own, parent ? parent->key_.get() : key_.get());
  }

  template <auto kFree>
  struct Free {
    template <class T>
    void operator()(T* object) const {
      kFree(object);
    }
  };
  using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
  using Certificate = std::unique_ptr<X509, Free<X509_free>>;
  using Bio = std::unique_ptr<BIO, Free<BIO_free>>;
  using Extension = std::unique_ptr<X509_EXTENSION, Free<X509_EXTENSION_free>>;

  static void check(bool fine) {
    if (!fine) throw std::runtime_error("OpenSSL makes no certificate");
  }

  static Key new_key() {
    Key key(EVP_EC_gen("P-256"));
    check(key != nullptr);
    return key;
  }

  static Certificate new_certificate(const CertificateSpec& spec, EVP_PKEY* key) {
    Certificate certificate(X509_new());
    X509_set_version(certificate.get(), X509_VERSION_3);
    BIGNUM* serial = BN_new();
    BN_rand(serial, 64, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY);
    BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(certificate.get()));
    BN_free(serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), spec.valid_from_days * 86'400L);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), spec.valid_until_days * 86'400L);
    X509_set_pubkey(certificate.get(), key);
    auto* name = X509_get_subject_name(certificate.get());
    add(name, "O", "Vivarium tests");
    add(name, "CN", spec.common_name);
    return certificate;
  }

  static void add(X509_NAME* name, const char* field, const std::string& value) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(value.data());
    check(X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, bytes,
                                     static_cast<int>(value.size()), -1, 0) == 1);
  }

  static void finish(const CertificateSpec& spec, X509* certificate, X509* issuer, EVP_PKEY* key) {
    extend(certificate, issuer, NID_ext_key_usage, spec.usages);
    if (!spec.alternative_names.empty())
      extend(certificate, issuer, NID_subject_alt_name, spec.alternative_names);
    sign(certificate, key);
  }

  static void extend(X509* certificate, X509* issuer, int kind, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
    check(extension && X509_add_ext(certificate, extension.get(), -1) == 1);
  }

  static void sign(X509* certificate, EVP_PKEY* key) {
    check(X509_sign(certificate, key, EVP_sha256()) > 0);
  }

  static std::string pem_of(X509* certificate) {
    const Bio bio(BIO_new(BIO_s_mem()));
    check(PEM_write_bio_X509(bio.get(), certificate) == 1);
    return text_of(bio.get());
  }

  static std::string pem_of(EVP_PKEY* key) {
    const Bio bio(BIO_new(BIO_s_mem()));
    check(PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
    return text_of(bio.get());
  }

  static std::string text_of(BIO* bio) {
    char* bytes = nullptr;
    const auto size = BIO_get_mem_data(bio, &bytes);
    return {bytes, static_cast<std::size_t>(size)};
  }

  Key key_;
  Certificate certificate_;
};

/// The same private key, locked with a passphrase.
inline std::string encrypted(const std::string& key_pem, const std::string& passphrase) {
  BIO* in = BIO_new_mem_buf(key_pem.data(), static_cast<int>(key_pem.size()));
  EVP_PKEY* key = PEM_read_bio_PrivateKey(in, nullptr, nullptr, nullptr);
  BIO* out = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(out, key, EVP_aes_256_cbc(),
                           reinterpret_cast<const unsigned char*>(passphrase.data()),
                           static_cast<int>(passphrase.size()), nullptr, nullptr);
  char* bytes = nullptr;
  const auto size = BIO_get_mem_data(out, &bytes);
  std::string pem(bytes, static_cast<std::size_t>(size));
  BIO_free(in);
  BIO_free(out);
  EVP_PKEY_free(key);
  return pem;
}

}  // namespace vivarium::test
