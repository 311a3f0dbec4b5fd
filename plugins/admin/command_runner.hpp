#pragma once
// Runs commands for pages, as far as the config lets it.

#include <vivarium/commands.hpp>
#include <vivarium/options.hpp>
#include <vivarium/service.hpp>

#include <string>

namespace vivarium::admin {

class CommandRunner {
 public:
  /// All are borrowed.
  CommandRunner(const ServerView& view, const Commands& commands, const Options& options)
      : view_(view), commands_(commands), options_(options) {}

  struct Outcome {
    unsigned status;
    Value::Fields fields;  ///< The command's, then "command" and "error": a text, or null.
  };
  /// `name`: any that the command has.
  Outcome run(const std::string& name, const Value::Fields& arguments) const;
  /// Does the config let it run?
  bool listed(const CommandSpec& command) const;

  const Commands& commands() const { return commands_; }
  bool serves() const { return view_.role() != ServingRole::none; }

 private:
  const ServerView& view_;
  const Commands& commands_;
  const Options& options_;
};

}  // namespace vivarium::admin
