#include "faults.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

namespace vivarium {
namespace {

constexpr std::array<std::pair<std::string_view, FaultStep>, 10> kSteps = {{
    {"open", FaultStep::open},
    {"append", FaultStep::append},
    {"durable", FaultStep::durable},
    {"read", FaultStep::read},
    {"truncate", FaultStep::truncate},
    {"snapshot", FaultStep::snapshot},
    {"install", FaultStep::install},
    {"load", FaultStep::load},
    {"epoch", FaultStep::epoch},
    {"purge", FaultStep::purge},
}};

constexpr std::array<std::pair<std::string_view, FaultAction>, 4> kActions = {{
    {"fail", FaultAction::fail},
    {"corrupt", FaultAction::corrupt},
    {"delay", FaultAction::delay},
    {"low", FaultAction::low},
}};

template <class Table>
auto find_in(const Table& table, std::string_view name)
    -> std::optional<decltype(table.front().second)> {
  for (const auto& [key, value] : table)
    if (key == name) return value;
  return std::nullopt;
}

template <class Table, class Value>
std::string_view name_in(const Table& table, Value value) {
  for (const auto& [key, known] : table)
    if (known == value) return key;
  return "";
}

std::vector<std::string_view> split(std::string_view text, std::string_view separators) {
  std::vector<std::string_view> parts;
  while (true) {
    const auto first = text.find_first_not_of(separators);
    if (first == text.npos) return parts;
    const auto end = std::min(text.find_first_of(separators, first), text.size());
    parts.push_back(text.substr(first, end - first));
    text.remove_prefix(end);
  }
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc{} && end == text.data() + text.size();
  return whole ? std::optional(value) : std::nullopt;
}

/// "20ms", "1s", "500us".
std::optional<Micros> duration(std::string_view text) {
  const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto count = number(text.substr(0, digits));
  const auto unit = text.substr(digits);
  const std::int64_t micros = unit == "s" ? 1'000'000 : unit == "ms" ? 1'000 : unit == "us" ? 1 : 0;
  // No more than an hour, and so no overflow.
  if (!count || micros == 0 || *count > 3'600'000'000) return std::nullopt;
  const Micros result(static_cast<std::int64_t>(*count) * micros);
  return result <= std::chrono::hours(1) ? std::optional(result) : std::nullopt;
}

/// "20ms" or "20ms..80ms".
bool read_delay(std::string_view text, FaultOrder& order) {
  const auto dots = text.find("..");
  const auto least = duration(text.substr(0, dots));
  const auto most = dots == text.npos ? least : duration(text.substr(dots + 2));
  if (!least || !most || *least > *most) return false;
  order.least = *least;
  order.most = *most;
  return true;
}

std::string steps_text() {
  std::string text;
  for (const auto& [name, step] : kSteps) text += (text.empty() ? "" : ", ") + std::string(name);
  return text;
}

Error malformed(std::string_view order, const std::string& wanted) {
  return {Errc::invalid_argument,
          "the fault \"" + std::string(order) + "\" is not understood: " + wanted};
}

bool fits(const FaultOrder& order) {
  if (order.action == FaultAction::corrupt)
    return order.step == FaultStep::read || order.step == FaultStep::load;
  return order.action != FaultAction::delay || order.step != FaultStep::append;
}

Result<FaultOrder> parse_order(std::string_view text) {
  const auto words = split(text, " \t");
  const auto action = find_in(kActions, words.front());
  if (!action) return malformed(text, "it begins with fail, corrupt, delay or low");
  FaultOrder order;
  order.action = *action;
  if (order.action == FaultAction::low)
    return words.size() == 1 ? Result<FaultOrder>(order) : malformed(text, "low stands alone");
  const auto step = words.size() > 1 ? find_in(kSteps, words[1]) : std::nullopt;
  if (!step) return malformed(text, "the second word is one of " + steps_text());
  order.step = *step;
  if (!fits(order))
    return malformed(text, "only read and load can be corrupt, and append has no outcome to delay");
  if (order.action == FaultAction::delay) {
    const bool good = words.size() == 3 && read_delay(words[2], order);
    return good ? Result<FaultOrder>(order)
                : malformed(text, "a delay ends like 20ms or 20ms..80ms, with us, ms or s");
  }
  const auto count = words.size() == 2 ? std::optional<std::uint64_t>(1) : number(words[2]);
  if (words.size() > 3 || !count || *count == 0)
    return malformed(text, "behind the step stands the number of the one that is meant, from 1 on");
  order.steps_left = *count;
  return order;
}

std::string text_of(Micros time) {
  const auto count = time.count();
  return count % 1000 == 0 ? std::to_string(count / 1000) + "ms" : std::to_string(count) + "us";
}

}  // namespace

std::string_view name_of(FaultAction action) { return name_in(kActions, action); }
std::string_view name_of(FaultStep step) { return name_in(kSteps, step); }

std::string FaultOrder::text() const {
  std::string words(name_of(action));
  if (action == FaultAction::low) return words;
  words += " " + std::string(name_of(step)) + " ";
  if (action != FaultAction::delay) return words + std::to_string(steps_left);
  return words + text_of(least) + (least == most ? "" : ".." + text_of(most));
}

Result<Faults> Faults::parse(std::string_view script) {
  Faults faults;
  for (const std::string_view text : split(script, ",")) {
    if (split(text, " \t").empty()) continue;
    auto order = parse_order(text);
    if (!order) return order.error();
    faults.orders_.push_back(*order);
  }
  return faults;
}

bool Faults::strikes(FaultAction action, FaultStep step) {
  bool struck = false;
  for (FaultOrder& order : orders_) {
    if (order.action != action || order.step != step || order.steps_left == 0) continue;
    if (--order.steps_left == 0) struck = true;
  }
  if (struck)
    std::erase_if(orders_, [&](const FaultOrder& order) {
      return order.action == action && order.step == step && order.steps_left == 0;
    });
  return struck;
}

FaultOrder Faults::delay_of(FaultStep step) const {
  for (const FaultOrder& order : orders_)
    if (order.action == FaultAction::delay && order.step == step) return order;
  return {};
}

bool Faults::low() const {
  return std::any_of(orders_.begin(), orders_.end(),
                     [](const FaultOrder& order) { return order.action == FaultAction::low; });
}

}  // namespace vivarium
