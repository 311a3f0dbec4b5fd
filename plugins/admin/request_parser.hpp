#pragma once
// Cuts the next request out of what a connection received. Only the header is read: no page here takes
// a body.

#include "http_message.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace vivarium::admin {

class RequestParser {
 public:
  enum class Outcome : std::uint8_t {
    incomplete,  ///< The same bytes and more are wanted.
    complete,
    malformed,
    too_long,    ///< The header is longer than the limit.
  };
  struct Parsed {
    Outcome outcome = Outcome::incomplete;
    std::size_t taken = 0;  ///< Bytes of a complete request.
    HttpRequest request = {};
  };

  explicit RequestParser(std::uint32_t header_bytes_max);
  ~RequestParser();

  /// `bytes`: all that arrived and was not taken.
  Parsed parse(std::string_view bytes);

 private:
  struct State;

  const std::uint32_t header_bytes_max_;
  std::unique_ptr<State> state_;  ///< How far it came, so that no byte is looked at again and again.
};

}  // namespace vivarium::admin
