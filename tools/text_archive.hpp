#pragma once
// A cereal archive that writes a record as one line for people: path="/a" version=3. Texts are quoted,
// with what cannot be shown escaped, and cut when they are long.

#include <vivarium/jute.hpp>

#include <cereal/cereal.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vivarium::tools {

class TextArchive : public cereal::OutputArchive<TextArchive, cereal::AllowEmptyClassElision> {
 public:
  /// Appends to `out`; shows so many bytes of each text.
  TextArchive(std::string& out, std::size_t text_bytes_max)
      : OutputArchive(this),
        out_(out),
        text_bytes_max_(text_bytes_max) {}

  std::string& out() { return out_; }
  void name(const char* name);
  void integer(std::int64_t value);
  void text(std::string_view text);

 private:
  std::string& out_;
  std::size_t text_bytes_max_;
  bool hex_ = false;  ///< The next integer is one that people know in hexadecimal.
};

inline void CEREAL_SAVE_FUNCTION_NAME(TextArchive& ar, const bool& v) {
  ar.out() += v ? "true" : "false";
}
inline void CEREAL_SAVE_FUNCTION_NAME(TextArchive& ar, const std::int32_t& v) { ar.integer(v); }
inline void CEREAL_SAVE_FUNCTION_NAME(TextArchive& ar, const std::int64_t& v) { ar.integer(v); }
inline void CEREAL_SAVE_FUNCTION_NAME(TextArchive& ar, const std::string_view& v) { ar.text(v); }
inline void CEREAL_SAVE_FUNCTION_NAME(TextArchive& ar, const std::optional<std::string_view>& v) {
  if (v)
    ar.text(*v);
  else
    ar.out() += "null";
}
template <class T>
void CEREAL_SAVE_FUNCTION_NAME(TextArchive& ar, const cereal::NameValuePair<T>& v) {
  ar.name(v.name);
  ar(v.value);
}
template <class T>
void CEREAL_SAVE_FUNCTION_NAME(TextArchive& ar, const std::vector<T>& v) {
  ar.out() += '[';
  for (const T& element : v) {
    if (&element != &v.front()) ar.out() += ", ";
    ar(element);
  }
  ar.out() += ']';
}

}  // namespace vivarium::tools
