#pragma once
// Requests of every kind, on a few paths, so that they meet each other: what bytes of an input
// choose.

#include <string>
#include <string_view>

#include <vivarium/opcodes.hpp>

#include "tests/fuzz/choices.hpp"

namespace vivarium::fuzz {

struct ClientRequest {
  Op op{};
  std::string body;
  std::string path;           ///< That it is about; empty for none or several.
  bool leaves_watch = false;  ///< A read that asks for one.
  bool spoilt = false;        ///< The body is not what the operation's record would be.
};

ClientRequest some_request(Choices& choices);

/// Any operation, known or not, with any body.
ClientRequest any_bytes_as_request(Choices& choices);

}  // namespace vivarium::fuzz
