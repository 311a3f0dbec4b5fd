#include "kernel/core/paths.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace vivarium::paths {
namespace {

/// Takes one UTF-8 sequence off the front. Malformed ones yield U+FFFD, as they do in Java.
std::uint32_t take_code_point(std::string_view& text) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  const auto follows = [&](std::size_t i) { return (byte(i) & 0xC0) == 0x80; };
  std::size_t size = 1;
  std::uint32_t point = byte(0);
  if (point >= 0x80) {
    if (point >= 0xC2 && point < 0xE0 && follows(1)) {
      point = (point & 0x1F) << 6 | (byte(1) & 0x3F);
      size = 2;
    } else if ((point & 0xF0) == 0xE0 && follows(1) && follows(2)) {
      point = (point & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F);
      size = 3;
      if (point < 0x800) point = 0xFFFD;
    } else {
      point = 0xFFFD;  // Also for four-byte sequences: every one of them is illegal in a path.
    }
  }
  text.remove_prefix(size);
  return point;
}

bool legal(std::uint32_t point) {
  if (point < 0x20) return false;
  if (point >= 0x7F && point <= 0x9F) return false;
  if (point >= 0xD800 && point <= 0xF8FF) return false;
  return point < 0xFFF0;
}

/// Eight at once: none is below a space, none is DEL, none has the high bit.
bool eight_are_plain(const char* text) {
  constexpr std::uint64_t kOnes = 0x0101010101010101, kHighs = 0x8080808080808080;
  std::uint64_t bytes = 0;
  std::memcpy(&bytes, text, sizeof bytes);
  const auto below_space = (bytes - kOnes * 0x20) & ~bytes;
  return ((bytes | (bytes + kOnes) | below_space) & kHighs) == 0;
}

bool legal_characters(std::string_view path) {
  while (path.size() >= 8 && eight_are_plain(path.data())) path.remove_prefix(8);
  while (!path.empty()) {
    const auto c = static_cast<unsigned char>(path.front());
    if (c >= 0x20 && c < 0x7F) {
      path.remove_prefix(1);
    } else if (!legal(take_code_point(path))) {
      return false;
    }
  }
  return true;
}

bool legal_components(std::string_view path) {
  while (!path.empty()) {
    path.remove_prefix(1);  // The slash before the component.
    const auto component = path.substr(0, path.find('/'));
    if (component.empty() || component == "." || component == "..") return false;
    path.remove_prefix(component.size());
  }
  return true;
}

}  // namespace

bool valid(std::string_view path) {
  if (path.empty() || path.front() != '/') return false;
  if (path.size() == 1) return true;
  return legal_components(path) && legal_characters(path);
}

std::optional<std::string_view> parent_if_plain(std::string_view path) {
  const auto slash = path.rfind('/');
  if (slash == std::string_view::npos || path.find('\0') != std::string_view::npos)
    return std::nullopt;
  return slash == 0 ? std::string_view("/") : path.substr(0, slash);
}

std::string_view parent(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == 0 || slash == std::string_view::npos ? std::string_view("/")
                                                       : path.substr(0, slash);
}

std::string_view name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

bool special(std::string_view path) {
  return path == "/" || path == kZooKeeper || path == kQuota || path == kConfig;
}

bool at_or_below(std::string_view path, std::string_view ancestor) {
  if (ancestor == "/") return true;
  return path.starts_with(ancestor) &&
         (path.size() == ancestor.size() || path[ancestor.size()] == '/');
}

}  // namespace vivarium::paths
