#pragma once
// Finds plugins, and refuses those that this kernel cannot work with. Every refusal is one sentence:
// the file, what was found, what was wanted, the cure.
//
// A file is looked at before it is opened (permissions, ELF, the exported symbol), and its descriptor
// before any function of it is called. Libraries stay open as long as their catalogue: what plugins
// have posted to a loop is code of theirs, so a catalogue outlives the loop.
//
// Thread: the one that assembles the server.

#include <vivarium/plugin.hpp>
#include <vivarium/result.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/dll/shared_library.hpp>

namespace vivarium {

using PluginLibrary = std::shared_ptr<const boost::dll::shared_library>;

/// A plugin instance and its code, which goes last.
struct Module {
  PluginLibrary library;
  std::unique_ptr<Plugin> plugin;
};

/// One interface that a library serves. Its tables lie in the library.
struct PluginOffer {
  std::string file;
  PluginLibrary library;
  const PluginDescriptor* descriptor = nullptr;
  const PluginInterface* interface = nullptr;
};

/// What to do about a file that others may write.
enum class PermissionRule : std::uint8_t { refuse, warn };

class PluginCatalogue {
 public:
  explicit PluginCatalogue(PermissionRule permissions) : permissions_(permissions) {}
  ~PluginCatalogue();
  PluginCatalogue(PluginCatalogue&&) = default;
  PluginCatalogue& operator=(PluginCatalogue&&) = default;

  /// `<program>/../lib/vivarium`.
  static std::string default_directory();

  /// Takes every *.so of a directory. A file that is refused hides no other: refusals() has it.
  /// Fails when there is no such directory.
  Result<void> add_directory(const std::string& directory);
  /// Takes one file, which somebody named: a refusal is a failure.
  Result<void> add_file(const std::string& file);
  /// Either, by what `path` is.
  Result<void> add(const std::string& path);
  /// For tests, and for interfaces that the program itself brings: takes what needs no checks.
  void add_offer(PluginOffer offer) { offers_.push_back(std::move(offer)); }

  const std::vector<PluginOffer>& offers() const { return offers_; }
  const std::vector<std::string>& refusals() const { return refusals_; }
  /// What permissions are amiss, where that is no refusal.
  const std::vector<std::string>& warnings() const { return warnings_; }

  /// Errc::not_found with what there is instead; Errc::already_exists when two libraries offer it.
  Result<const PluginOffer*> find(InterfaceKind kind, std::string_view name) const;

 private:
  Result<void> check_file(const std::string& file);
  /// Why a plugin that is asked for and not there may be missing; empty when nothing was refused.
  std::string likely_refusal(std::string_view name) const;

  PermissionRule permissions_;
  std::vector<PluginOffer> offers_;
  std::vector<std::string> refusals_, warnings_;
};

/// Calls the factory. `host` is lent to the plugin for its whole life.
Result<Module> create_plugin(const PluginOffer& offer, PluginHost& host);

}  // namespace vivarium
