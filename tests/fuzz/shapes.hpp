#pragma once
// How records lie on the wire, written down a second time and read by other code: what the decoders
// are held to.

#include <optional>
#include <string>
#include <string_view>

namespace vivarium::fuzz {

/// A record that was read by its shape.
struct Shaped {
  std::string_view bytes;  ///< Of the record.
  std::string_view rest;   ///< Behind it.
  /// What writing it again should give: every null text and list is an empty one, every bool 0
  /// or 1.
  std::string canonical;
  bool null_list = false;
};

/// `shape` has a letter for each field: i, l: 4 and 8 bytes; z: a bool; s: a text, null or not;
/// b: data; S: a list of texts; A: an ACL. nullopt when the bytes do not begin with such a record.
std::optional<Shaped> read_shape(std::string_view shape, std::string_view bytes);

/// The shape of an operation's request; empty for one that has no record of its own.
std::string_view request_shape(int op);

/// Whether a record begins with a null.
bool begins_with_null(std::string_view record);

}  // namespace vivarium::fuzz
