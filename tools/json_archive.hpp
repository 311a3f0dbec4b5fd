#pragma once
// Records as JSON, by cereal's own archive: what it needs to know about the types of our records.
//
// Texts and data are JSON strings where they are UTF-8; other bytes are {"base64": "..."}. Null data is
// null.

#include <cereal/archives/json.hpp>
#include <cereal/cereal.hpp>

#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace vivarium::tools {

bool is_utf8(std::string_view bytes);

}  // namespace vivarium::tools

namespace cereal {

// No node of its own: a text is a value.
inline void prologue(JSONOutputArchive&, const std::string_view&) {}
inline void epilogue(JSONOutputArchive&, const std::string_view&) {}
inline void prologue(JSONOutputArchive&, const std::optional<std::string_view>&) {}
inline void epilogue(JSONOutputArchive&, const std::optional<std::string_view>&) {}

inline void CEREAL_SAVE_FUNCTION_NAME(JSONOutputArchive& ar, const std::string_view& v) {
  if (vivarium::tools::is_utf8(v)) {
    ar.writeName();
    ar.saveValue(std::string(v));
    return;
  }
  ar.startNode();
  ar.saveBinaryValue(v.data(), v.size(), "base64");
  ar.finishNode();
}

inline void CEREAL_SAVE_FUNCTION_NAME(JSONOutputArchive& ar,
                                      const std::optional<std::string_view>& v) {
  if (v) return CEREAL_SAVE_FUNCTION_NAME(ar, *v);
  ar.writeName();
  ar.saveValue(nullptr);
}

template <class T>
void CEREAL_SAVE_FUNCTION_NAME(JSONOutputArchive& ar, const std::vector<T>& v) {
  ar(make_size_tag(static_cast<size_type>(v.size())));
  for (const T& element : v) ar(element);
}

}  // namespace cereal

namespace vivarium::tools {

/// One object on one line, with what `fill` puts into the archive.
template <class Fill>
std::string json_line(const Fill& fill) {
  std::ostringstream out;
  {
    cereal::JSONOutputArchive archive(out, cereal::JSONOutputArchive::Options::NoIndent());
    fill(archive);
  }
  std::string text = out.str();
  std::erase(text, '\n');  // Within texts it is escaped.
  return text;
}

}  // namespace vivarium::tools
