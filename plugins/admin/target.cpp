#include "target.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace vivarium::admin {
namespace {

enum class Part : std::uint8_t { path, query };

std::optional<std::string> decoded(std::string_view text, Part part) {
  std::string plain;
  while (!text.empty()) {
    const char c = text.front();
    text.remove_prefix(1);
    if (c != '%') {
      plain.push_back(c == '+' && part == Part::query ? ' ' : c);
      continue;
    }
    unsigned byte = 0;
    if (text.size() < 2) return {};
    const auto [end, error] = std::from_chars(text.data(), text.data() + 2, byte, 16);
    if (error != std::errc() || end != text.data() + 2) return {};
    plain.push_back(static_cast<char>(byte));
    text.remove_prefix(2);
  }
  return plain;
}

/// The part before `mark`; takes both away.
std::string_view cut(std::string_view& rest, char mark) {
  const auto end = rest.find(mark);
  const auto part = rest.substr(0, end);
  rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
  return part;
}

/// `http://host/path` is what a proxy is asked; a server has to understand it too.
std::string_view without_host(std::string_view target) {
  constexpr std::string_view kSchemes[] = {"http://", "https://"};
  for (const auto scheme : kSchemes)
    if (target.starts_with(scheme)) {
      const auto slash = target.find('/', scheme.size());
      return slash == target.npos ? "/" : target.substr(slash);
    }
  return target;
}

}  // namespace

bool parse_target(std::string_view target, HttpRequest& request) {
  target = without_host(target);
  if (!target.starts_with('/')) return false;
  const auto path = decoded(cut(target, '?'), Part::path);
  if (!path) return false;
  request.path = *path;
  while (!target.empty()) {
    auto field = cut(target, '&');
    const auto name = decoded(cut(field, '='), Part::query);
    const auto value = decoded(field, Part::query);
    if (!name || !value) return false;
    if (!name->empty()) request.arguments.emplace_back(*name, *value);
  }
  return true;
}

bool names_this_machine(std::string_view host) {
  if (host.starts_with('[')) return true;  // An address.
  const auto name = host.substr(0, host.find(':'));
  const auto is_numeric = [](char c) { return (c >= '0' && c <= '9') || c == '.'; };
  return name == "localhost" || std::all_of(name.begin(), name.end(), is_numeric);
}

bool is_loopback(std::string_view host) { return host.starts_with("127.") || host == "::1"; }

std::string percent_encoded(std::string_view bytes) {
  constexpr std::string_view kPlain = "-_.~/";
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string text;
  for (const char c : bytes) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (letter || (c >= '0' && c <= '9') || kPlain.find(c) != kPlain.npos) {
      text.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    ((text += '%') += kDigits[byte >> 4]) += kDigits[byte & 0xf];
  }
  return text;
}

}  // namespace vivarium::admin
