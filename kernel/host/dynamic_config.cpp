#include "kernel/host/dynamic_config.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace vivarium {
namespace {

constexpr std::string_view kVersionKey = "version";
constexpr std::string_view kDynamicFileKey = "dynamicConfigFile";

std::string next_path(const std::string& zoo_cfg) {
  return zoo_cfg + ".dynamic.next";
}

std::optional<std::uint64_t> hexadecimal(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole ? std::optional(value) : std::nullopt;
}

Error misplaced(const Property& property) {
  return {Errc::invalid_argument,
          fmt::format("{}: {} does not belong into a dynamic file, which holds server, group and "
                      "weight lines, and has its version in its name",
                      property.origin, property.key)};
}

/// As a file holds it. Java's readers take `\` for an escape; `:` in a value is itself.
std::string text_of(const Membership& membership) {
  std::vector<std::string> lines;
  for (const Property& line : membership.lines) lines.push_back(line.key + "=" + line.value + "\n");
  std::sort(lines.begin(), lines.end());
  return fmt::format("{}", fmt::join(lines, ""));
}

std::string folder_of(const std::string& path) {
  return std::filesystem::path(path).parent_path().string();
}

Result<std::string> read_all(FileSystem& files, const std::string& path) {
  auto file = files.open(path, OpenMode::read);
  if (!file) return file.error();
  const auto size = (*file)->size();
  if (!size) return size.error();
  std::string text(static_cast<std::size_t>(*size), '\0');
  const auto got = (*file)->read_at(0, text.data(), text.size());
  if (!got) return got.error();
  text.resize(*got);
  return text;
}

Result<void> write_new(FileSystem& files, const std::string& path, std::string_view text) {
  const auto file = files.open(path, OpenMode::create_empty);
  if (!file) return file.error();
  if (const auto written = (*file)->write_at(0, text); !written) return written;
  return (*file)->sync();
}

/// After a crash the file has its old content or the new one.
Result<void> replace_file(FileSystem& files, const std::string& path, std::string_view text) {
  if (const auto written = write_new(files, path + ".tmp", text); !written) return written;
  if (const auto renamed = files.rename(path + ".tmp", path); !renamed) return renamed;
  return files.sync_directory(folder_of(path));
}

bool goes(std::string_view key, ClientPort client_port) {
  if (is_membership_key(key) || key == kDynamicFileKey || key == "peerType") return true;
  return client_port == ClientPort::in_membership &&
         (key == "clientPort" || key == "clientPortAddress");
}

bool names_dynamic_file(const std::vector<Property>& properties) {
  return std::any_of(properties.begin(), properties.end(),
                     [](const Property& property) { return property.key == kDynamicFileKey; });
}

/// `text`, the present zoo.cfg, is kept the first time that it comes to name a dynamic file.
Result<void> rewrite_zoo_cfg(FileSystem& files, const std::string& zoo_cfg, const std::string& text,
                             const std::string& dynamic_file, ClientPort client_port) {
  const auto properties = parse_properties(text, zoo_cfg);
  if (!properties) return properties.error();
  if (!names_dynamic_file(*properties))
    if (const auto kept = replace_file(files, zoo_cfg + ".bak", text); !kept) return kept;
  auto rewritten =
      without_properties(text, [&](const std::string& key) { return goes(key, client_port); });
  if (!rewritten.empty() && !rewritten.ends_with('\n')) rewritten += '\n';
  rewritten += fmt::format("{}={}\n", kDynamicFileKey, dynamic_file);
  return replace_file(files, zoo_cfg, rewritten);
}

}  // namespace

std::optional<std::uint64_t> version_in_name(std::string_view path) {
  const std::size_t dot = path.rfind('.');
  return dot == path.npos ? std::nullopt : hexadecimal(path.substr(dot + 1));
}

bool is_membership_key(std::string_view key) {
  return key.starts_with("server.") || key.starts_with("group.") || key.starts_with("weight.");
}

Result<Membership> read_membership(const std::string& path) {
  auto properties = read_properties(path);
  if (!properties) return properties.error();
  for (const Property& property : *properties)
    if (!is_membership_key(property.key)) return misplaced(property);
  return Membership{version_in_name(path).value_or(0), std::move(*properties)};
}

Result<std::optional<Membership>> read_proposed_membership(const std::string& zoo_cfg) {
  const std::string path = next_path(zoo_cfg);
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return std::optional<Membership>();
  auto properties = read_properties(path);
  if (!properties) return properties.error();
  Membership membership;
  std::optional<std::uint64_t> version;
  for (Property& property : *properties) {
    if (property.key == kVersionKey) {
      version = hexadecimal(property.value);
    } else if (is_membership_key(property.key)) {
      membership.lines.push_back(std::move(property));
    } else {
      return misplaced(property);
    }
  }
  if (!version)
    return Error(Errc::invalid_argument,
                 path +
                     ": there is no line version=, with a hexadecimal number, so nobody can tell "
                     "which proposal it was; remove the file if the ensemble has settled since");
  membership.version = *version;
  return std::optional(std::move(membership));
}

Result<void> propose_membership(FileSystem& files, const std::string& zoo_cfg,
                                const Membership& membership) {
  return replace_file(files, next_path(zoo_cfg),
                      text_of(membership) +
                          fmt::format("{}={:x}\n", kVersionKey, membership.version));
}

Result<void> activate_membership(FileSystem& files, const std::string& zoo_cfg,
                                 const Membership& membership, ClientPort client_port) {
  const std::string dynamic_file = fmt::format("{}.dynamic.{:x}", zoo_cfg, membership.version);
  const auto text = read_all(files, zoo_cfg);
  if (!text) return text.error();
  if (const auto done = replace_file(files, dynamic_file, text_of(membership)); !done) return done;
  if (const auto done = rewrite_zoo_cfg(files, zoo_cfg, *text, dynamic_file, client_port); !done)
    return done;
  if (!files.exists(next_path(zoo_cfg))) return {};
  if (const auto removed = files.remove(next_path(zoo_cfg)); !removed) return removed;
  return files.sync_directory(folder_of(zoo_cfg));
}

}  // namespace vivarium
