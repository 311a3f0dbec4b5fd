#include "kernel/core/roster.hpp"
#include "kernel/core/server.hpp"

#include <vivarium/assert.hpp>

#include <algorithm>

namespace vivarium {
namespace {

class CommandTable final : public Commands {
 public:
  std::unique_ptr<CommandHandle> add(CommandSpec spec) override {
    VIVARIUM_ASSERT(!find(spec.name), "two commands of the name " + spec.name);
    for (const auto& alias : spec.aliases)
      VIVARIUM_ASSERT(!find(alias), "two commands of the name " + alias);
    for (const auto& word : spec.words) {
      VIVARIUM_ASSERT(word.size() == 4, "not a four-letter word: " + word);
      VIVARIUM_ASSERT(!find_word(word), "two commands for the word " + word);
    }
    return commands_.add(std::move(spec));
  }

  const CommandSpec* find(std::string_view name) const override {
    return find_if([name](const CommandSpec& spec) {
      return spec.name == name || is_among(spec.words, name) || is_among(spec.aliases, name);
    });
  }

  const CommandSpec* find_word(std::string_view word) const override {
    return find_if([word](const CommandSpec& spec) { return is_among(spec.words, word); });
  }

  std::vector<const CommandSpec*> all() const override {
    std::vector<const CommandSpec*> specs;
    for (const auto& [number, spec] : commands_.items()) specs.push_back(&spec);
    return specs;
  }

 private:
  static bool is_among(const std::vector<std::string>& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  }

  template <class Predicate>
  const CommandSpec* find_if(Predicate matches) const {
    for (const auto& [number, spec] : commands_.items())
      if (matches(spec)) return &spec;
    return nullptr;
  }

  Roster<CommandSpec, CommandHandle> commands_;
};

}  // namespace

std::unique_ptr<Commands> make_commands() { return std::make_unique<CommandTable>(); }

}  // namespace vivarium
