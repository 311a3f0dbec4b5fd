#include "tools/commands.hpp"

#include "kernel/host/plugin_loader.hpp"
#include "kernel/host/plugin_roles.hpp"
#include "kernel/host/typed_options.hpp"

#include <iostream>
#include <span>

namespace vivarium::tools {
namespace {

/// "vivarium.transport.client.tcp.KEY": where the options of an interface stand in a config.
void print_keys(const PluginInterface& interface) {
  for (const PluginRole& role : plugin_roles())
    if (role.kind == interface.kind)
      std::cout << "    vivarium." << role.name << "." << interface.name << ".KEY\n";
}

void print(const OptionSpec& option) {
  std::cout << "      " << option.key << ": " << describe_type(option);
  if (*option.default_value) std::cout << ", default " << option.default_value;
  for (const auto& [set, word] : {std::pair{option.required, "required"},
                                  std::pair{option.reloadable, "reloadable"},
                                  std::pair{option.secret, "secret"}})
    if (set) std::cout << ", " << word;
  std::cout << "\n        " << option.help << "\n";
}

void print(const PluginOffer& offer) {
  const PluginInterface& interface = *offer.interface;
  std::cout << name_of(interface.kind) << " " << interface.name << " (revision "
            << interface.revision << ") of " << offer.descriptor->name << " "
            << offer.descriptor->version << "\n    " << offer.file << "\n";
  const std::span options(interface.options, interface.option_count);
  if (!options.empty()) print_keys(interface);
  for (const OptionSpec& option : options) print(option);
}

}  // namespace

int plugins(const Words& words) {
  PluginCatalogue catalogue(PermissionRule::warn);
  catalogue.add_directory(PluginCatalogue::default_directory()).value();
  for (const std::string& path : words) catalogue.add(path).value();

  for (const PluginOffer& offer : catalogue.offers()) print(offer);
  for (const std::string& sentence : catalogue.refusals()) std::cout << "refused: " << sentence << "\n";
  for (const std::string& sentence : catalogue.warnings()) std::cout << "warning: " << sentence << "\n";
  return catalogue.refusals().empty() ? 0 : 1;
}

}  // namespace vivarium::tools
