#pragma once
// What an operator says about TLS: the options of the plugin, with the files they name read in.

#include <cstdint>
#include <string>

#include <vivarium/disk.hpp>
#include <vivarium/options.hpp>
#include <vivarium/result.hpp>

namespace vivarium {

/// What is asked of a client's certificate.
enum class ClientAuth : std::uint8_t {
  need,  ///< It must show one that verifies.
  want,  ///< It may show none; one that it shows must verify.
  none,  ///< It is not asked.
};

/// A PEM file and where it was read.
struct PemFile {
  std::string path;
  std::string text;  ///< Empty when the option is not set.
  bool empty() const { return text.empty(); }
};

struct TlsSettings {
  PemFile certificate;  ///< The chain of this end, leaf first.
  PemFile key;          ///< Its private key; the certificate's file when no other is named.
  PemFile ca;           ///< Whom this end trusts.
  ClientAuth client_auth = ClientAuth::need;
  int min_version = 0;  ///< As OpenSSL numbers it.
  std::string ciphers;  ///< For TLS 1.2, as OpenSSL lists them; empty for its default.
  std::string suites;   ///< For TLS 1.3; empty for OpenSSL's default.
  bool verify_host = true;
};

inline constexpr OptionSpec kTlsOptions[] = {
    {"certificate", OptionType::path, "", 0, -1, "",
     "PEM file with this server's certificate, followed by its intermediates.", false, false, true},
    {"key", OptionType::path, "", 0, -1, "",
     "PEM file with the private key, not encrypted; by default the file of the certificate.", false,
     false, true},
    {"ca", OptionType::path, "", 0, -1, "",
     "PEM file with the certificates that peers are trusted by.", false, false, true},
    {"client_auth", OptionType::text, "need", 0, -1, "",
     "Whether clients must (need), may (want) or need not (none) show a certificate.", false, false,
     true},
    {"min_version", OptionType::text, "TLSv1.2", 0, -1, "",
     "The oldest protocol that is spoken: TLSv1.2 or TLSv1.3.", false, false, true},
    {"ciphers", OptionType::text, "", 0, -1, "",
     "Cipher suites separated by commas or colons, by their standard or OpenSSL names.", false,
     false, true},
    {"verify_host", OptionType::boolean, "true", 0, -1, "",
     "Whether a server's certificate must name the host that was dialled.", false, false, true},
};

/// Reads the options and their files. Blocks on the disk.
Result<TlsSettings> read_tls_settings(const Options& options, FileSystem& files);

}  // namespace vivarium
