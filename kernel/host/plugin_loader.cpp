#include "kernel/host/plugin_loader.hpp"

#include "kernel/host/elf_file.hpp"
#include "kernel/host/permissions.hpp"
#include "kernel/host/plugin_roles.hpp"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <optional>
#include <span>
#include <system_error>
#include <utility>

#include <boost/dll/runtime_symbol_info.hpp>
#include <boost/dll/shared_library_load_mode.hpp>
#include <fmt/format.h>

#include <vivarium/abi.hpp>
#include <vivarium/acl_policy.hpp>
#include <vivarium/authenticator.hpp>
#include <vivarium/broadcast.hpp>
#include <vivarium/election.hpp>
#include <vivarium/log_store.hpp>
#include <vivarium/service.hpp>
#include <vivarium/transport.hpp>

namespace vivarium {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSymbol = "vivarium_plugin";
constexpr auto kRebuild = "build the plugin against this server's SDK";

template <class I>
bool is_a(const Plugin& plugin) {
  return dynamic_cast<const I*>(&plugin) != nullptr;
}

/// What this kernel speaks of each interface.
struct KnownInterface {
  InterfaceKind kind;
  std::uint32_t revision;
  bool (*is)(const Plugin&);
};
template <class I>
constexpr KnownInterface known() {
  return {I::kKind, I::kRevision, is_a<I>};
}
constexpr KnownInterface kInterfaces[] = {
    known<Transport>(),     known<LogStore>(),  known<Election>(), known<Broadcast>(),
    known<Authenticator>(), known<AclPolicy>(), known<Service>(),
};

const KnownInterface* find_known(InterfaceKind kind) {
  const auto found = std::find_if(std::begin(kInterfaces), std::end(kInterfaces),
                                  [&](const KnownInterface& i) { return i.kind == kind; });
  return found == std::end(kInterfaces) ? nullptr : &*found;
}

/// An ABI tag as text, even of a descriptor that forgot its end.
std::string tag_of(const PluginDescriptor& descriptor) {
  return {descriptor.abi_tag, ::strnlen(descriptor.abi_tag, sizeof descriptor.abi_tag)};
}

/// The parts of two tags that differ: "boost=1_81 instead of boost=1_83".
std::string tag_difference(std::string found, std::string wanted) {
  std::string differences;
  const auto take_part = [](std::string& tag) {
    const std::size_t end = std::min(tag.find("; "), tag.size());
    std::string part = tag.substr(0, end);
    tag.erase(0, end + 2);
    return part;
  };
  while (!found.empty() || !wanted.empty()) {
    const std::string has = take_part(found), wants = take_part(wanted);
    if (has != wants)
      differences += fmt::format("{}{} instead of {}", differences.empty() ? "" : ", ", has, wants);
  }
  return differences;
}

using Complaint = std::optional<std::string>;  ///< Reads on after the file's name.

Complaint check_option(const OptionSpec& option) {
  const bool texts = option.key && option.default_value && option.unit && option.help;
  if (!texts || !*option.key) return "declares an option with a null or empty text";
  if (option.type > OptionType::bytes)
    return fmt::format("declares the option {} of unknown type {}", option.key,
                       static_cast<int>(option.type));
  return {};
}

Complaint check_interface(const PluginInterface& interface) {
  const KnownInterface* known = find_known(interface.kind);
  if (!known)
    return fmt::format("serves an interface of unknown kind {}; want 1 to {}; {}",
                       static_cast<std::uint32_t>(interface.kind), std::size(kInterfaces), kRebuild);
  if (!interface.name || !*interface.name)
    return fmt::format("serves a {} without a name; name it in the table of its plugin.cpp",
                       name_of(interface.kind));
  if (interface.revision != known->revision)
    return fmt::format("serves {} \"{}\" in revision {}; want revision {}; {}",
                       name_of(interface.kind), interface.name, interface.revision, known->revision,
                       kRebuild);
  if (!interface.create)
    return fmt::format("serves {} \"{}\" without a factory; give it one in its plugin.cpp",
                       name_of(interface.kind), interface.name);
  if (!interface.options && interface.option_count > 0)
    return fmt::format("serves {} \"{}\" with {} options and no table of them; correct its plugin.cpp",
                       name_of(interface.kind), interface.name, interface.option_count);
  for (const OptionSpec& option : std::span(interface.options, interface.option_count))
    if (auto complaint = check_option(option)) return complaint;
  return {};
}

Complaint check_table(const PluginDescriptor& descriptor) {
  if (!descriptor.interfaces || descriptor.interface_count == 0)
    return "serves no interface; want at least one in the table of its plugin.cpp";
  const std::span table(descriptor.interfaces, descriptor.interface_count);
  for (std::size_t i = 0; i < table.size(); ++i) {
    if (auto complaint = check_interface(table[i])) return complaint;
    for (const PluginInterface& other : table.first(i))
      if (other.kind == table[i].kind && std::string_view(other.name) == table[i].name)
        return fmt::format("serves {} \"{}\" twice; give each a name of its own",
                           name_of(other.kind), other.name);
  }
  return {};
}

/// In the order in which fields can be believed: each check makes the next one safe.
Complaint check_descriptor(const PluginDescriptor& descriptor) {
  if (descriptor.magic != kPluginMagic)
    return fmt::format("has a descriptor with the magic {:#x}; want {:#x}; {}", descriptor.magic,
                       kPluginMagic, kRebuild);
  if (descriptor.size != sizeof(PluginDescriptor))
    return fmt::format("has a descriptor of {} bytes; want {}; {}", descriptor.size,
                       sizeof(PluginDescriptor), kRebuild);
  if (const std::string tag = tag_of(descriptor); tag != VIVARIUM_ABI_TAG)
    return fmt::format("was built otherwise ({}); {}", tag_difference(tag, VIVARIUM_ABI_TAG),
                       kRebuild);
  if (!descriptor.name || !descriptor.version) return "has a descriptor without name or version";
  return check_table(descriptor);
}

Error refusal(const std::string& file, std::string_view complaint) {
  return Error(Errc::refused, fmt::format("plugin {} {}", file, complaint));
}

Result<PluginLibrary> open_library(const std::string& file) {
  namespace mode = boost::dll::load_mode;
  try {
    return std::make_shared<const boost::dll::shared_library>(file,
                                                              mode::rtld_now | mode::rtld_local);
  } catch (const std::exception& error) {
    return refusal(file, fmt::format("cannot be loaded ({}); install what it misses, or {}",
                                     error.what(), kRebuild));
  }
}

std::string described(const PluginOffer& offer) {
  return fmt::format("{} \"{}\"", name_of(offer.interface->kind), offer.interface->name);
}

/// The factory, with whatever it may throw turned into a sentence.
Result<std::unique_ptr<Plugin>> call_factory(const PluginOffer& offer, PluginHost& host) {
  std::string thrown = "an exception of unknown type";
  try {
    return std::unique_ptr<Plugin>(offer.interface->create(host));
  } catch (const std::exception& exception) {
    thrown = exception.what();
  } catch (...) {
  }
  return refusal(offer.file, fmt::format("could not create {}: {}", described(offer), thrown));
}

}  // namespace

PluginCatalogue::~PluginCatalogue() = default;

std::string PluginCatalogue::default_directory() {
  const fs::path program(boost::dll::program_location().string());
  return (program.parent_path().parent_path() / "lib" / "vivarium").string();
}

Result<void> PluginCatalogue::add(const std::string& path) {
  return fs::is_directory(path) ? add_directory(path) : add_file(path);
}

Result<void> PluginCatalogue::add_directory(const std::string& directory) {
  std::error_code error;
  std::vector<std::string> files;
  for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error))
    if (at->path().extension() == ".so") files.push_back(at->path().string());
  if (error)
    return Error(Errc::not_found,
                 fmt::format("the plugin directory {} cannot be read ({}); install the plugins there, "
                             "or name theirs with vivarium.plugins",
                             directory, error.message()));
  std::sort(files.begin(), files.end());
  for (const std::string& file : files)
    if (const auto added = add_file(file); !added) refusals_.push_back(added.error().what);
  return {};
}

Result<void> PluginCatalogue::add_file(const std::string& path) {
  std::error_code error;
  const std::string file = fs::canonical(path, error).string();
  if (error) return refusal(path, fmt::format("cannot be read ({})", error.message()));
  if (const auto checked = check_file(file); !checked) return checked;
  const auto library = open_library(file);
  if (!library) return library.error();
  const auto& descriptor = (*library)->get<const PluginDescriptor>(kSymbol);
  if (const auto complaint = check_descriptor(descriptor)) return refusal(file, *complaint);
  for (const PluginInterface& interface :
       std::span(descriptor.interfaces, descriptor.interface_count))
    offers_.push_back({file, *library, &descriptor, &interface});
  return {};
}

/// All that can be said before the library is opened.
Result<void> PluginCatalogue::check_file(const std::string& file) {
  const bool known = std::any_of(offers_.begin(), offers_.end(),
                                 [&](const PluginOffer& offer) { return offer.file == file; });
  if (known) return refusal(file, "was named twice; once is enough");
  if (auto sentence = writable_by_others(file); !sentence.empty()) {
    if (permissions_ == PermissionRule::refuse)
      return Error(Errc::refused, "plugin " + sentence);
    warnings_.push_back("plugin " + sentence);
  }
  if (const auto whole = check_shared_library(file); !whole)
    return refusal(file, whole.error().what);
  const auto exports = exports_symbol(file, kSymbol);
  if (!exports) return refusal(file, exports.error().what);
  if (!*exports)
    return refusal(file, fmt::format("exports no symbol {}; want one, by VIVARIUM_PLUGIN in its "
                                     "plugin.cpp",
                                     kSymbol));
  return {};
}

Result<const PluginOffer*> PluginCatalogue::find(InterfaceKind kind, std::string_view name) const {
  const PluginOffer* found = nullptr;
  std::string others;
  for (const PluginOffer& offer : offers_) {
    const bool named = name == offer.interface->name;
    if (named && offer.interface->kind == kind) {
      if (found)
        return Error(Errc::already_exists,
                     fmt::format("both {} and {} offer the {} \"{}\"; remove one, or rename it",
                                 found->file, offer.file, name_of(kind), name));
      found = &offer;
    } else if (named || offer.interface->kind == kind) {
      others += fmt::format("{}{} of {}", others.empty() ? "" : ", ", described(offer),
                            fs::path(offer.file).filename().string());
    }
  }
  if (found) return found;
  return Error(Errc::not_found,
               fmt::format("no plugin offers a {} \"{}\"; there is {}{}", name_of(kind), name,
                           others.empty() ? "none of that kind" : others, likely_refusal(name)));
}

std::string PluginCatalogue::likely_refusal(std::string_view name) const {
  if (refusals_.empty()) return {};
  const auto file = fmt::format("/{}.so", name);
  const auto named = std::find_if(refusals_.begin(), refusals_.end(), [&](const auto& refusal) {
    return refusal.find(file) != std::string::npos;
  });
  return fmt::format("; refused was: {}", named == refusals_.end() ? refusals_.front() : *named);
}

Result<Module> create_plugin(const PluginOffer& offer, PluginHost& host) {
  auto plugin = call_factory(offer, host);
  if (!plugin) return plugin.error();
  if (!*plugin)
    return refusal(offer.file, fmt::format("could not create {}: its factory returned null; want an "
                                           "object, or an exception that says why not",
                                           described(offer)));
  if (!find_known(offer.interface->kind)->is(**plugin))
    return refusal(offer.file, fmt::format("created something else than {}; want an object of that "
                                           "interface: use serves<{}, ...>() in its plugin.cpp",
                                           described(offer), name_of(offer.interface->kind)));
  return Module{offer.library, std::move(*plugin)};
}

}  // namespace vivarium
