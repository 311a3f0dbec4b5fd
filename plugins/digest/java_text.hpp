#pragma once
// Bytes as Java reads them. ZooKeeper turns a credential into a String and hashes what it then
// encodes, so that ill-formed UTF-8 in a password decides the identity.

#include <string>
#include <string_view>

namespace vivarium {

/// `bytes` decoded by `new String(bytes, UTF_8)` and encoded again: U+FFFD stands for each longest
/// run that begins a character and does not end it, and for each byte that begins none. An encoded
/// surrogate counts as one ill-formed character.
std::string through_java_string(std::string_view bytes);

}  // namespace vivarium
