#pragma once
// The command table: what an operator may ask of a running server, by four-letter word or admin page.
// A command has a name, a permission, and yields one value; the kernel renders it as the text that
// ZooKeeper's tools expect, `admin` renders the same value as JSON. All on the core thread.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace vivarium {

/// A JSON-shaped value: null, bool, integer, number, text, list, or fields in order.
class Value {
 public:
  using List = std::vector<Value>;
  using Fields = std::vector<std::pair<std::string, Value>>;
  using Content =
      std::variant<std::monostate, bool, std::int64_t, double, std::string, List, Fields>;

  Value() = default;
  Value(bool b) : content_(b) {}
  Value(int n) : content_(static_cast<std::int64_t>(n)) {}
  Value(std::int64_t n) : content_(n) {}
  Value(double n) : content_(n) {}
  Value(const char* text) : content_(std::string(text)) {}
  Value(std::string text) : content_(std::move(text)) {}
  Value(List list) : content_(std::move(list)) {}
  Value(Fields fields) : content_(std::move(fields)) {}

  const Content& content() const { return content_; }
  /// The field `name` of a value with fields; nullptr when there is none.
  const Value* field(std::string_view name) const;

 private:
  Content content_;
};

/// Who may run a command.
enum class CommandPermission : std::uint8_t {
  anyone,     ///< Reveals nothing but that the server lives.
  operators,  ///< Four-letter words: when on the whitelist. Admin pages: as the config says.
  admin,      ///< Changes state, or shows data: needs every permission on `/`.
};

struct CommandSpec {
  std::string name;               ///< "server_stats"; what admin pages call it.
  std::vector<std::string> words; ///< Four-letter words that run it: "srvr".
  CommandPermission permission = CommandPermission::operators;
  bool when_not_serving = false;  ///< Also while the server does not serve requests.
  std::string help;
  /// Runs the command. Arguments are admin query fields; four-letter words have none.
  std::function<Value(const Value::Fields& arguments)> run;
  /// Renders for a four-letter word; empty when there is no such word.
  std::function<std::string(const Value&)> text;
  std::vector<std::string> aliases = {};  ///< Further names for admin pages: "config".
};

/// Keeps a command in the table; destroying it removes the command.
class CommandHandle {
 public:
  virtual ~CommandHandle() = default;
};

class Commands {
 public:
  virtual ~Commands() = default;
  [[nodiscard]] virtual std::unique_ptr<CommandHandle> add(CommandSpec spec) = 0;
  /// By its name, an alias, or a word.
  virtual const CommandSpec* find(std::string_view name) const = 0;
  virtual const CommandSpec* find_word(std::string_view word) const = 0;
  virtual std::vector<const CommandSpec*> all() const = 0;
};

}  // namespace vivarium
