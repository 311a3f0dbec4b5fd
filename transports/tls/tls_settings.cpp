#include "tls_settings.hpp"

#include <utility>

#include <openssl/ssl.h>

namespace vivarium {
namespace {

/// PEM files hold a few certificates; anything of this size is another kind of file.
constexpr std::uint64_t kPemBytesMax = 4 * 1024 * 1024;

Error cannot_read(const char* option, const std::string& path, const std::string& why) {
  return Error(Errc::invalid_argument, "cannot read the file of the option " + std::string(option) +
                                           ", " + path + ": " + why);
}

Result<std::string> text_of(File& file) {
  const auto size = file.size();
  if (!size) return size.error();
  if (*size > kPemBytesMax) return Error(Errc::limit_exceeded, "it is too large for a PEM file");
  std::string text(*size, '\0');
  const auto read = file.read_at(0, text.data(), text.size());
  if (!read) return read.error();
  text.resize(*read);
  return text;
}

Result<PemFile> read_pem(const Options& options, FileSystem& files, const char* option) {
  PemFile pem;
  if (!options.has(option)) return pem;
  pem.path = options.text(option);
  const auto file = files.open(pem.path, OpenMode::read);
  if (!file) return cannot_read(option, pem.path, file.error().what);
  auto text = text_of(**file);
  if (!text) return cannot_read(option, pem.path, text.error().what);
  if (text->empty()) return cannot_read(option, pem.path, "it is empty");
  pem.text = std::move(*text);
  return pem;
}

Error unknown(const Options& options, const char* option, const char* choices) {
  return Error(Errc::invalid_argument, options.origin(option) + ": " + option + " is \"" +
                                           options.text(option) + "\"; it must be " + choices);
}

Result<ClientAuth> client_auth_of(const Options& options) {
  const auto text = options.text("client_auth");
  if (text == "need") return ClientAuth::need;
  if (text == "want") return ClientAuth::want;
  if (text == "none") return ClientAuth::none;
  return unknown(options, "client_auth", "need, want or none");
}

Result<int> min_version_of(const Options& options) {
  const auto text = options.text("min_version");
  if (text == "TLSv1.2") return TLS1_2_VERSION;
  if (text == "TLSv1.3") return TLS1_3_VERSION;
  return unknown(options, "min_version", "TLSv1.2 or TLSv1.3; older ones are not spoken");
}

void append(std::string& list, const std::string& name) {
  if (!list.empty()) list += ':';
  list += name;
}

/// Sorts one name into the list of its protocol. Java writes the standard names also for TLS 1.2,
/// where OpenSSL has names of its own.
void add_cipher(TlsSettings& settings, const std::string& name) {
  if (!name.starts_with("TLS_")) return append(settings.ciphers, name);
  if (name.find("_WITH_") == std::string::npos) return append(settings.suites, name);
  const std::string known = OPENSSL_cipher_name(name.c_str());
  append(settings.ciphers, known == "(NONE)" ? name : known);
}

void read_ciphers(TlsSettings& settings, const std::string& list) {
  constexpr auto kSeparators = ",: ";
  for (std::size_t at = 0; (at = list.find_first_not_of(kSeparators, at)) != std::string::npos;) {
    const auto end = std::min(list.find_first_of(kSeparators, at), list.size());
    add_cipher(settings, list.substr(at, end - at));
    at = end;
  }
}

Result<void> read_files(TlsSettings& settings, const Options& options, FileSystem& files) {
  for (const auto& [option, pem] :
       {std::pair{"certificate", &settings.certificate}, std::pair{"key", &settings.key},
        std::pair{"ca", &settings.ca}}) {
    auto read = read_pem(options, files, option);
    if (!read) return read.error();
    *pem = std::move(*read);
  }
  if (settings.key.empty()) settings.key = settings.certificate;
  return {};
}

}  // namespace

Result<TlsSettings> read_tls_settings(const Options& options, FileSystem& files) {
  TlsSettings settings;
  if (auto read = read_files(settings, options, files); !read) return read.error();
  const auto client_auth = client_auth_of(options);
  if (!client_auth) return client_auth.error();
  settings.client_auth = *client_auth;
  const auto min_version = min_version_of(options);
  if (!min_version) return min_version.error();
  settings.min_version = *min_version;
  if (options.has("ciphers")) read_ciphers(settings, options.text("ciphers"));
  settings.verify_host = options.boolean("verify_host");
  return settings;
}

}  // namespace vivarium
