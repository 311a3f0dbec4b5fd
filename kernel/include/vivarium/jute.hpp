#pragma once
// Jute, ZooKeeper's encoding, as a pair of cereal archives. A record is a plain struct with one
// `serialize` function; nobody writes a field list twice.
//
// Decoding: every size is checked against what is left before anything is allocated; the first error
// latches, later reads give zero values, and the caller looks at ok() once. Texts and buffers are views
// into the input. A null text decodes as an empty one without an address, which is_null() tells; where
// null has a meaning of its own the record has an std::optional. An archive is dear to make: one JuteIn or JuteOut is
// re-seated from frame to frame, and JuteReader and JuteWriter do where there is no record.
// Source: section A of the reference.

#include <vivarium/identity.hpp>

#include <cereal/cereal.hpp>

#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace vivarium {

/// Was the text, a decoded one, null on the wire?
inline bool is_null(std::string_view decoded) { return decoded.data() == nullptr; }

/// The least number of bytes that one element of a vector takes on the wire: what a count is checked
/// against. Records of vectors specialize it by a constant kJuteBytesMin.
template <class T>
struct JuteBytesMin {
  static constexpr std::size_t value = T::kJuteBytesMin;
};
template <>
struct JuteBytesMin<std::string_view> {
  static constexpr std::size_t value = 4;
};
template <>
struct JuteBytesMin<std::int64_t> {
  static constexpr std::size_t value = 8;
};
template <>
struct JuteBytesMin<AclEntry> {
  static constexpr std::size_t value = 12;
};

/// Numbers and buffers as they stand on the wire. Costs nothing to make, where an archive costs more than a small
/// record.
class JuteWriter {
 public:
  /// Appends to `out`, which is borrowed until the next seat().
  explicit JuteWriter(std::string& out) : out_(&out) {}
  void seat(std::string& out) { out_ = &out; }
  std::string& bytes() { return *out_; }

  template <class Integer>
  void put(Integer value) {
    using Unsigned = std::make_unsigned_t<Integer>;
    auto bits = static_cast<Unsigned>(value);
    if constexpr (sizeof(Integer) == 4) bits = static_cast<Unsigned>(__builtin_bswap32(bits));
    if constexpr (sizeof(Integer) == 8) bits = static_cast<Unsigned>(__builtin_bswap64(bits));
    out_->append(reinterpret_cast<const char*>(&bits), sizeof bits);
  }
  void put_bytes(std::string_view bytes) { out_->append(bytes); }

  void write(bool value) { put<std::int8_t>(value ? 1 : 0); }
  void write(std::int32_t value) { put(value); }
  void write(std::int64_t value) { put(value); }
  void write(std::string_view value) {
    put(static_cast<std::int32_t>(value.size()));
    put_bytes(value);
  }
  void write(const std::optional<std::string_view>& value) {
    if (!value) return put<std::int32_t>(-1);
    write(*value);
  }

 private:
  std::string* out_;
};

/// The same on the way in.
class JuteReader {
 public:
  explicit JuteReader(std::string_view in = {}) : in_(in) {}
  void seat(std::string_view in) {
    in_ = in;
    failed_ = saw_null_vector_ = false;
  }

  /// Everything so far was there and within bounds.
  bool ok() const { return !failed_; }
  void fail() { failed_ = true; }
  /// One of the vectors was null. It decoded as an empty one.
  bool saw_null_vector() const { return saw_null_vector_; }
  /// What has not been read yet.
  std::string_view rest() const { return in_; }

  template <class Integer>
  Integer take() {
    if (in_.size() < sizeof(Integer) || failed_) {
      failed_ = true;
      return 0;
    }
    std::make_unsigned_t<Integer> bits;
    std::memcpy(&bits, in_.data(), sizeof bits);
    in_.remove_prefix(sizeof bits);
    if constexpr (sizeof(Integer) == 4) bits = __builtin_bswap32(bits);
    if constexpr (sizeof(Integer) == 8) bits = __builtin_bswap64(bits);
    return static_cast<Integer>(bits);
  }

  /// A text or buffer; nullopt when it is null (or on failure).
  std::optional<std::string_view> take_bytes() {
    const auto size = take<std::int32_t>();
    if (size == -1 || failed_) return std::nullopt;
    if (size < 0 || static_cast<std::size_t>(size) > in_.size()) {
      failed_ = true;
      return std::nullopt;
    }
    const auto bytes = in_.substr(0, static_cast<std::size_t>(size));
    in_.remove_prefix(bytes.size());
    return bytes;
  }

  /// The count of a vector, checked against the bytes that are left; 0 for a null one.
  std::size_t take_count(std::size_t element_bytes_min) {
    const auto count = take<std::int32_t>();
    if (count == -1) saw_null_vector_ = true;
    if (count <= 0 || failed_) return 0;  // Java reads every count below one as "no elements".
    if (static_cast<std::size_t>(count) > in_.size() / element_bytes_min) {
      failed_ = true;
      return 0;
    }
    return static_cast<std::size_t>(count);
  }

 private:
  std::string_view in_;
  bool failed_ = false, saw_null_vector_ = false;
};

class JuteOut : public cereal::OutputArchive<JuteOut, cereal::AllowEmptyClassElision>, public JuteWriter {
 public:
  explicit JuteOut(std::string& out) : OutputArchive(this), JuteWriter(out) {}
};

class JuteIn : public cereal::InputArchive<JuteIn, cereal::AllowEmptyClassElision>, public JuteReader {
 public:
  explicit JuteIn(std::string_view in = {}) : InputArchive(this), JuteReader(in) {}
};

// --- how the archives treat the types of records -------------------------------------------------

inline void CEREAL_SAVE_FUNCTION_NAME(JuteOut& ar, const bool& v) { ar.write(v); }
inline void CEREAL_SAVE_FUNCTION_NAME(JuteOut& ar, const std::int32_t& v) { ar.write(v); }
inline void CEREAL_SAVE_FUNCTION_NAME(JuteOut& ar, const std::int64_t& v) { ar.write(v); }
inline void CEREAL_SAVE_FUNCTION_NAME(JuteOut& ar, const std::string_view& v) { ar.write(v); }
inline void CEREAL_SAVE_FUNCTION_NAME(JuteOut& ar, const std::optional<std::string_view>& v) { ar.write(v); }
template <class T>
void CEREAL_SAVE_FUNCTION_NAME(JuteOut& ar, const std::vector<T>& v) {
  ar.put(static_cast<std::int32_t>(v.size()));
  for (const auto& element : v) ar(element);
}

inline void CEREAL_LOAD_FUNCTION_NAME(JuteIn& ar, bool& v) { v = ar.take<std::int8_t>() != 0; }
inline void CEREAL_LOAD_FUNCTION_NAME(JuteIn& ar, std::int32_t& v) { v = ar.take<std::int32_t>(); }
inline void CEREAL_LOAD_FUNCTION_NAME(JuteIn& ar, std::int64_t& v) { v = ar.take<std::int64_t>(); }
inline void CEREAL_LOAD_FUNCTION_NAME(JuteIn& ar, std::string_view& v) {
  v = ar.take_bytes().value_or(std::string_view());
}
inline void CEREAL_LOAD_FUNCTION_NAME(JuteIn& ar, std::optional<std::string_view>& v) {
  v = ar.take_bytes();
}
template <class T>
void CEREAL_LOAD_FUNCTION_NAME(JuteIn& ar, std::vector<T>& v) {
  v.resize(ar.take_count(JuteBytesMin<T>::value));
  for (auto& element : v) ar(element);
}

template <class T>
void CEREAL_SAVE_FUNCTION_NAME(JuteOut& ar, const cereal::NameValuePair<T>& v) {
  ar(v.value);
}
template <class T>
void CEREAL_LOAD_FUNCTION_NAME(JuteIn& ar, cereal::NameValuePair<T>& v) {
  ar(v.value);
}

/// No record, and no vector of any.
template <class T>
inline constexpr bool is_plain_jute =
    std::is_same_v<T, bool> || std::is_same_v<T, std::int32_t> || std::is_same_v<T, std::int64_t> ||
    std::is_same_v<T, std::string_view> || std::is_same_v<T, std::optional<std::string_view>>;

/// Appends values to `out`.
template <class... Values>
void append_jute(std::string& out, const Values&... values) {
  if constexpr ((is_plain_jute<Values> && ...)) {
    JuteWriter writer(out);
    (writer.write(values), ...);
  } else {
    JuteOut archive(out);
    archive(values...);
  }
}

template <class Archive>
void serialize(Archive& ar, AclEntry& v) {
  ar(cereal::make_nvp("perms", v.perms), cereal::make_nvp("scheme", v.scheme),
     cereal::make_nvp("id", v.id));
}

}  // namespace vivarium
